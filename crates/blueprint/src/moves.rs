//! Which writes are due now.

use std::time::Duration;

use jiff::Timestamp;

use crate::goal::Goal;
use crate::inventory::{Inventory, Node, Rolled};
use crate::order::{self, canaries_owed, is_done};
use crate::turn;

/// One write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Act {
    /// Cordon the node and say so on it, in one patch.
    Cordon(String),
    /// Ask for the eviction of every pod that must leave and is not leaving yet.
    Evict(String),
    /// Start the Job that acts on the node.
    StartJob(String),
    /// Remove a Job that failed in an earlier run, so that it can be tried again.
    RetireJob(String),
    /// Let pods on the node again and say what was done, in one patch.
    Uncordon(String, Box<Rolled>),
}

/// Something that has to happen first, without us.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wait {
    /// For whom, e.g. `node w-3 (az-b)`.
    pub object: String,
    /// For what.
    pub what: String,
}

/// Why the roll ends before its time.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StopReason {
    /// Pods did not leave in time.
    #[error("not empty after {0} s; still there: {1}")]
    DrainTimeout(u64, String),
    /// The Job failed.
    #[error("the act failed: Job {job}: {why}")]
    ActFailed {
        /// The Job's name.
        job: String,
        /// What its status says, and how its container ended as far as that is known.
        why: String,
    },
    /// The Job did not end in time.
    #[error("the act did not end within {0} s")]
    ActTimeout(u64),
    /// The node did not become Ready and healthy in time.
    #[error("not back in service {0} s after its act: {1}")]
    NodeTimeout(u64, String),
    /// The cluster was not healthy enough to take the next node.
    #[error("the cluster did not become healthy within {0} s: {1}")]
    HealthTimeout(u64, String),
    /// The version-skew policy forbids the step.
    #[error("{0}")]
    Skew(String),
}

/// The end of the roll, before its time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stop {
    /// Which node stopped it, as [`Node::title`]; or `cluster`.
    pub object: String,
    /// Why.
    pub reason: StopReason,
    /// A node on which nothing was done yet: it is given back to service.
    pub restore: Option<String>,
}

/// What to do now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Moves {
    /// Every node is where it shall be.
    Done,
    /// Do these (perhaps none), then look again when something has changed.
    Go(Vec<Act>, Vec<Wait>),
    /// Stop.
    Stop(Stop),
}

/// What one node needs.
pub(crate) enum Turn {
    Act(Act),
    Wait(Wait),
    Stop(Stop),
}

/// The writes that are due, from the inventory alone.
///
/// Nodes that were begun are finished before another is touched. Another is touched only when every budget holds, in no
/// zone but that of the nodes being worked on, and within the limit of that zone.
pub fn moves(inventory: &Inventory, goal: &Goal, now: Timestamp) -> Moves {
    let active = inventory.active();
    let mut turns: Vec<_> = active
        .flat_map(|node| turn::of(inventory, goal, node, now))
        .collect();
    match next(inventory, goal) {
        Some(node) => turns.push(begin(inventory, goal, node, now)),
        None if turns.is_empty() => return Moves::Done,
        None => {}
    }
    let (mut acts, mut waits) = (Vec::new(), Vec::new());
    for turn in turns {
        match turn {
            Turn::Act(act) => acts.push(act),
            Turn::Wait(wait) => waits.push(wait),
            Turn::Stop(stop) => return Moves::Stop(stop),
        }
    }
    Moves::Go(acts, waits)
}

/// The next node that may be begun beside those that are being worked on.
fn next<'a>(inventory: &'a Inventory, goal: &Goal) -> Option<&'a Node> {
    let due = order::order(inventory, &goal.policy);
    let node = due
        .into_iter()
        .find(|node| node.roll.is_none() && !is_done(node, &goal.wanted.version))?;
    let beside =
        |active: &Node| active.zone == node.zone && active.control_plane == node.control_plane;
    if !inventory.active().all(beside) {
        return None;
    }
    let room = inventory.active().count() < order::limit(inventory, goal, node);
    room.then_some(node)
}

/// Begins `node`, or says what has to be true first.
fn begin(inventory: &Inventory, goal: &Goal, node: &Node, now: Timestamp) -> Turn {
    let wait = |what| {
        Turn::Wait(Wait {
            object: node.title(),
            what,
        })
    };
    let quiet_since = goal.since(last_finished(inventory, goal).unwrap_or(goal.started_at));
    if let Some((what, lasting)) = hindrance(inventory, goal, node) {
        if lasting {
            return stop(node, StopReason::Skew(what));
        }
        if overdue(quiet_since, goal.policy.node_timeout, now) {
            let seconds = goal.policy.node_timeout.as_secs();
            return stop(node, StopReason::HealthTimeout(seconds, what));
        }
        return wait(what);
    }
    // The soak follows the last canary, and only it.
    let soaking = canaries_owed(inventory, goal) == 0
        && inventory
            .nodes
            .values()
            .filter(|node| order::is_canary(node, goal))
            .count()
            == goal.policy.canary as usize;
    let soaked_from = last_finished(inventory, goal).filter(|_| soaking && !node.control_plane);
    if soaked_from.is_some_and(|at| !overdue(at, goal.policy.soak, now)) {
        return wait(format!(
            "after the canary, for {} s",
            goal.policy.soak.as_secs()
        ));
    }
    Turn::Act(Act::Cordon(node.name.clone()))
}

/// Why `node` may not be begun now, and whether waiting cannot help.
fn hindrance(inventory: &Inventory, goal: &Goal, node: &Node) -> Option<(String, bool)> {
    if let Err(violation) = order::skew(&inventory.server, node, &goal.wanted.version) {
        // What the API server calls itself may lag a little behind the last control-plane node.
        let has_plane = inventory.nodes.values().any(|node| node.control_plane);
        let lasting = node.control_plane || goal.wanted.version < node.version || !has_plane;
        return Some((violation.to_string(), lasting));
    }
    let broken = inventory.budgets.iter().filter(|budget| !budget.holds());
    if let Some(budget) = broken.min_by_key(|budget| budget.title()) {
        let (name, current, desired) = (budget.title(), budget.current, budget.desired);
        return Some((
            format!("budget {name}: {current} of {desired} healthy"),
            false,
        ));
    }
    if !node.in_service() {
        let state = if node.ready { "cordoned" } else { "not Ready" };
        return Some((format!("it is {state}, not by us"), false));
    }
    let away: Vec<_> = order::peers(inventory, node)
        .filter(|peer| !peer.in_service())
        .map(|peer| peer.name.clone())
        .collect();
    let full = away.len() >= order::limit(inventory, goal, node);
    full.then(|| {
        (
            format!("out of service in its zone: {}", away.join(", ")),
            false,
        )
    })
}

/// When this roll finished its last node.
fn last_finished(inventory: &Inventory, goal: &Goal) -> Option<Timestamp> {
    let rolled = inventory
        .nodes
        .values()
        .filter_map(|node| node.rolled.as_ref());
    let ours = rolled.filter(|rolled| rolled.blueprint == goal.blueprint);
    ours.map(|rolled| rolled.uncordoned_at).max()
}

/// Whether `limit` has passed since `since`.
pub(crate) fn overdue(since: Timestamp, limit: Duration, now: Timestamp) -> bool {
    now.duration_since(since).unsigned_abs() >= limit && now >= since
}

/// The end of the roll, because of `node`.
pub(crate) fn stop(node: &Node, reason: StopReason) -> Turn {
    Turn::Stop(Stop {
        object: node.title(),
        reason,
        restore: None,
    })
}
