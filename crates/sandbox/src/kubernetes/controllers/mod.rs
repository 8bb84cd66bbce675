//! The control loops: what a cluster does by itself.
//!
//! Every loop reads the whole world and makes the next small change that is missing. Only the clocks of the kubelets are
//! kept in memory, so a restart only restarts them. A pass runs when something changed or a clock is due,
//! and again until nothing is left to change; an idle world costs nothing.

mod clocks;
mod daemon_set;
mod deployment;
mod disruption;
mod endpoints;
mod garbage;
mod job;
mod kubelet;
mod namespace;
mod node;
mod pods;
mod replica_set;
mod scheduler;
mod stateful_set;

use std::{io, sync::Arc, time::Duration};

use serde_json::Value;
use tokio::time::{Instant, sleep, sleep_until};

use self::clocks::Clocks;
use super::{
    failure::Failure,
    options::Timings,
    store::{Store, World},
};

/// After a pass that could not be kept (disk full) the next one waits so long.
const PAUSE_AFTER_FAILURE: Duration = Duration::from_secs(1);

/// Runs the control loops for ever.
pub(crate) async fn run(store: Arc<Store>, timings: Timings) {
    let mut changes = store.changes();
    let mut clocks = Clocks::default();
    loop {
        changes.borrow_and_update();
        clocks.begin(Instant::now());
        let passed = store.with(|world| pass(world, &timings, &mut clocks));
        if passed.is_err() {
            sleep(PAUSE_AFTER_FAILURE).await;
            continue;
        }
        let changed = match clocks.next_due() {
            Some(due) => tokio::select! {
                changed = changes.changed() => changed,
                () = sleep_until(due) => Ok(()),
            },
            None => changes.changed().await,
        };
        if changed.is_err() {
            return;
        }
    }
}

/// One look at everything. Budgets come after the pods, endpoints last: an address is taken away no later than its pod.
fn pass(world: &mut World, timings: &Timings, clocks: &mut Clocks) -> Result<(), Failure> {
    namespace::reconcile(world)?;
    garbage::reconcile(world)?;
    deployment::reconcile(world)?;
    replica_set::reconcile(world)?;
    stateful_set::reconcile(world)?;
    daemon_set::reconcile(world)?;
    job::reconcile(world, clocks)?;
    node::reconcile(world)?;
    scheduler::reconcile(world)?;
    kubelet::reconcile(world, timings, clocks)?;
    disruption::reconcile(world, clocks)?;
    endpoints::reconcile(world)
}

/// A refusal concerns one object only (the real controller writes an event): the loops go on. A change that could not be stored
/// stops the pass.
fn unless_refused<T>(outcome: Result<T, Failure>) -> Result<(), Failure> {
    match outcome {
        Err(failure) if failure.code < 500 => Ok(()),
        other => other.map(drop),
    }
}

/// Writes an object if it differs from what it was.
fn put_changed(world: &mut World, plural: &'static str, old: &Value, new: Value) -> io::Result<()> {
    if *old != new {
        world.put(plural, new)?;
    }
    Ok(())
}
