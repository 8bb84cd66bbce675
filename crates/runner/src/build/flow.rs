//! What stands around steps: hooks, attempts, timeouts. Order and meaning are those of `atc/exec`
//! (`ensure_step.go`, `on_*.go`, `retry_step.go`, `timeout_step.go`, `try_step.go`).

use super::{Scope, across, get, leaf, load_var, parallel, put, task, worst};
use crate::pipeline::{Core, Hooks, Job, Step, parse_duration};
use crate::report::Status;
use futures_util::future::{BoxFuture, FutureExt};
use std::time::Duration;

/// Runs a job's plan and its hooks.
pub(crate) async fn run_plan(job: &Job, scope: &Scope) -> Status {
    let status = one_after_another(&job.plan, scope).await;
    follow(&job.hooks, status, scope).await
}

/// Runs a step with everything around it.
pub(super) fn run_step<'s>(step: &'s Step, scope: &'s Scope) -> BoxFuture<'s, Status> {
    async move {
        if scope.interrupt.is_raised() {
            return scope.stopped();
        }
        let status = match &step.across {
            Some(values) => across::run(step, values, scope).await,
            None => attempts(step, scope).await,
        };
        follow(&step.hooks, status, scope).await
    }
    .boxed()
}

/// The hooks after a step, from the inside out: each sees what the ones before made of the end.
async fn follow(hooks: &Hooks, mut status: Status, scope: &Scope) -> Status {
    if let (Status::Succeeded, Some(hook)) = (status, &hooks.on_success) {
        status = run_step(hook, scope).await;
    }
    let after = scope.with(scope.interrupt.for_hooks());
    if let (Status::Failed | Status::Denied, Some(hook)) = (status, &hooks.on_failure) {
        status = worst([status, run_step(hook, scope).await]);
    }
    if let (Status::Aborted, Some(hook)) = (status, &hooks.on_abort) {
        run_step(hook, &after).await;
    }
    if let (Status::Errored, Some(hook)) = (status, &hooks.on_error) {
        run_step(hook, &after).await;
    }
    if let Some(hook) = &hooks.ensure {
        status = worst([status, run_step(hook, &after).await]);
    }
    status
}

/// Tries a step until it succeeds, as often as it says.
pub(super) async fn attempts(step: &Step, scope: &Scope) -> Status {
    let mut status = Status::Succeeded;
    for attempt in 1..=step.attempts {
        let numbered = if step.attempts > 1 {
            scope.at(&format!(" (attempt {attempt})"))
        } else {
            scope.clone()
        };
        status = in_time(step, &numbered).await;
        if status == Status::Succeeded || scope.interrupt.is_raised() {
            break;
        }
    }
    status
}

async fn in_time(step: &Step, scope: &Scope) -> Status {
    let Some(text) = &step.timeout else {
        return run_core(step, scope).await;
    };
    let filled = scope.fill_text(text).ok();
    match filled.as_deref().and_then(parse_duration) {
        Some(limit) => within(limit, step, scope).await,
        None => Status::Errored,
    }
}

/// A step whose time runs out has failed; its programs are stopped and waited for. One that goes on whatever happens inside
/// it (`try`) has not.
async fn within(limit: Duration, step: &Step, scope: &Scope) -> Status {
    let part = scope.with(scope.interrupt.part());
    let work = run_core(step, &part);
    let (status, in_time) = part.interrupt.limit(limit, work).await;
    if in_time {
        status
    } else if scope.interrupt.is_raised() {
        scope.stopped()
    } else if status == Status::Succeeded {
        status
    } else {
        Status::Failed
    }
}

async fn run_core(step: &Step, scope: &Scope) -> Status {
    match &step.core {
        Core::Get(inner) => get::run(inner, step, scope).await,
        Core::Put(inner) => put::run(inner, step, scope).await,
        Core::Task(inner) => task::run(inner, step, scope).await,
        Core::LoadVar(inner) => load_var::run(inner, step, scope).await,
        Core::Do(steps) => one_after_another(steps, scope).await,
        Core::InParallel(inner) => parallel::run(inner, scope).await,
        Core::Try(inner) => match run_step(inner, scope).await {
            Status::Aborted => Status::Aborted,
            _ => Status::Succeeded,
        },
        Core::Elsewhere(inner) => leaf::refused(inner, step, scope).await,
        Core::Refused => Status::Errored,
    }
}

async fn one_after_another(steps: &[Step], scope: &Scope) -> Status {
    for step in steps {
        let status = run_step(step, scope).await;
        if status != Status::Succeeded {
            return status;
        }
    }
    Status::Succeeded
}
