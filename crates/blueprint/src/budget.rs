//! What a disruption budget says.

use crate::inventory::{Budget, Pod};

impl Budget {
    /// `namespace/name`.
    pub fn title(&self) -> String {
        format!("{}/{}", self.namespace, self.name)
    }

    /// Whether it holds, as far as its controller has looked. One that was not looked at does not.
    pub fn holds(&self) -> bool {
        self.observed && self.current >= self.desired
    }

    /// Whether it can never allow an eviction, however healthy its pods are: it wants all that it expects
    /// (`maxUnavailable: 0`, `minAvailable: 100%`, or a count that is too high).
    pub fn never_allows(&self) -> bool {
        self.observed && self.expected > 0 && self.desired >= self.expected
    }

    /// Whether it selects `pod`.
    pub fn selects(&self, pod: &Pod) -> bool {
        self.namespace == pod.namespace && pod.budgets.contains(&self.name)
    }
}
