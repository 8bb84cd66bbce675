//! The objects of a simulated cluster: what an API server stores, and what is going to happen to each.

use std::time::Duration;

use trireme_blueprint::{ActionJob, Budget, Node, Pod};
use trireme_release::Version;

/// A node.
pub struct SimNode {
    pub node: Node,
    /// Whether a person has cordoned it.
    pub foreign: bool,
    /// When a person took it back from us.
    pub uncordoned_at: Option<Duration>,
    /// What its kubelet will report, and when.
    pub next_version: Option<(Duration, Version)>,
    /// When it is Ready again.
    pub ready_at: Option<Duration>,
}

/// What starts pods.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AppKind {
    /// Starts a pod when one begins to leave.
    Deployment,
    /// Starts a pod when one has left.
    StatefulSet,
    /// One pod on each node.
    DaemonSet,
    /// A pod without controller.
    Bare,
}

/// A controller and its template.
#[derive(Clone, Debug)]
pub struct App {
    pub kind: AppKind,
    pub name: String,
    pub replicas: usize,
    /// Until a pod is Ready; none for a pod that never is.
    pub startup: Option<Duration>,
    /// Until a pod that was told to go has gone.
    pub grace: Duration,
    /// A finalizer, and how long after its deletion it is removed.
    pub finalizer: Option<(String, Option<Duration>)>,
    /// How many pods it has started: they are numbered.
    pub started: usize,
}

/// A pod.
pub struct SimPod {
    pub pod: Pod,
    pub app: Option<usize>,
    /// None while it is pending.
    pub node: Option<String>,
    pub ready_at: Option<Duration>,
    /// When its containers have stopped, once it was told to go.
    pub stops_at: Option<Duration>,
    /// When its finalizers are removed, once it was told to go.
    pub released_at: Option<Duration>,
    /// The Job that it belongs to, by UID.
    pub job: Option<String>,
}

/// What a budget asks for.
#[derive(Clone, Copy, Debug)]
pub enum Spec {
    MinAvailable(i32),
    MinAvailablePercent(i32),
    MaxUnavailable(i32),
    MaxUnavailablePercent(i32),
}

/// A PodDisruptionBudget.
pub struct SimBudget {
    pub budget: Budget,
    pub spec: Spec,
    /// The app that it selects; none for one that selects no pods.
    pub app: Option<usize>,
    /// Pods that were evicted since its controller looked.
    pub disrupted: i32,
}

/// A Job of ours.
pub struct SimJob {
    pub job: ActionJob,
    pub to: Version,
    pub ends_at: Duration,
    pub fails: bool,
    /// How long the pod of a Job that failed runs on.
    pub lingers: Duration,
    pub ended_at: Option<Duration>,
}

/// The Lease.
#[derive(Default)]
pub struct Lease {
    pub holder: Option<u64>,
    pub renewals: u64,
    pub epoch: u64,
}
