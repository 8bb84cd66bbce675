//! Which writes are due now.

use jiff::Timestamp;

use crate::act::{Act, Stop, StopReason, Turn, Wait, overdue, stop};
use crate::goal::Goal;
use crate::inventory::{Inventory, Node};
use crate::order::{self, canaries_owed, is_done};
use crate::turn;

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
    let nodes = inventory.nodes.values();
    let finished = nodes.filter_map(|node| goal.finished(node));
    finished.map(|rolled| rolled.uncordoned_at).max()
}
