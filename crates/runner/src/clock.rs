//! The `time` resource: an interval, a window of the day, days of the week, and the moment at which it last passed.

mod schedule;
#[cfg(test)]
mod tests;

use crate::problem::Problems;
use crate::report::Version;
use crate::yaml::Node;
use jiff::Timestamp;
use schedule::Schedule;

/// What is wrong with the source of a `time` resource.
pub(crate) fn validate(source: &Node, context: &str, problems: &mut Problems) {
    Schedule::read(source, context, problems);
}

/// What `check` gives: the last time, and the present when it is due (`check_command.go` of time-resource). Nothing while no
/// window has been open yet.
pub(crate) fn check(
    source: &Node,
    last: Option<&Version>,
    now: Timestamp,
) -> Result<Vec<Version>, String> {
    let mut problems = Problems::default();
    let schedule = Schedule::read(source, "source", &mut problems);
    if let Some(problem) = problems.errors.first() {
        return Err(problem.message.clone());
    }
    let before = last.and_then(|version| version.get("time")?.parse::<Timestamp>().ok());
    let is_due = (before.is_none() && schedule.initial_version)
        || schedule
            .is_due(before, now)
            .map_err(|error| error.to_string())?;
    let known = last.filter(|_| before.is_some()).cloned();
    Ok(known.into_iter().chain(is_due.then(|| at(now))).collect())
}

/// What `out` gives: the present.
pub(crate) fn now() -> Version {
    at(Timestamp::now())
}

fn at(time: Timestamp) -> Version {
    Version::from([("time".to_owned(), time.to_string())])
}
