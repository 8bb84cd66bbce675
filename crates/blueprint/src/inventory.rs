//! What was observed of a cluster, at one time.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use trireme_release::Version;

/// What was observed of a cluster.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Inventory {
    /// [`crate::FORMAT`].
    pub format: u32,
    /// When the observation began.
    pub observed_at: Timestamp,
    /// What the API server says it is.
    pub server: Version,
    /// Every node, by name.
    pub nodes: BTreeMap<String, Node>,
    /// The pods of a node, by its name. A node without an entry was not looked at, which is not the same as empty.
    pub pods: BTreeMap<String, Vec<Pod>>,
    /// Every disruption budget.
    pub budgets: Vec<Budget>,
    /// Every DaemonSet, as it was just before the pods were looked at; none where no pods were.
    pub daemons: Vec<Daemon>,
    /// Jobs of ours.
    pub jobs: Vec<ActJob>,
}

/// One node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Node {
    /// Its name.
    pub name: String,
    /// `topology.kubernetes.io/zone`, or `none`.
    pub zone: String,
    /// What its kubelet reports.
    pub version: Version,
    /// Its operating system image.
    pub image: String,
    /// Whether its Ready condition is `True`; `Unknown` is not.
    pub ready: bool,
    /// When its Ready condition last changed.
    pub ready_since: Option<Timestamp>,
    /// Whether new pods may be put on it.
    pub schedulable: bool,
    /// Whether it carries the control plane.
    pub control_plane: bool,
    /// Set while we work on it, in the patch that cordons it.
    pub roll: Option<Roll>,
    /// Set when we were done with it, in the patch that uncordons it.
    pub rolled: Option<Rolled>,
}

/// The annotation of a node that we are working on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Roll {
    /// The blueprint it belongs to.
    pub blueprint: String,
    /// What the node ran before.
    pub from: Version,
    /// What it shall run.
    pub to: Version,
    /// When it was cordoned.
    pub cordoned_at: Timestamp,
}

/// The annotation of a node that we have finished.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rolled {
    /// The blueprint it belonged to.
    pub blueprint: String,
    /// What the node ran before.
    pub from: Version,
    /// What it runs since.
    pub to: Version,
    /// When it was cordoned.
    pub cordoned_at: Timestamp,
    /// When it was empty.
    pub drained_at: Timestamp,
    /// When the act on it was done.
    pub acted_at: Timestamp,
    /// When it was Ready on its new version.
    pub ready_at: Timestamp,
    /// When it took pods again.
    pub uncordoned_at: Timestamp,
}

/// What kind of life a pod leads on its node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PodKind {
    /// Its controller starts it again elsewhere.
    Managed,
    /// Nobody starts it again.
    Unmanaged,
    /// Its DaemonSet would start it on the same node.
    Daemon,
    /// A static pod, owned by the kubelet.
    Mirror,
    /// It ran to its end.
    Finished,
    /// A pod of one of our Jobs.
    Act,
}

/// Who keeps a pod running.
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
    /// What kind of life it leads.
    pub kind: PodKind,
    /// Whether its Ready condition is `True`.
    pub ready: bool,
    /// Whether its deletion has begun.
    pub leaving: bool,
    /// Names of the budgets, in its namespace, that select it.
    pub budgets: Vec<String>,
}

/// One PodDisruptionBudget.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Budget {
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

/// One DaemonSet: how many nodes shall have a pod of it, and how many have.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Daemon {
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

/// One Job of ours.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ActJob {
    /// Its name.
    pub name: String,
    /// The node it acts on.
    pub node: String,
    /// The blueprint it belongs to.
    pub blueprint: String,
    /// When it was created: the node was empty then.
    pub created_at: Timestamp,
    /// How far it is.
    pub state: JobState,
}

/// How far a Job is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum JobState {
    /// Not at its end yet.
    Active,
    /// Its condition Complete is `True`, since then.
    Succeeded(Timestamp),
    /// Its condition Failed is `True`, since then, and why.
    Failed(Timestamp, String),
}

impl Inventory {
    /// Nodes that we are working on, by name.
    pub fn active(&self) -> impl Iterator<Item = &Node> {
        self.nodes.values().filter(|node| node.roll.is_some())
    }

    /// Names of the nodes that we work on and that take no pods.
    pub fn cordoned(&self) -> Vec<String> {
        let ours = self.nodes.values().filter(|node| node.is_cordoned());
        ours.map(|node| node.name.clone()).collect()
    }

    /// Whether `daemon` may owe `node` a pod: it has none on it, and fewer than it shall have in all.
    pub fn owes(&self, daemon: &Daemon, node: &str) -> bool {
        let mut pods = self.pods.get(node).into_iter().flatten();
        daemon.is_short() && !pods.any(|pod| daemon.owns(pod))
    }

    /// Whether any node reports another version, or is still being worked on.
    pub fn differs_from(&self, wanted: &Version) -> bool {
        let differs = |node: &Node| node.roll.is_some() || node.version != *wanted;
        self.nodes.values().any(differs)
    }
}

impl Node {
    /// Whether pods can be put on it now.
    pub fn in_service(&self) -> bool {
        self.ready && self.schedulable && self.roll.is_none()
    }

    /// Whether we work on it and it takes no pods.
    pub fn is_cordoned(&self) -> bool {
        self.roll.is_some() && !self.schedulable
    }

    /// For people: name and zone.
    pub fn title(&self) -> String {
        format!("node {} ({})", self.name, self.zone)
    }
}

impl Daemon {
    /// Whether it lacks a pod on some node, as far as its controller has said.
    fn is_short(&self) -> bool {
        !self.observed || self.current < self.desired
    }

    fn owns(&self, pod: &Pod) -> bool {
        let owner = pod.owner.as_ref();
        pod.kind == PodKind::Daemon
            && pod.namespace == self.namespace
            && owner.is_some_and(|owner| owner.name == self.name)
    }

    /// For people: what its controller says of its pods.
    pub fn counts(&self) -> String {
        if !self.observed {
            return "its controller has not looked at its last change yet".into();
        }
        format!("{} of {} nodes have one", self.current, self.desired)
    }

    /// For people: what it is.
    pub fn title(&self) -> String {
        format!("DaemonSet {}/{}", self.namespace, self.name)
    }
}

impl Pod {
    /// Whether it has to leave a node that is drained.
    pub fn must_leave(&self) -> bool {
        matches!(self.kind, PodKind::Managed | PodKind::Unmanaged)
    }

    /// Whether it should be Ready wherever it is.
    pub fn should_be_ready(&self) -> bool {
        !self.leaving && !matches!(self.kind, PodKind::Finished | PodKind::Act)
    }

    /// For people: the names of its budgets, in an order that does not follow from the API's.
    pub fn budget_names(&self) -> String {
        let mut names = self.budgets.clone();
        names.sort();
        names.join(", ")
    }

    /// For people: its owner if it has one, else itself.
    pub fn belongs_to(&self) -> String {
        match &self.owner {
            Some(owner) => format!("{} {}/{}", owner.kind, self.namespace, owner.name),
            None => format!("pod {}/{}", self.namespace, self.name),
        }
    }
}
