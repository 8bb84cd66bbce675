//! The patch that begins an attempt.

use super::action::{Action, NodeVersion, Start};
use super::annotation::{RollAnnotation, attempt_id};
use super::attempt::Attempt;
use super::blockers::unready_before;
use super::inventory::{Inventory, JobState, Node};
use crate::goal::Goal;
use crate::timers::Timers;

/// The patch that begins an attempt on `node`, or a new one. What is known of the node since it was first cordoned stays.
pub(crate) fn cordon(inventory: &Inventory, goal: &Goal, timers: &Timers, node: &Node) -> Action {
    Action::Cordon {
        node: NodeVersion::from(node),
        annotation: Box::new(next_attempt(inventory, goal, timers, node)),
    }
}

/// The patch that cordons `node` again, which something has uncordoned while its attempt was under way. The attempt stays the same,
/// and with it the time that it has.
pub(crate) fn cordon_again(goal: &Goal, node: &Node, roll: &RollAnnotation) -> Action {
    Action::Cordon {
        node: NodeVersion::from(node),
        annotation: Box::new(RollAnnotation {
            epoch: goal.epoch,
            ..roll.clone()
        }),
    }
}

fn next_attempt(
    inventory: &Inventory,
    goal: &Goal,
    timers: &Timers,
    node: &Node,
) -> RollAnnotation {
    let earlier = node.roll.as_ref();
    let now = timers.now().wall;
    RollAnnotation {
        blueprint: goal.blueprint.clone(),
        attempt: attempt_id(node),
        roll: goal.roll.clone(),
        epoch: goal.epoch,
        from: earlier.map_or(&node.version, |roll| &roll.from).clone(),
        to: goal.wanted.version.clone(),
        cordoned_at: earlier.map_or(now, |roll| roll.cordoned_at),
        clock: earlier.map_or(goal.epoch, |roll| roll.clock),
        acted: earlier.is_some_and(RollAnnotation::may_have_acted)
            || Attempt::on(inventory, node).is_some_and(|attempt| attempt.job().is_some()),
        started: false,
        unready_before: earlier.map_or_else(
            || unready_before(inventory, node),
            |roll| roll.unready_before.clone(),
        ),
    }
}

/// A planted bug: whether the Job of the attempt that would be begun on `node` is there.
pub(crate) fn has_job_of_next(inventory: &Inventory, node: &Node) -> bool {
    let mut jobs = inventory.jobs.iter();
    jobs.any(|job| job.node == node.name && job.state == JobState::Active)
}

/// A planted bug: the Job of the attempt that would be begun on `node`.
pub(crate) fn start_of_next(
    inventory: &Inventory,
    goal: &Goal,
    timers: &Timers,
    node: &Node,
) -> Action {
    Action::StartJob {
        node: NodeVersion::from(node),
        annotation: Box::new(next_attempt(inventory, goal, timers, node)),
        start: Start::First,
    }
}
