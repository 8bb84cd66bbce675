//! Kubernetes under the planner: what was observed of a cluster, what a node lacks, and what it needs next.

mod action;
pub(crate) mod annotation;
mod attempt;
mod begin;
mod blockers;
mod budget;
mod decide;
mod file;
mod inventory;
mod preflight;

pub use action::{Action, NodeVersion, Start};
pub use annotation::{RollAnnotation, RolledAnnotation, job_name};
pub(crate) use blockers::{Phase, blockers};
pub(crate) use blockers::{some_of, violation};
pub use budget::Budget;
pub use file::inventory_file;
pub use inventory::{ActionJob, DaemonSet, Inventory, JobState, Node, Owner, Pod, PodKind};

use crate::blocker::Blocker;
use crate::decision::Decision;
use crate::goal::{Before, Goal};
use crate::planted::{Bug, planted};
use crate::snapshot::{Preflight, Snapshot};
use crate::timers::{Stage, Timers};
use crate::unit::{Driver, Role, Status, Unit};

/// The nodes as the planner sees them.
pub(crate) fn units(inventory: &Inventory, goal: &Goal) -> Vec<Unit> {
    inventory
        .nodes
        .values()
        .map(|node| unit(inventory, node, goal))
        .collect()
}

fn unit(inventory: &Inventory, node: &Node, goal: &Goal) -> Unit {
    let status = match &node.roll {
        Some(roll) => Status::Begun {
            attempt: roll.attempt.clone(),
        },
        None if goal.wanted.version.accepts(&node.version) => Status::Done {
            by_this_roll: goal.finished(node).is_some(),
        },
        None => Status::Due,
    };
    Unit {
        name: node.name.clone(),
        title: node.title(),
        zone: node.zone.clone(),
        role: if node.control_plane {
            Role::ControlPlane
        } else {
            Role::Worker
        },
        version: node.version.clone(),
        status,
        in_service: node.in_service(),
        driver: Driver::Executor,
        waits_for_control_plane: decide::waits_for_control_plane(inventory, goal, node),
    }
}

impl Goal {
    /// What `node` says of this roll, when this roll has finished it.
    pub(crate) fn finished<'a>(&self, node: &'a Node) -> Option<&'a RolledAnnotation> {
        let rolled = node.rolled.as_ref()?;
        let ours = rolled.blueprint == self.blueprint && rolled.roll == self.roll;
        ours.then_some(rolled)
    }
}

impl Snapshot for Inventory {
    type Action = Action;

    fn units(&self, goal: &Goal) -> Vec<Unit> {
        units(self, goal)
    }

    fn blockers(&self, goal: &Goal, unit: &str) -> Vec<Blocker> {
        let Some(node) = self.nodes.get(unit) else {
            return vec![Blocker::OutOfService {
                unit: format!("node {unit}"),
                found: "not in the cluster any more".into(),
            }];
        };
        let units = units(self, goal);
        let mut found = blockers(self, goal, &units, node, Phase::Act);
        found.extend(blockers(self, goal, &units, node, Phase::Drain));
        found
    }

    fn begin(&self, goal: &Goal, timers: &Timers, unit: &str) -> Option<Action> {
        let node = self.nodes.get(unit)?;
        if planted(Bug::ActBeforeRecord) && !begin::has_job_of_next(self, node) {
            return Some(begin::start_of_next(self, goal, timers, node));
        }
        Some(begin::cordon(self, goal, timers, node))
    }

    fn decide(&self, goal: &Goal, timers: &Timers, unit: &str) -> Vec<Decision<Action>> {
        let node = self.nodes.get(unit);
        node.map_or_else(Vec::new, |node| decide::decide(self, goal, timers, node))
    }

    fn before(&self, goal: &Goal) -> Before {
        decide::before(self, goal)
    }

    fn preflight(&self, goal: &Goal) -> Preflight {
        preflight::preflight(self, goal)
    }

    fn stages(&self) -> Vec<(String, String, Stage)> {
        attempt::stages(self)
    }

    fn taken_out(&self) -> Vec<String> {
        self.cordoned()
    }

    fn unit_of(action: &Action) -> &str {
        action.node()
    }

    fn changes_service(action: &Action) -> bool {
        action.changes_service()
    }

    fn reached(action: &Action) -> Option<String> {
        action.reached()
    }

    fn give_back(&self, unit: &str) -> Option<Action> {
        let node = self.nodes.get(unit)?;
        let roll = node.roll.as_ref().filter(|roll| !roll.may_have_acted())?;
        let unacted = !self.jobs.iter().any(|job| job.attempt == roll.attempt);
        unacted.then(|| Action::GiveBack {
            node: NodeVersion::from(node),
        })
    }

    fn shows(&self, action: &Action) -> bool {
        action.is_shown_by(self)
    }
}
