//! What would stop a roll, found before anything is touched.

use serde::{Deserialize, Serialize};

/// One thing that would stop the roll, with its owner and what would free it.
#[derive(
    Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, thiserror::Error,
)]
#[serde(rename_all = "snake_case")]
pub enum Obstacle {
    /// A budget that wants everything that it expects.
    #[error(
        "budget {budget} of {owner} can never allow an eviction: it wants {desired} of {expected} pods healthy; \
         raise the replicas of {owner} above {desired}, or let the budget allow one pod to be away"
    )]
    NeverAllows {
        /// `namespace/name`.
        budget: String,
        /// Whose pods it covers.
        owner: String,
        /// How many must be healthy.
        desired: i32,
        /// How many there shall be.
        expected: i32,
    },
    /// A pod that two budgets cover: the API server refuses its eviction for ever.
    #[error(
        "pod {pod} of {owner} is covered by more than one budget ({budgets}); the eviction API refuses it for ever; \
         make their selectors disjoint or remove one"
    )]
    ManyBudgets {
        /// `namespace/name`.
        pod: String,
        /// Who keeps it running.
        owner: String,
        /// The budgets' names.
        budgets: String,
    },
    /// A pod that nobody would start again.
    #[error(
        "pod {pod} on node {node} has no controller and would not come back; \
         put it under one, delete it yourself, or set policy.unmanaged to evict"
    )]
    Unmanaged {
        /// `namespace/name`.
        pod: String,
        /// Where it runs.
        node: String,
    },
    /// Evicted pods have nowhere to go.
    #[error(
        "node {node} is the only worker in service: its {pods} pods have nowhere to go; add a node"
    )]
    NoRoom {
        /// The node.
        node: String,
        /// How many pods would have to leave.
        pods: usize,
    },
    /// The wanted version may not run here.
    #[error("node {node} may not go to {to}: {reason}")]
    Skew {
        /// The node.
        node: String,
        /// The wanted version.
        to: String,
        /// The rule of the version-skew policy.
        reason: String,
    },
    /// A budget that does not hold now. It may heal.
    #[error(
        "budget {budget} does not hold: {current} of {desired} pods are healthy; \
         a roll begins only in a healthy cluster; look at the pods of {owner}"
    )]
    BudgetBroken {
        /// `namespace/name`.
        budget: String,
        /// Whose pods it covers.
        owner: String,
        /// How many are healthy.
        current: i32,
        /// How many must be.
        desired: i32,
    },
    /// A budget whose controller has not looked at its last change. It will.
    #[error("budget {budget} has changed and its controller has not looked at it yet")]
    BudgetStale {
        /// `namespace/name`.
        budget: String,
    },
    /// A DaemonSet that has not started all its pods. It may.
    #[error(
        "{daemon} has no pod on node {node}, which would not be taken back without one ({counts}); \
         look at the events of {daemon}"
    )]
    DaemonMissing {
        /// `DaemonSet namespace/name`.
        daemon: String,
        /// The first node without.
        node: String,
        /// What its controller says.
        counts: String,
    },
    /// A node that is out of service, not by us.
    #[error("node {node} is {state}, not by us; a roll begins only in a healthy cluster")]
    OutOfService {
        /// The node.
        node: String,
        /// `not Ready` or `cordoned`.
        state: String,
    },
}

impl Obstacle {
    /// Whether waiting may help.
    pub fn may_pass(&self) -> bool {
        matches!(
            self,
            Self::BudgetBroken { .. }
                | Self::BudgetStale { .. }
                | Self::DaemonMissing { .. }
                | Self::OutOfService { .. }
        )
    }
}
