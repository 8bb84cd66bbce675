//! What was observed of a Kubernetes cluster.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use trireme_release::Version;

use super::annotation::{RollAnnotation, RolledAnnotation};
use super::budget::Budget;

/// What was observed of a cluster.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Inventory {
    /// [`crate::FORMAT`].
    pub format: u32,
    /// When it was put together, by the clock of the machine that observed. For people: nothing is decided by it.
    pub observed_at: Timestamp,
    /// The version that the API server reports.
    pub server: Version,
    /// Every node, by name.
    pub nodes: BTreeMap<String, Node>,
    /// The pods of a node, by its name. A node without an entry was not looked at, which is not the same as empty.
    pub pods: BTreeMap<String, Vec<Pod>>,
    /// Every disruption budget.
    pub budgets: Vec<Budget>,
    /// Every DaemonSet; empty where no pods were observed.
    pub daemon_sets: Vec<DaemonSet>,
    /// The Jobs of Trireme.
    pub jobs: Vec<ActionJob>,
}

/// One node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Node {
    /// Its name.
    pub name: String,
    /// `metadata.uid`.
    #[serde(default)]
    pub uid: String,
    /// `metadata.resourceVersion`: a write with it fails if the node has changed since.
    #[serde(default)]
    pub resource_version: String,
    /// `topology.kubernetes.io/zone`, or `none`.
    pub zone: String,
    /// The version that its kubelet reports.
    pub version: Version,
    /// Its operating system image.
    pub image: String,
    /// Whether its Ready condition is `True`; `Unknown` is not.
    pub ready: bool,
    /// Whether new pods may be scheduled to it.
    pub schedulable: bool,
    /// Whether it carries the control plane.
    pub control_plane: bool,
    /// Set while an attempt is under way, by the patch that cordons the node.
    pub roll: Option<RollAnnotation>,
    /// Set when an attempt is finished, by the patch that uncordons the node.
    pub rolled: Option<RolledAnnotation>,
}

/// How a pod lives on its node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PodKind {
    /// Its controller starts it again elsewhere.
    Managed,
    /// It has no controller: nothing starts it again.
    Unmanaged,
    /// Its DaemonSet would start it on the same node.
    DaemonSet,
    /// A static pod, owned by the kubelet.
    Mirror,
    /// It ran to its end.
    Finished,
    /// A pod of one of our Jobs.
    Action,
}

/// The controller of a pod.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Owner {
    /// E.g. `Deployment`.
    pub kind: String,
    /// Its name.
    pub name: String,
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
    /// How it lives on its node.
    pub kind: PodKind,
    /// Whether its Ready condition is `True`.
    pub ready: bool,
    /// Whether its phase is `Succeeded` or `Failed`.
    #[serde(default)]
    pub ended: bool,
    /// Whether its deletion has begun (`metadata.deletionTimestamp`).
    pub terminating: bool,
    /// Finalizers that Kubernetes itself does not remove: a pod with one may stay after its deletion.
    #[serde(default)]
    pub finalizers: Vec<String>,
    /// Names of the budgets, in its namespace, that select it.
    pub budgets: Vec<String>,
}

/// One DaemonSet: on how many nodes it wants a pod, and on how many it has one.
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
pub struct ActionJob {
    /// Its name.
    pub name: String,
    /// `metadata.uid`.
    #[serde(default)]
    pub uid: String,
    /// The node it acts on.
    pub node: String,
    /// The attempt it belongs to; empty for a Job of a release that did not know attempts.
    #[serde(default)]
    pub attempt: String,
    /// The blueprint it belongs to.
    pub blueprint: String,
    /// When it was created, by the API server's clock. For people: nothing is decided by it.
    #[serde(default)]
    pub created_at: Option<Timestamp>,
    /// How far it is.
    pub state: JobState,
}

/// How far a Job is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum JobState {
    /// Not at its end yet.
    Active,
    /// Its condition Complete is `True`.
    Succeeded,
    /// Its condition Failed is `True`, and why.
    Failed(String),
    /// Its deletion has begun: it goes when its pods are gone.
    Terminating,
}

impl Inventory {
    /// Nodes with an attempt under way, by name.
    pub fn begun(&self) -> impl Iterator<Item = &Node> {
        self.nodes.values().filter(|node| node.roll.is_some())
    }

