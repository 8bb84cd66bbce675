//! The blueprint: waves of steps, each with the state of its precondition.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use trireme_release::Version;

use crate::identity::{Identity, Pool};
use crate::inventory::{Inventory, Node};
use crate::order;
use crate::policy::{Policy, Wanted};

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
    /// What it shall run.
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
pub enum Quiet {
    /// The cluster has no nodes.
    NoNodes,
    /// Every node runs the wanted version and none is being worked on.
    AllThere,
}

/// What [`plan`] answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Plan {
    /// Nothing is to do, and why.
    Quiet(Quiet),
    /// This is to do.
    Blueprint(Box<Blueprint>),
}

/// Plans the way from `inventory` to `wanted`. `finished_at` is when the last roll ended: what nodes say of earlier rolls is history.
pub fn plan(
    inventory: &Inventory,
    wanted: &Wanted,
    policy: &Policy,
    finished_at: Option<Timestamp>,
) -> Plan {
    if inventory.nodes.is_empty() {
        return Plan::Quiet(Quiet::NoNodes);
    }
    if !inventory.differs_from(&wanted.version) {
        return Plan::Quiet(Quiet::AllThere);
    }
    let identity = Identity::new(inventory, wanted, policy, finished_at);
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

fn waves(inventory: &Inventory, identity: &Identity) -> Vec<Wave> {
    let (policy, wanted) = (&identity.policy, &identity.wanted.version);
    let mut waves: Vec<Wave> = Vec::new();
    let mut workers = 0;
    let mut first = true;
    for node in order::order(inventory, policy) {
        workers += u32::from(!node.control_plane);
        let (name, at_once) = match node {
            Node {
                control_plane: true,
                ..
            } => ("control plane".into(), 1),
            _ if workers <= policy.canary => ("canary".into(), 1),
            _ => {
                let whole = order::peers(inventory, node).count();
                (
                    format!("zone {}", node.zone),
                    policy.max_unavailable.of(whole),
                )
            }
        };
        let state = state(inventory, node, wanted, first);
        first &= state == StepState::True;
        let step = Step {
            node: node.name.clone(),
            zone: node.zone.clone(),
            from: node.version.clone(),
            to: wanted.clone(),
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

fn state(inventory: &Inventory, node: &Node, wanted: &Version, first: bool) -> StepState {
    if node.roll.is_some() {
        return StepState::Begun;
    }
    if order::is_done(node, wanted) {
        return StepState::True;
    }
    match order::skew(&inventory.server, node, wanted) {
        Err(violation) if node.control_plane || *wanted < node.version => {
            StepState::Violated(violation.to_string())
        }
        Err(_) if order::passes_with_control_plane(inventory, wanted) => {
            StepState::Waiting("the control plane".into())
        }
        Err(violation) => StepState::Violated(violation.to_string()),
        Ok(()) if first => StepState::Ready,
        Ok(()) => StepState::Waiting("the steps before it".into()),
    }
}
