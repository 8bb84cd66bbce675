//! The `time` resource: an interval, and the moment at which it last passed.

use crate::pipeline::parse_duration;
use crate::problem::Problems;
use crate::report::Version;
use crate::yaml::Node;
use jiff::{SignedDuration, Timestamp};

/// What is wrong with the source of a `time` resource, as far as the runner understands it.
pub(crate) fn validate(source: &Node, context: &str, problems: &mut Problems) {
    let mut fields = crate::pipeline::Fields::new(source, context, problems);
    if let Some(interval) = fields.string("interval")
        && parse_duration(&interval.text).is_none()
        && crate::vars::references(&interval.text).is_empty()
    {
        fields.error(
            interval.at,
            "`interval` must be a duration such as 10m or 24h",
        );
    }
    // A run is started by a person: it does not wait for a window to open.
    for key in [
        "start",
        "stop",
        "days",
        "location",
        "start_after",
        "initial_version",
    ] {
        fields.refuse(
            key,
            "windows of time are not understood here; only `interval` is",
        );
    }
    fields.finish();
}

/// What `check` gives: the last time while the interval has not passed, then the present.
pub(crate) fn check(source: &Node, last: Option<&Version>, now: Timestamp) -> Version {
    let interval = source
        .get("interval")
        .and_then(Node::as_str)
        .and_then(parse_duration)
        .unwrap_or_default();
    let before = last.and_then(|version| version.get("time")?.parse::<Timestamp>().ok());
    let passed = |before: Timestamp| {
        SignedDuration::try_from(interval)
            .is_ok_and(|interval| now.duration_since(before) >= interval)
    };
    match (last, before) {
        (Some(last), Some(before)) if !passed(before) => last.clone(),
        _ => at(now),
    }
}

/// What `out` gives: the present.
pub(crate) fn now() -> Version {
    at(Timestamp::now())
}

fn at(time: Timestamp) -> Version {
    Version::from([("time".to_owned(), time.to_string())])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::yaml;

    #[test]
    fn the_time_moves_when_the_interval_has_passed() {
        let source = yaml::parse("{interval: 10m}").unwrap();
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let first = check(&source, None, at("2026-01-01T00:00:00Z"));
        assert_eq!(first["time"], "2026-01-01T00:00:00Z");
        assert_eq!(
            check(&source, Some(&first), at("2026-01-01T00:09:59Z")),
            first
        );
        assert_eq!(
            check(&source, Some(&first), at("2026-01-01T00:10:00Z"))["time"],
            "2026-01-01T00:10:00Z"
        );
    }

    #[test]
    fn a_window_is_refused_by_name() {
        let mut problems = Problems::default();
        let source = yaml::parse("{interval: 10m, start: 8:00 PM, intervall: 1m}").unwrap();
        validate(&source, "resources.t.source", &mut problems);
        let messages: Vec<&str> = problems
            .errors
            .iter()
            .map(|problem| problem.message.as_str())
            .collect();
        assert_eq!(messages.len(), 2, "{messages:?}");
        assert!(messages[0].contains("`start`") && messages[1].contains("`intervall`"));
    }
}
