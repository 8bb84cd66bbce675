//! What a unit lacks to be drained, acted on or given back, with its owner and what would help.

use serde::{Deserialize, Serialize};

/// One thing that a unit lacks. The preflight names it before anything is changed, and every decision asks for it again.
#[derive(
    Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, thiserror::Error,
)]
#[serde(rename_all = "snake_case")]
pub enum Blocker {
    /// A budget that wants all the pods that its owners ask for.
    #[error(
        "PDB {budget} of {owner} never allows an eviction: it wants {desired} of {expected} pods healthy. \
         Raise the replicas of {owner} above {desired}, or let the budget allow one pod to be away."
    )]
    BudgetAllowsNone {
        /// `namespace/name`.
        budget: String,
        /// The owners of its pods.
        owner: String,
        /// How many must be healthy.
        desired: i32,
        /// How many there will be.
        expected: i32,
    },
    /// A budget that wants as many pods as exist now; more may come.
    #[error(
        "PDB {budget} of {owner} wants {desired} healthy pods and {expected} exist. If {owner} is not starting more, raise \
         its replicas above {desired}, or lower minAvailable."
    )]
    BudgetNeedsMorePods {
        /// `namespace/name`.
        budget: String,
        /// The owners of its pods.
        owner: String,
        /// How many must be healthy.
        desired: i32,
        /// How many exist.
        expected: i32,
    },
    /// A budget that is not satisfied now. Its pods may become healthy.
    #[error(
        "PDB {budget} is not satisfied: {current} of {desired} pods are healthy. Look at the pods of {owner}."
    )]
    BudgetNotSatisfied {
        /// `namespace/name`.
        budget: String,
        /// The owners of its pods.
        owner: String,
        /// How many are healthy.
        current: i32,
        /// How many must be.
        desired: i32,
    },
    /// A budget whose last change its controller has not processed. It will.
    #[error("PDB {budget} has changed and its controller has not processed the change yet.")]
    BudgetNotProcessed {
        /// `namespace/name`.
        budget: String,
    },
    /// A pod that two budgets select: the API server refuses its eviction for ever.
    #[error(
        "pod {pod} of {owner} is selected by more than one PDB ({budgets}), so that the API server refuses every eviction. \
         Make the selectors disjoint, or delete one PDB."
    )]
    SeveralBudgets {
        /// `namespace/name`.
        pod: String,
        /// Its owner.
        owner: String,
        /// The budgets' names.
        budgets: String,
    },
    /// A pod that nothing would start again.
    #[error(
        "pod {pod} on node {node} has no controller, so that it would not come back. \
         Give it a controller, delete it yourself, or set policy.unmanaged to evict."
    )]
    Unmanaged {
        /// `namespace/name`.
        pod: String,
        /// Where it runs.
        node: String,
    },
    /// A pod that may stay after its deletion.
    #[error(
        "pod {pod} on node {node} has the finalizer {finalizers}, which may keep it on the node after its eviction. \
         Remove the finalizer, or list it in policy.finalizers if its controller removes it."
    )]
    HeldByFinalizer {
        /// `namespace/name`.
        pod: String,
        /// Where it runs.
        node: String,
        /// The finalizers.
        finalizers: String,
    },
    /// Evicted pods have nowhere to go.
    #[error(
        "node {node} is the only worker in service, so that its {pods} pods have nowhere to go. Add a node."
    )]
    NoRoom {
        /// The node.
        node: String,
        /// How many pods would have to leave.
        pods: usize,
    },
    /// The version-skew policy does not allow the target version on this node.
    #[error("node {node} may not go to {to}: {reason}.")]
    Skew {
        /// The node.
        node: String,
        /// The target version.
        to: String,
        /// The rule of the version-skew policy.
        reason: String,
        /// Whether waiting cannot help: no control-plane node could change the answer.
        lasting: bool,
    },
    /// The control plane goes first.
    #[error("node {node} waits for the control plane: {waits_for} does not run {to} yet.")]
    ControlPlaneFirst {
        /// The node.
        node: String,
        /// The first control-plane node that is not done.
        waits_for: String,
        /// The target version.
        to: String,
    },
    /// A unit that is out of service, and not by a roll.
    #[error("{unit} is {found}, and no roll did that. Bring it back into service, or remove it.")]
    OutOfService {
        /// The unit.
        unit: String,
        /// E.g. `not Ready`, `cordoned`.
        found: String,
    },
    /// A node that is not Ready after its Job.
    #[error("node {node} is not Ready.")]
    NotReady {
        /// The node.
        node: String,
    },
    /// As many units of the zone are out of service as may be.
    #[error("out of service in zone {zone}: {units}; at most {limit} may be at once.")]
    ZoneLimit {
        /// The zone.
        zone: String,
        /// The units.
        units: String,
        /// How many may be.
        limit: usize,
    },
    /// Pods on a node that are not Ready.
    #[error("pods on node {node} are not Ready: {pods}.")]
    PodsNotReady {
        /// The node.
        node: String,
        /// Some of the pods.
        pods: String,
    },
    /// A DaemonSet has no pod on a node.
    #[error(
        "{daemon_set} has no pod on node {node} ({counts}). Look at the events of {daemon_set}."
    )]
    DaemonSetPodMissing {
        /// `DaemonSet namespace/name`.
        daemon_set: String,
        /// The node.
        node: String,
        /// What its controller says.
        counts: String,
    },
    /// The node does not report the version that it was brought to.
    #[error("node {node} reports {found}, not {wanted}.")]
    WrongVersion {
        /// The node.
        node: String,
        /// What it should report.
        wanted: String,
        /// What it reports.
        found: String,
    },
    /// The pods of a node were not observed.
    #[error("the pods of node {node} are not known yet.")]
    PodsUnknown {
        /// The node.
        node: String,
    },
}

impl Blocker {
    /// Whether waiting may help.
    pub fn may_pass(&self) -> bool {
        match self {
            Self::BudgetAllowsNone { .. }
            | Self::SeveralBudgets { .. }
            | Self::Unmanaged { .. }
            | Self::HeldByFinalizer { .. }
            | Self::NoRoom { .. } => false,
            Self::Skew { lasting, .. } => !lasting,
            Self::BudgetNeedsMorePods { .. }
            | Self::BudgetNotSatisfied { .. }
            | Self::BudgetNotProcessed { .. }
            | Self::ControlPlaneFirst { .. }
            | Self::OutOfService { .. }
            | Self::NotReady { .. }
            | Self::ZoneLimit { .. }
            | Self::PodsNotReady { .. }
            | Self::DaemonSetPodMissing { .. }
            | Self::WrongVersion { .. }
            | Self::PodsUnknown { .. } => true,
        }
    }
}
