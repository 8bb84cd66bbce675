//! One write to a cluster.

use serde::{Deserialize, Serialize};

use super::annotation::{RollAnnotation, RolledAnnotation};
use super::inventory::{Inventory, JobState, Node, Pod};

/// A node as it was when something was decided about it. A write with it fails if the node has changed since.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeVersion {
    /// Its name.
    pub name: String,
    /// Its `metadata.resourceVersion`.
    pub resource_version: String,
}

/// One write, with all that it needs: it acts on what was observed, or fails.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Cordon the node and begin an attempt on it, in one patch.
    Cordon {
        /// The node.
        node: NodeVersion,
        /// What is written on it.
        annotation: Box<RollAnnotation>,
    },
    /// Ask for the eviction of these pods.
    Evict {
        /// Their node.
        node: String,
        /// The pods.
        pods: Vec<Pod>,
    },
    /// Start the Job of the attempt.
    StartJob {
        /// The node.
        node: String,
        /// The id of the attempt.
        attempt: String,
    },
    /// Delete the failed Job of an earlier attempt, in the foreground: it goes after its pods.
    DeleteJob {
        /// The node.
        node: String,
        /// The Job's name.
        job: String,
        /// Its UID.
        uid: String,
    },
    /// Uncordon the node and finish the attempt, in one patch.
    Uncordon {
        /// The node.
        node: NodeVersion,
        /// What is written on it.
        annotation: Box<RolledAnnotation>,
    },
    /// Uncordon a node on which nothing was done, and end the attempt, in one patch.
    GiveBack {
        /// The node.
        node: NodeVersion,
    },
}

impl From<&Node> for NodeVersion {
    fn from(node: &Node) -> Self {
        Self {
            name: node.name.clone(),
            resource_version: node.resource_version.clone(),
        }
    }
}

impl Action {
    /// The name of the node that it is about.
    pub fn node(&self) -> &str {
        match self {
            Self::Cordon { node, .. } | Self::Uncordon { node, .. } | Self::GiveBack { node } => {
                &node.name
            }
            Self::Evict { node, .. }
            | Self::StartJob { node, .. }
            | Self::DeleteJob { node, .. } => node,
        }
    }

    /// Whether its effect is there to see in `inventory`.
    pub(crate) fn is_shown_by(&self, inventory: &Inventory) -> bool {
        let Some(node) = inventory.nodes.get(self.node()) else {
            return true;
        };
        let attempt_now = node.roll.as_ref().map(|roll| roll.attempt.as_str());
        match self {
            Self::Cordon { annotation, .. } => {
                attempt_now == Some(&annotation.attempt) && !node.schedulable
            }
            Self::Evict { node, pods } => pods.iter().all(|pod| is_leaving(inventory, node, pod)),
            Self::StartJob { attempt, .. } => inventory
                .jobs
                .iter()
                .any(|job| job.attempt == *attempt && job.node == node.name),
            Self::DeleteJob { uid, .. } => {
                let mut jobs = inventory.jobs.iter();
                !jobs.any(|job| job.uid == *uid && job.state != JobState::Terminating)
            }
            Self::Uncordon { annotation, .. } => {
                let rolled = node.rolled.as_ref();
                let shown = rolled.is_some_and(|rolled| rolled.attempt == annotation.attempt);
                attempt_now.is_none() && shown
            }
            Self::GiveBack { .. } => attempt_now.is_none(),
        }
    }
}

fn is_leaving(inventory: &Inventory, node: &str, pod: &Pod) -> bool {
    let mut there = inventory.pods_of(node);
    !there.any(|other| other.uid == pod.uid && !other.terminating)
}
