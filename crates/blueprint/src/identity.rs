//! The id of a blueprint: what makes two blueprints the same.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use trireme_release::Version;

use crate::goal::{Before, Goal, Window};
use crate::kubernetes::{Inventory, Node, RolledAnnotation};
use crate::policy::{Policy, Wanted};

/// Nodes of one kind, and where they come from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pool {
    /// `control-plane` or `workers`.
    pub name: String,
    /// The oldest version that a node of it starts from; none when the pool is already there.
    pub from: Option<Version>,
    /// The wanted version; its images are those of the wanted state.
    pub to: Version,
}

/// What the id covers: wanted state, policy and pools; not pods, waves, forecasts or times.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// The wanted state.
    pub wanted: Wanted,
    /// The policy.
    pub policy: Policy,
    /// The pools.
    pub pools: Vec<Pool>,
}

/// A roll that was begun and is not finished, as the nodes name it.
#[derive(Clone, Copy, Debug)]
pub struct CurrentRoll<'a> {
    /// Its id; empty for one that a release began that did not know ids of rolls.
    pub roll: &'a str,
    /// The id of its blueprint.
    pub blueprint: &'a str,
}

impl Identity {
    /// The identity of the roll that is due or under way.
    ///
    /// A node that the `current` roll has finished counts with the version it came from, so that the id stays the same from the
    /// first node to the last. A node that an earlier roll finished counts with what it runs.
    pub fn new(
        inventory: &Inventory,
        wanted: &Wanted,
        policy: &Policy,
        current: Option<CurrentRoll<'_>>,
    ) -> Self {
        let pool = |name: &str, control_plane: bool| {
            let nodes = inventory.nodes.values();
            let nodes = nodes.filter(|node| node.control_plane == control_plane);
            Pool {
                name: name.into(),
                from: nodes
                    .filter_map(|node| starts_from(node, &wanted.version, current))
                    .min(),
                to: wanted.version.clone(),
            }
        };
        Self {
            wanted: wanted.clone(),
            policy: policy.clone(),
            pools: vec![pool("control-plane", true), pool("workers", false)],
        }
    }

    /// What it pursues, apart from any roll and run: for a plan.
    pub fn goal(&self) -> Goal {
        Goal {
            blueprint: self.id(),
            roll: String::new(),
            epoch: 0,
            wanted: self.wanted.clone(),
            policy: self.policy.clone(),
            window: Window::Open,
            before: Before::default(),
        }
    }

    /// The oldest version that any pool starts from.
    pub fn from(&self) -> Option<&Version> {
        self.pools
            .iter()
            .filter_map(|pool| pool.from.as_ref())
            .min()
    }

    /// SHA-256 of the canonical JSON, in hex.
    ///
    /// The order of the keys is that of the structs, and maps are sorted, so that equal values have equal bytes. Keys that are
    /// added later are left out at their default ([`Policy`]).
    ///
    /// # Panics
    /// Never: text, numbers and lists have a JSON form.
    pub fn id(&self) -> String {
        let bytes = serde_json::to_vec(self).expect("text, numbers and lists have a JSON form");
        hex::encode(Sha256::digest(bytes))
    }
}

/// Where a node starts from in this roll; none when it has nothing to do with it.
fn starts_from(node: &Node, to: &Version, current: Option<CurrentRoll<'_>>) -> Option<Version> {
    if let Some(roll) = &node.roll {
        return Some(roll.from.clone());
    }
    if !to.accepts(&node.version) {
        return Some(node.version.clone());
    }
    let rolled = node.rolled.as_ref()?;
    let ours = current.is_some_and(|current| is_of(rolled, current));
    (ours && to.accepts(&rolled.to)).then(|| rolled.from.clone())
}

/// Whether `current` finished the node. Rolls of the first release have no id: there the blueprint has to be the same.
fn is_of(rolled: &RolledAnnotation, current: CurrentRoll<'_>) -> bool {
    let same = rolled.roll == current.roll;
    same && (!current.roll.is_empty() || rolled.blueprint == current.blueprint)
}