    /// Names of the nodes that a roll has cordoned and not given back.
    pub fn cordoned(&self) -> Vec<String> {
        let ours = self
            .nodes
            .values()
            .filter(|node| node.is_cordoned_by_roll());
        ours.map(|node| node.name.clone()).collect()
    }

    /// The pods of `node`, as far as they were observed.
    pub fn pods_of(&self, node: &str) -> impl Iterator<Item = &Pod> {
        self.pods.get(node).into_iter().flatten()
    }

    /// The pods that have to leave `node` before it is acted on, as far as they were observed.
    pub fn pods_to_evict(&self, node: &str) -> impl Iterator<Item = &Pod> {
        self.pods_of(node).filter(|pod| pod.must_leave())
    }

    /// Whether a pod of `daemon_set` may be missing on `node`: it has none there, and fewer than it wants in all.
    pub fn missing_pod(&self, daemon_set: &DaemonSet, node: &str) -> bool {
        daemon_set.is_short() && !self.pods_of(node).any(|pod| daemon_set.owns(pod))
    }

    /// Whether any node differs from `wanted`.
    pub fn differs_from(&self, wanted: &Version) -> bool {
        self.nodes.values().any(|node| node.differs_from(wanted))
    }

    /// The first control-plane node that differs from `wanted`: every worker waits for it.
    pub(crate) fn due_control_plane(&self, wanted: &Version) -> Option<&Node> {
        let mut planes = self.nodes.values().filter(|node| node.control_plane);
        planes.find(|node| node.differs_from(wanted))
    }
}

impl Node {
    /// Whether it runs something that `wanted` does not accept, or has an attempt under way.
    pub(crate) fn differs_from(&self, wanted: &Version) -> bool {
        self.roll.is_some() || !wanted.accepts(&self.version)
    }

    /// Whether pods can be scheduled to it now.
    pub fn in_service(&self) -> bool {
        self.ready && self.schedulable && self.roll.is_none()
    }

    /// Whether a roll has cordoned it and not given it back.
    pub fn is_cordoned_by_roll(&self) -> bool {
        self.roll.is_some() && !self.schedulable
    }

    /// For people: name and zone.
    pub fn title(&self) -> String {
        title(&self.name, &self.zone)
    }
}

/// For people: the name and zone of a node.
pub(crate) fn title(name: &str, zone: &str) -> String {
    format!("node {name} ({zone})")
}

impl DaemonSet {
    /// Whether it lacks a pod on some node, as far as its controller has said.
    fn is_short(&self) -> bool {
        !self.observed || self.current < self.desired
    }

    fn owns(&self, pod: &Pod) -> bool {
        let owner = pod.owner.as_ref();
        pod.kind == PodKind::DaemonSet
            && pod.namespace == self.namespace
            && owner.is_some_and(|owner| owner.name == self.name)
    }

    /// For people: what its controller says of its pods.
    pub fn counts(&self) -> String {
        if !self.observed {
            return "its controller has not processed its last change yet".into();
        }
        format!("{} of {} nodes have one", self.current, self.desired)
    }

    /// For people: kind, namespace and name.
    pub fn title(&self) -> String {
        format!("DaemonSet {}/{}", self.namespace, self.name)
    }
}

impl Pod {
    /// Whether it has to leave a node that is drained.
    pub fn must_leave(&self) -> bool {
        matches!(self.kind, PodKind::Managed | PodKind::Unmanaged)
    }

    /// Whether it should be Ready, wherever it is.
    pub fn should_be_ready(&self) -> bool {
        !self.terminating && !matches!(self.kind, PodKind::Finished | PodKind::Action)
    }

    /// Whether it is a pod of one of our Jobs that still runs, or may.
    pub fn is_running_action(&self) -> bool {
        self.kind == PodKind::Action && !self.ended
    }

    /// `namespace/name`.
    pub fn path(&self) -> String {
        format!("{}/{}", self.namespace, self.name)
    }

    /// For people: the names of its budgets, sorted.
    pub fn budget_names(&self) -> String {
        let mut names = self.budgets.clone();
        names.sort();
        names.join(", ")
    }

    /// For people: its owner if it has one, else itself.
    pub fn belongs_to(&self) -> String {
        match &self.owner {
            Some(owner) if self.kind != PodKind::Mirror => {
                format!("{} {}/{}", owner.kind, self.namespace, owner.name)
            }
            _ => format!("pod {}", self.path()),
        }
    }
}
