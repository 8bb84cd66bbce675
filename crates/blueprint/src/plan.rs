//! The blueprint: waves of steps, each with the state of its precondition.

use serde::{Deserialize, Serialize};
use trireme_release::Version;

use crate::identity::{CurrentRoll, Identity, Pool};
use crate::kubernetes::{self, Inventory};
use crate::next;
use crate::policy::{Policy, Wanted};
use crate::unit::{Role, Status, Unit};

/// The next safe state of the cluster, and the steps to it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Blueprint {
    /// [`crate::FORMAT`].
    pub format: u32,
    /// What makes it this blueprint, see [`Identity::id`].
    pub id: String,
    /// The oldest version that a node starts from.
    pub from: Version,
    /// The wanted state.
    pub wanted: Wanted,
    /// What holds on the way.
    pub policy: Policy,
    /// Where each pool starts.
    pub pools: Vec<Pool>,
    /// What is done together, in order.
    pub waves: Vec<Wave>,
}

/// Steps of one zone, or those of the control plane or the canaries.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wave {
    /// E.g. `control plane`, `canary`, `zone az-a`.
    pub name: String,
    /// How many of its nodes may be out of service at once.
    pub at_once: usize,
    /// Its steps, in order.
    pub steps: Vec<Step>,
}

/// One fact to reach: this node runs the wanted version and takes pods.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// The node.
    pub node: String,
    /// Its zone.
    pub zone: String,
    /// What it runs.
    pub from: Version,
    /// The target version.
    pub to: Version,
    /// How the fact stands.
    pub state: StepState,
}

/// How a step stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StepState {
    /// The fact is true.
    True,
    /// Its precondition holds: it can be done now.
    Ready,
    /// It has been begun.
    Begun,
    /// Its precondition does not hold yet.
    Waiting(String),
    /// Its precondition cannot come to hold by itself.
    Violated(String),
}

/// Why there is nothing to plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoPlan {
    /// The cluster has no nodes.
    NoNodes,
    /// Every node runs the wanted version and none is being worked on.
    UpToDate,
}

/// What [`plan`] answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Plan {
    /// Nothing is to do, and why.
    NoPlan(NoPlan),
    /// This is to do.
    Blueprint(Box<Blueprint>),
}

/// Plans the way from `inventory` to `wanted`. `current` is the roll that was begun and is not finished: what nodes say of other rolls is history.
pub fn plan(
    inventory: &Inventory,
    wanted: &Wanted,
    policy: &Policy,
    current: Option<CurrentRoll<'_>>,
) -> Plan {
    if inventory.nodes.is_empty() {
        return Plan::NoPlan(NoPlan::NoNodes);
    }
    if !inventory.differs_from(&wanted.version) {
        return Plan::NoPlan(NoPlan::UpToDate);
    }
    let identity = Identity::new(inventory, wanted, policy, current);
    Plan::Blueprint(Box::new(Blueprint::new(inventory, identity)))
}

impl Blueprint {
    /// The blueprint of this identity, with its steps as they stand in `inventory`.
    pub fn new(inventory: &Inventory, identity: Identity) -> Self {
        Self {
            format: crate::FORMAT,
            id: identity.id(),
            from: identity.from().unwrap_or(&identity.wanted.version).clone(),
            waves: waves(inventory, &identity),
            wanted: identity.wanted,
            policy: identity.policy,
            pools: identity.pools,
        }
    }
}

impl Blueprint {
    /// How many of its nodes are done, and how many there are.
    pub fn done(&self) -> (usize, usize) {
        let steps = self.waves.iter().flat_map(|wave| &wave.steps);
        let done = steps.clone().filter(|step| step.state == StepState::True);
        (done.count(), steps.count())
    }
}

fn waves(inventory: &Inventory, identity: &Identity) -> Vec<Wave> {
    let policy = &identity.policy;
    let goal = identity.goal();
    let units = kubernetes::units(inventory, &goal);
    let mut waves: Vec<Wave> = Vec::new();
    let (mut workers, mut first) = (0, true);
    for unit in next::in_order(&units, policy) {
        workers += u32::from(unit.role == Role::Worker);
        let (name, at_once) = wave_of(unit, workers, &units, policy);
        let state = state(inventory, &identity.wanted.version, unit, first);
        first &= state == StepState::True;
        let step = Step {
            node: unit.name.clone(),
            zone: unit.zone.clone(),
            from: unit.version.clone(),
            to: identity.wanted.version.clone(),
            state,
        };
        match waves.last_mut().filter(|wave| wave.name == name) {
            Some(wave) => wave.steps.push(step),
            None => waves.push(Wave {
                name,
                at_once,
                steps: vec![step],
            }),
        }
    }
    waves
}

/// The wave of `unit`, the worker with this number, and how many of it may be out of service at once.
fn wave_of(unit: &Unit, workers: u32, units: &[Unit], policy: &Policy) -> (String, usize) {
    if unit.role == Role::ControlPlane {
        return ("control plane".into(), 1);
    }
    if workers <= policy.canary {
        return ("canary".into(), 1);
    }
    let group = units.iter().filter(|other| other.is_beside(unit)).count();
    (
        format!("zone {}", unit.zone),
        policy.max_unavailable.of(group),
    )
}

fn state(inventory: &Inventory, wanted: &Version, unit: &Unit, first: bool) -> StepState {
    match unit.status {
        Status::Begun { .. } => return StepState::Begun,
        Status::Done { .. } => return StepState::True,
        Status::Due => {}
    }
    let node = &inventory.nodes[&unit.name];
    let Some(violation) = kubernetes::violation(&inventory.server, node, wanted) else {
        return match first {
            true => StepState::Ready,
            false => StepState::Waiting("the steps before it".into()),
        };
    };
    let worker = unit.role == Role::Worker && wanted.release() >= node.version.release();
    match worker && inventory.due_control_plane(wanted).is_some() {
        true => StepState::Waiting("the control plane".into()),
        false => StepState::Violated(violation.to_string()),
    }
}
