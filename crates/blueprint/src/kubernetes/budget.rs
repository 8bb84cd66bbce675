//! What a PodDisruptionBudget says.

use serde::{Deserialize, Serialize};

use super::inventory::Pod;
use crate::planted::{Bug, planted};

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
    /// Whether `spec.minAvailable` is a count. `status.expectedPods` is then the number of pods that exist now, which may
    /// grow; otherwise it is what the owners of the pods ask for (`getExpectedPodCount` of
    /// `pkg/controller/disruption/disruption.go`).
    #[serde(default)]
    pub counts_existing_pods: bool,
}

impl Budget {
    /// `namespace/name`.
    pub fn title(&self) -> String {
        format!("{}/{}", self.namespace, self.name)
    }

    /// Whether it selects no pods, so that it protects nothing.
    pub fn is_empty(&self) -> bool {
        self.observed && self.expected == 0 && !planted(Bug::EmptyBudget)
    }

    /// Whether it is satisfied, as far as its controller knows. One that the controller has not processed is not.
    pub fn is_satisfied(&self) -> bool {
        let lacking = self.desired - self.current;
        let lacking = lacking - i32::from(planted(Bug::BudgetRoundedDown));
        self.is_empty() || (self.observed && self.expected > 0 && lacking <= 0)
    }

    /// Whether it wants as many healthy pods as it expects (`maxUnavailable: 0`, `minAvailable: 100%`, or a count that is too
    /// high), so that it allows no eviction however healthy its pods are.
    pub fn allows_none(&self) -> bool {
        self.observed && self.expected > 0 && self.desired >= self.expected
    }

    /// Whether it selects `pod`.
    pub fn selects(&self, pod: &Pod) -> bool {
        self.namespace == pod.namespace && pod.budgets.contains(&self.name)
    }
}
