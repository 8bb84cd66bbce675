//! Work at the same time, with a limit, and an end at the first failure if so wished.

use super::{Scope, flow, worst};
use crate::pipeline::InParallel;
use crate::report::Status;
use futures_util::future::BoxFuture;
use futures_util::stream::{self, StreamExt};

pub(super) async fn run(parallel: &InParallel, scope: &Scope) -> Status {
    let part = scope.with(scope.interrupt.part());
    let work = parallel
        .steps
        .iter()
        .map(|step| flow::run_step(step, &part))
        .collect();
    together(work, parallel.limit, parallel.fail_fast, scope, &part).await
}

/// Runs all of it, at most `limit` at a time; `part` is the scope in which it runs, `scope` the one around it.
pub(super) async fn together(
    work: Vec<BoxFuture<'_, Status>>,
    limit: Option<u64>,
    fail_fast: bool,
    scope: &Scope,
    part: &Scope,
) -> Status {
    let at_once = limit
        .and_then(|limit| usize::try_from(limit).ok())
        .unwrap_or(work.len())
        .max(1);
    let mut running = stream::iter(work).buffer_unordered(at_once);
    let mut ended = Vec::new();
    while let Some(status) = running.next().await {
        ended.push(status);
        if fail_fast && status != Status::Succeeded {
            part.interrupt.stop();
        }
    }
    // What `fail_fast` cut short did not end the build: the failure that cut it did.
    let cut_short = |status: &Status| *status == Status::Aborted && !scope.interrupt.is_raised();
    ended.retain(|status| !cut_short(status));
    worst(ended)
}
