//! What did not end well in a run.

use serde::Serialize;
use trireme_runner::{BuildReport, JobOutcome, RunReport, Status, StepKind, StepReport};

/// A step, or a build without such a step, that did not succeed.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Trouble {
    /// The job.
    pub job: String,
    /// Kind and name, as `put platform`; null where no single step is to blame.
    pub step: Option<String>,
    /// How it ended.
    pub status: Status,
    /// What it said about that.
    pub reason: Option<String>,
}

/// How the last roll ended that a run began.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RollEnd {
    /// None was begun, or there was nothing to do.
    None,
    /// It stopped on the way. Which nodes it has done is kept on the cluster, and is not in this report.
    Unfinished,
    /// Every node is done.
    Finished,
}

impl RollEnd {
    /// By the last put of a cluster, and whether a roll left evidence.
    pub(super) fn of(report: &RunReport, has_evidence: bool) -> Self {
        let is_roll = |step: &&StepReport| {
            step.kind == StepKind::Put && step.linked.as_deref() == Some("cluster")
        };
        match report.steps().filter(is_roll).last() {
            Some(put) if put.status != Status::Succeeded => Self::Unfinished,
            _ if has_evidence => Self::Finished,
            _ => Self::None,
        }
    }
}

/// What did not succeed, by job. A step whose build went on and succeeded is no trouble.
pub(super) fn of(report: &RunReport) -> Vec<Trouble> {
    let mut found = Vec::new();
    for job in &report.jobs {
        match &job.outcome {
            JobOutcome::Built(builds) => {
                let ill = builds.iter().filter(|one| one.status != Status::Succeeded);
                found.extend(ill.flat_map(of_build));
            }
            JobOutcome::Unknown(check) => found.push(of_step(&job.name, check)),
            JobOutcome::Idle(_) => {}
        }
    }
    found
}

fn of_build(build: &BuildReport) -> Vec<Trouble> {
    let ill = build.steps.iter().filter(|step| stopped(build, step));
    let found: Vec<_> = ill.map(|step| of_step(&build.job, step)).collect();
    if !found.is_empty() {
        return found;
    }
    vec![Trouble {
        job: build.job.clone(),
        step: None,
        status: build.status,
        reason: None,
    }]
}

/// Whether the step kept its build from succeeding: a failure inside of `try` does not, nor one that a later attempt made good.
fn stopped(build: &BuildReport, step: &StepReport) -> bool {
    if step.status == Status::Succeeded {
        return false;
    }
    let place = |step: &StepReport| without_attempts(&step.path);
    let made_good = |other: &StepReport| {
        other.status == Status::Succeeded && other.kind == step.kind && place(other) == place(step)
    };
    let own = step.path.split(' ').next().unwrap_or_default();
    let is_tried = own.split('.').any(|part| part == "try");
    // What interrupts a run goes through a `try`.
    (step.status == Status::Aborted || !is_tried) && !build.steps.iter().any(made_good)
}

/// The place of a step, whichever of its attempts this was: `plan[0] (attempt 2)`.
fn without_attempts(path: &str) -> String {
    let parts = path
        .split(" (")
        .filter(|part| !part.starts_with("attempt "));
    parts.collect::<Vec<_>>().join(" (")
}

fn of_step(job: &str, step: &StepReport) -> Trouble {
    Trouble {
        job: job.to_owned(),
        step: Some(format!("{} {}", step.kind, step.name)),
        status: step.status,
        reason: step.reason.clone(),
    }
}

impl Trouble {
    /// For people: job and step, how it ended, and why.
    pub(super) fn text(&self) -> String {
        let step = self.step.iter().map(|step| format!(" {step}"));
        let text = format!("{}{}: {}", self.job, step.collect::<String>(), self.status);
        match &self.reason {
            Some(reason) => format!("{text}: {reason}"),
            None => text,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use jiff::Timestamp;
    use trireme_runner::JobReport;

    use super::*;

    fn step(path: &str, status: Status) -> StepReport {
        StepReport {
            kind: StepKind::Task,
            name: "t".to_owned(),
            path: path.to_owned(),
            resource: None,
            linked: None,
            version: None,
            metadata: Vec::new(),
            dir: None,
            cached: false,
            status,
            exit: None,
            reason: Some(path.to_owned()),
            started_at: Timestamp::UNIX_EPOCH,
            took: Duration::ZERO,
        }
    }

    #[test]
    fn only_what_stopped_the_build_is_a_trouble() {
        use Status::{Failed, Succeeded};
        let steps = [
            ("plan[0].try", Failed),
            ("plan[1].try.do[0]", Failed),
            ("plan[2] (attempt 1)", Failed),
            ("plan[2] (attempt 2)", Succeeded),
            ("plan[3] (try: a.try) (attempt 1)", Failed),
            ("plan[3] (try: b) (attempt 1)", Succeeded),
            ("ensure", Succeeded),
        ];
        let build = BuildReport {
            job: "j".to_owned(),
            number: 1,
            status: Failed,
            steps: steps.map(|(path, status)| step(path, status)).into(),
            dir: "/none".into(),
            started_at: Timestamp::UNIX_EPOCH,
            took: Duration::ZERO,
        };
        let report = RunReport {
            jobs: vec![JobReport {
                name: "j".to_owned(),
                named: false,
                outcome: JobOutcome::Built(vec![build]),
            }],
            started_at: Timestamp::UNIX_EPOCH,
            took: Duration::ZERO,
            aborted: false,
        };
        let reasons = of(&report).into_iter().filter_map(|trouble| trouble.reason);
        assert_eq!(
            reasons.collect::<Vec<_>>(),
            ["plan[3] (try: a.try) (attempt 1)"]
        );
    }
}
