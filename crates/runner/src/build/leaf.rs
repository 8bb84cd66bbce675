//! What every step that does something has in common: its report.

use super::Scope;
use crate::pipeline::{Core, Elsewhere, Step};
use crate::progress;
use crate::report::{Metadatum, Status, StepKind, StepReport, Version};
use crate::wire::Reply;
use jiff::Timestamp;
use std::path::PathBuf;
use std::time::Instant;
use tracing::Instrument as _;

/// How a step ended, with what is known of it.
#[derive(Debug, Default)]
pub(crate) struct StepResult {
    pub resource: Option<String>,
    pub linked: Option<String>,
    pub version: Option<Version>,
    pub metadata: Vec<Metadatum>,
    pub dir: Option<PathBuf>,
    pub cached: bool,
    pub exit: Option<i32>,
    /// `None`: it succeeded.
    pub trouble: Option<(Status, String)>,
}

impl StepResult {
    /// Records why it did not succeed.
    pub fn fail(&mut self, status: Status, reason: impl Into<String>) {
        self.trouble = Some((status, reason.into()));
    }

    /// Takes the answer out of a reply, or records why there is none.
    pub fn take<T>(&mut self, reply: Result<Reply<T>, String>) -> Option<T> {
        match reply {
            Ok(Reply::Answer(answer)) => {
                self.exit = Some(0);
                return Some(answer);
            }
            Ok(Reply::Refused { code, said }) => {
                self.exit = Some(code);
                // The exit codes of our resources: 2 is a verdict, everything else a failure.
                let status = if code == 2 {
                    Status::Denied
                } else {
                    Status::Failed
                };
                self.fail(status, format!("exit code {code}: {said}"));
            }
            Ok(Reply::Interrupted { said }) if said.is_empty() => {
                self.fail(Status::Aborted, "interrupted");
            }
            Ok(Reply::Interrupted { said }) => self.fail(Status::Aborted, said),
            Err(reason) => self.fail(Status::Errored, reason),
        }
        None
    }
}

/// Runs the work of a step inside of its span, and reports it.
pub(crate) async fn reported(
    kind: StepKind,
    name: &str,
    step: &Step,
    scope: &Scope,
    work: impl AsyncFnOnce(&mut StepResult) -> Result<(), String>,
) -> Status {
    let span = progress::step(&scope.build.job, kind, name);
    let work = report(kind, name, step, scope, work);
    work.instrument(span).await
}

async fn report(
    kind: StepKind,
    name: &str,
    step: &Step,
    scope: &Scope,
    work: impl AsyncFnOnce(&mut StepResult) -> Result<(), String>,
) -> Status {
    let build = &scope.build;
    progress::step_started();
    let (started_at, clock) = (Timestamp::now(), Instant::now());
    let mut ending = StepResult::default();
    if let Err(reason) = work(&mut ending).await {
        ending.fail(Status::Errored, reason);
    }
    if matches!(ending.trouble, Some((Status::Aborted, _))) && scope.interrupt.is_late() {
        ending.fail(scope.stopped(), "its time is over");
    }
    let (status, reason) = match ending.trouble {
        Some((status, reason)) => (status, Some(build.mask(&reason))),
        None => (Status::Succeeded, None),
    };
    build.report(StepReport {
        kind,
        name: name.to_owned(),
        path: format!("{}{}", place(step), build.mask(&scope.suffix)),
        resource: ending.resource,
        linked: ending.linked,
        version: ending.version,
        metadata: ending.metadata,
        dir: ending.dir,
        cached: ending.cached,
        status,
        exit: ending.exit,
        reason,
        started_at,
        took: clock.elapsed(),
    });
    status
}

/// Reports a step that only a Concourse does.
pub(super) async fn refused(elsewhere: &Elsewhere, step: &Step, scope: &Scope) -> Status {
    let reason = elsewhere.reason.to_owned();
    let (kind, name) = (elsewhere.kind, elsewhere.name.text.as_str());
    reported(kind, name, step, scope, async |_| Err(reason)).await
}

/// Reports a step that could not even be started.
pub(super) fn cannot_start(step: &Step, scope: &Scope, reason: &str) -> Status {
    let (kind, name) = match &step.core {
        Core::Get(get) => (StepKind::Get, get.name.text.as_str()),
        Core::Put(put) => (StepKind::Put, put.name.text.as_str()),
        Core::LoadVar(load) => (StepKind::LoadVar, load.name.text.as_str()),
        Core::Task(task) => (StepKind::Task, task.name.text.as_str()),
        Core::Elsewhere(other) => (other.kind, other.name.text.as_str()),
        _ => (StepKind::Task, "across"),
    };
    let fail = reported(kind, name, step, scope, async |_| Err(reason.to_owned()));
    futures_util::FutureExt::now_or_never(fail).unwrap_or(Status::Errored)
}

/// The place of a step inside its job.
fn place(step: &Step) -> &str {
    let context = &step.context;
    context
        .find(".plan[")
        .map_or(context, |at| &context[at + 1..])
}
