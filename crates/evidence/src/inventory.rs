//! `inventory.json`: what was observed of a cluster at one time.

mod first;

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::format::{format_of, parse, write};
use crate::{EvidenceError, Format};

/// The newest format of this file. Format 2 names DaemonSets and Jobs as Kubernetes does, and has the ids of attempts.
const FORMAT: u32 = 2;

/// `inventory.json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InventoryFile {
    /// The format number.
    pub format: Format<FORMAT>,
    /// When it was put together, by the clock of the machine that observed.
    pub observed_at: Timestamp,
    /// The version that the API server reports.
    pub server: String,
    /// Every node, by name.
    pub nodes: BTreeMap<String, ObservedNode>,
    /// The pods of a node, by its name. A node without an entry was not looked at, which is not the same as empty.
    #[serde(default)]
    pub pods: BTreeMap<String, Vec<Pod>>,
    /// Every disruption budget.
    #[serde(default)]
    pub budgets: Vec<ObservedBudget>,
    /// Every DaemonSet.
    #[serde(default)]
    pub daemon_sets: Vec<DaemonSet>,
    /// The Jobs of Trireme.
    #[serde(default)]
    pub jobs: Vec<Job>,
}

/// One node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ObservedNode {
    /// Its name.
    pub name: String,
    /// `topology.kubernetes.io/zone`, or `none`.
    pub zone: String,
    /// The version that its kubelet reports.
    pub version: String,
    /// Its operating system image.
    pub image: String,
    /// Whether its Ready condition is `True`.
    pub ready: bool,
    /// Whether new pods may be scheduled to it.
    pub schedulable: bool,
    /// Whether it carries the control plane.
    pub control_plane: bool,
    /// The attempt that is under way on it.
    pub roll: Option<BegunAttempt>,
    /// The attempt that was finished on it last.
    pub rolled: Option<FinishedAttempt>,
}

/// What the annotation of a node says of an attempt under way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BegunAttempt {
    /// The blueprint that it belongs to.
    pub blueprint: String,
    /// Its id; empty in annotations of the first release.
    #[serde(default)]
    pub attempt: String,
    /// The roll that it belongs to; empty in annotations of the first release.
    #[serde(default)]
    pub roll: String,
    /// The epoch of the Lease; 0 in annotations of the first release.
    #[serde(default)]
    pub epoch: u64,
    /// What the node ran before.
    pub from: String,
    /// What it brings.
    pub to: String,
    /// When the node was cordoned.
    pub cordoned_at: Timestamp,
}

/// What the annotation of a node says of a finished attempt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FinishedAttempt {
    /// The blueprint that it belonged to.
    pub blueprint: String,
    /// Its id; empty in annotations of the first release.
    #[serde(default)]
    pub attempt: String,
    /// The roll that it belonged to; empty in annotations of the first release.
    #[serde(default)]
    pub roll: String,
    /// The epoch of the Lease; 0 in annotations of the first release.
    #[serde(default)]
    pub epoch: u64,
    /// Whether one run observed all the times below. Otherwise their differences mean nothing.
    #[serde(default)]
    pub one_clock: bool,
    /// What the node ran before.
    pub from: String,
    /// What it runs since.
    pub to: String,
    /// When the node was cordoned.
    pub cordoned_at: Timestamp,
    /// When it was drained.
    pub drained_at: Timestamp,
    /// When its Job was complete.
    pub acted_at: Timestamp,
    /// When it was Ready on the wanted version.
    pub ready_at: Timestamp,
    /// When it was uncordoned.
    pub uncordoned_at: Timestamp,
}

/// One pod.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pod {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// What tells it from an earlier pod of the same name.
    pub uid: String,
    /// Its controller, a Deployment rather than its ReplicaSet.
    pub owner: Option<Owner>,
    /// `managed`, `unmanaged`, `daemon_set`, `mirror`, `finished`, or `action` for a pod of a Job of Trireme.
    pub kind: String,
    /// Whether its Ready condition is `True`.
    pub ready: bool,
    /// Whether its deletion has begun.
    pub terminating: bool,
    /// Finalizers that Kubernetes itself does not remove.
    #[serde(default)]
    pub finalizers: Vec<String>,
    /// Names of the budgets, in its namespace, that select it.
    pub budgets: Vec<String>,
}

/// The controller of a pod.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Owner {
    /// E.g. `Deployment`.
    pub kind: String,
    /// Its name.
    pub name: String,
}

/// One PodDisruptionBudget.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ObservedBudget {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// `status.disruptionsAllowed`.
    pub allowed: i32,
    /// `status.currentHealthy`.
    pub current: i32,
    /// `status.desiredHealthy`.
    pub desired: i32,
    /// `status.expectedPods`.
    pub expected: i32,
    /// Whether `status.observedGeneration` is the current generation.
    pub observed: bool,
}

/// One DaemonSet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DaemonSet {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// `status.desiredNumberScheduled`.
    pub desired: i32,
    /// `status.currentNumberScheduled`.
    pub current: i32,
    /// Whether `status.observedGeneration` is the current generation.
    pub observed: bool,
}

/// A Job that acts on one node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Job {
    /// Its name.
    pub name: String,
    /// The node.
    pub node: String,
    /// The attempt that it belongs to; empty for a Job of the first release.
    #[serde(default)]
    pub attempt: String,
    /// The blueprint that it belongs to.
    pub blueprint: String,
    /// `active`, `succeeded`, `failed` or `terminating`.
    pub state: String,
    /// Why it failed.
    #[serde(default)]
    pub reason: Option<String>,
}

impl InventoryFile {
    /// Reads the file, also one of format 1.
    ///
    /// # Errors
    /// When it is too large, malformed, or of a newer format.
    pub fn from_json(json: &[u8]) -> Result<Self, EvidenceError> {
        match format_of(json, FORMAT)? {
            1 => parse::<first::InventoryFile>(json, 1).map(Self::from),
            _ => parse(json, FORMAT),
        }
    }

    /// The text of the file.
    pub fn to_json(&self) -> Vec<u8> {
        write(self)
    }
}
