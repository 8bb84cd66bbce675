//! One write to a cluster.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::annotation::{RollAnnotation, RolledAnnotation, job_name};
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
    /// Ask for the eviction of a pod. Made only while the attempt holds the node.
    Evict {
        /// Its node.
        node: String,
        /// The id of the attempt that holds the node.
        attempt: String,
        /// The pod.
        pod: Box<Pod>,
    },
    /// Write on the node that the Job of the attempt is started, then start it.
    StartJob {
        /// The node.
        node: NodeVersion,
        /// What is written on it.
        annotation: Box<RollAnnotation>,
        /// What is known of an earlier start.
        start: Start,
    },
    /// Delete the failed Job of an earlier attempt, in the foreground: it goes after its pods. Made only while the attempt holds the
    /// node.
    DeleteJob {
        /// The node.
        node: String,
        /// The id of the attempt that holds the node.
        attempt: String,
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

/// Whether the Job of an attempt was started before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// It was not.
    First,
    /// This run has started it and does not see it yet. The Job has the same name, so that there is only one.
    Repeated,
    /// An earlier run has started it, or was about to, and it is gone. What it did is not known.
    AfterLost,
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
            Self::Cordon { node, .. }
            | Self::StartJob { node, .. }
            | Self::Uncordon { node, .. }
            | Self::GiveBack { node } => &node.name,
            Self::Evict { node, .. } | Self::DeleteJob { node, .. } => node,
        }
    }

    /// Whether it takes the node out of service or gives it back.
    pub fn changes_service(&self) -> bool {
        matches!(
            self,
            Self::Cordon { .. } | Self::Uncordon { .. } | Self::GiveBack { .. }
        )
    }

    /// For people, once it is confirmed: what was reached.
    pub(crate) fn reached(&self) -> Option<String> {
        let Self::Uncordon {
            annotation: rolled, ..
        } = self
        else {
            return None;
        };
        let (from, to) = (&rolled.from, &rolled.to);
        let took = rolled.uncordoned_at.duration_since(rolled.cordoned_at);
        Some(match rolled.one_clock {
            true => format!("{from} to {to} in {:.1} s", took.as_secs_f64()),
            false => format!("{from} to {to}"),
        })
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
            Self::Evict { node, pod, .. } => is_leaving(inventory, node, pod),
            Self::StartJob { annotation, .. } => inventory
                .jobs
                .iter()
                .any(|job| job.attempt == annotation.attempt && job.node == node.name),
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

impl fmt::Display for Action {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cordon { annotation, .. } => {
                let (from, to) = (&annotation.from, &annotation.to);
                write!(formatter, "cordoning, {from} to {to}")
            }
            Self::Evict { pod, .. } => write!(formatter, "evicting pod {}", pod.path()),
            Self::StartJob {
                node,
                annotation,
                start,
            } => {
                let job = job_name(&node.name, &annotation.attempt);
                match start {
                    Start::First | Start::Repeated => {
                        write!(formatter, "empty, starting Job {job}")
                    }
                    Start::AfterLost => write!(
                        formatter,
                        "an earlier run may have started Job {job}, which is gone, so its outcome is not known; starting it again"
                    ),
                }
            }
            Self::DeleteJob { job, .. } => write!(formatter, "deleting the failed Job {job}"),
            Self::Uncordon { .. } => formatter.write_str("healthy, uncordoning"),
            Self::GiveBack { .. } => formatter.write_str("uncordoning, nothing was done on it"),
        }
    }
}

fn is_leaving(inventory: &Inventory, node: &str, pod: &Pod) -> bool {
    let mut there = inventory.pods_of(node);
    !there.any(|other| other.uid == pod.uid && !other.terminating)
}
