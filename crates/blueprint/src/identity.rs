//! The id of a blueprint: what makes two blueprints the same.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use trireme_release::Version;

use crate::inventory::{Inventory, Node};
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

impl Identity {
    /// The identity of the roll that is due or under way.
    ///
    /// A node that this roll has finished counts with the version it came from, so the id stays the same from the first
    /// node to the last. A node that an earlier roll finished, at or before `finished_at`, counts with what it runs.
    pub fn new(
        inventory: &Inventory,
        wanted: &Wanted,
        policy: &Policy,
        finished_at: Option<Timestamp>,
    ) -> Self {
        let pool = |name: &str, control_plane: bool| {
            let nodes = || {
                let all = inventory.nodes.values();
                all.filter(move |node| node.control_plane == control_plane)
            };
            let start = |node: &Node| starts_from(node, &wanted.version, finished_at);
            Pool {
                name: name.into(),
                from: nodes().filter_map(start).min(),
                to: wanted.version.clone(),
            }
        };
        Self {
            wanted: wanted.clone(),
            policy: policy.clone(),
            pools: vec![pool("control-plane", true), pool("workers", false)],
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
    pub fn id(&self) -> String {
        // Field order is that of the structs and maps are sorted, so equal values have equal bytes. A struct of text,
        // numbers and lists always has a JSON form.
        let bytes = serde_json::to_vec(self).unwrap_or_default();
        hex::encode(Sha256::digest(bytes))
    }
}

/// Where a node starts from in this roll; none when it has nothing to do with it.
fn starts_from(node: &Node, to: &Version, finished_at: Option<Timestamp>) -> Option<Version> {
    if let Some(roll) = &node.roll {
        return Some(roll.from.clone());
    }
    if node.version != *to {
        return Some(node.version.clone());
    }
    let rolled = node.rolled.as_ref()?;
    let current = finished_at.is_none_or(|at| rolled.uncordoned_at > at);
    (current && rolled.to == *to).then(|| rolled.from.clone())
}
