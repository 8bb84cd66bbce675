//! What an observer saw.

use std::collections::BTreeMap;

use jiff::Timestamp;
use k8s_openapi::api::{core::v1::Node, policy::v1::PodDisruptionBudget};
use serde::{Deserialize, Serialize};

/// What was seen until now.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Observed {
    /// By name.
    pub nodes: BTreeMap<String, Vec<NodeSample>>,
    /// By `NAMESPACE/NAME`.
    pub budgets: BTreeMap<String, Vec<BudgetSample>>,
    /// How many watch events showed a budget below what it demands, after it had once been met.
    pub budget_violations: u64,
    /// Nodes and budgets that are gone, as `KIND NAMESPACE/NAME`.
    pub deleted: Vec<String>,
    /// When something may have happened that was not seen. A judge with a gap has no verdict.
    pub gaps: Vec<Gap>,
}

/// A hole in what was seen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gap {
    /// When it was noticed.
    pub at: Timestamp,
    /// What was not seen, and why.
    pub why: String,
}

/// A node, when it changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeSample {
    /// When the event arrived.
    pub at: Timestamp,
    /// `topology.kubernetes.io/zone`.
    pub zone: String,
    /// Of its kubelet.
    pub version: String,
    /// Condition `Ready` is `True`.
    pub ready: bool,
    /// Not cordoned.
    pub schedulable: bool,
}

/// A budget, when it changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BudgetSample {
    /// When the event arrived.
    pub at: Timestamp,
    /// `currentHealthy`
    pub current: i32,
    /// `desiredHealthy`
    pub desired: i32,
    /// `disruptionsAllowed`
    pub allowed: i32,
}

impl Observed {
    /// [`Observed::budget_violations`]; `None` when none was seen, but something was missed.
    pub fn violations(&self) -> Option<u64> {
        let whole = self.gaps.is_empty() && self.deleted.is_empty();
        (whole || self.budget_violations > 0).then_some(self.budget_violations)
    }

    pub(super) fn node(&mut self, node: &Node, at: Timestamp) {
        let zone = node
            .metadata
            .labels
            .as_ref()
            .and_then(|l| l.get("topology.kubernetes.io/zone"));
        let status = node.status.as_ref();
        let conditions = status.and_then(|s| s.conditions.as_ref());
        let info = status.and_then(|s| s.node_info.as_ref());
        let sample = NodeSample {
            at,
            zone: zone.cloned().unwrap_or_default(),
            version: info.map(|i| i.kubelet_version.clone()).unwrap_or_default(),
            ready: conditions
                .into_iter()
                .flatten()
                .any(|c| c.type_ == "Ready" && c.status == "True"),
            schedulable: !node
                .spec
                .as_ref()
                .and_then(|s| s.unschedulable)
                .unwrap_or(false),
        };
        let samples = self
            .nodes
            .entry(node.metadata.name.clone().unwrap_or_default())
            .or_default();
        let same = |last: &NodeSample| {
            NodeSample {
                at: last.at,
                ..sample.clone()
            } == *last
        };
        if !samples.last().is_some_and(same) {
            samples.push(sample);
        }
    }

    pub(super) fn budget(&mut self, budget: &PodDisruptionBudget, at: Timestamp) {
        let Some(status) = &budget.status else { return };
        let meta = &budget.metadata;
        let name = |part: &Option<String>| part.clone().unwrap_or_default();
        let samples = self
            .budgets
            .entry(format!("{}/{}", name(&meta.namespace), name(&meta.name)))
            .or_default();
        let (current, desired) = (status.current_healthy, status.desired_healthy);
        let met_before = samples
            .iter()
            .any(|sample| sample.desired > 0 && sample.current >= sample.desired);
        self.budget_violations += u64::from(met_before && current < desired);
        let sample = BudgetSample {
            at,
            current,
            desired,
            allowed: status.disruptions_allowed,
        };
        let same = |last: &BudgetSample| {
            BudgetSample {
                at: last.at,
                ..sample.clone()
            } == *last
        };
        if !samples.last().is_some_and(same) {
            samples.push(sample);
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn budget(current: i32, desired: i32) -> PodDisruptionBudget {
        let status = json!({"currentHealthy": current, "desiredHealthy": desired, "disruptionsAllowed": 0, "expectedPods": 3});
        serde_json::from_value(
            json!({"metadata": {"namespace": "shop", "name": "web"}, "status": status}),
        )
        .unwrap()
    }

    #[test]
    fn nothing_seen_is_nothing_violated_only_where_nothing_was_missed() {
        let mut observed = Observed::default();
        assert_eq!(observed.violations(), Some(0));
        observed.gaps.push(Gap {
            at: Timestamp::UNIX_EPOCH,
            why: "the server no longer knows".into(),
        });
        assert_eq!(observed.violations(), None);
        observed.budget_violations = 1;
        assert_eq!(observed.violations(), Some(1));
    }

    #[test]
    fn a_budget_is_violated_only_after_it_was_met() {
        let mut observed = Observed::default();
        observed.budget(&budget(0, 2), Timestamp::UNIX_EPOCH);
        observed.budget(&budget(2, 2), Timestamp::UNIX_EPOCH);
        assert_eq!(observed.budget_violations, 0);
        observed.budget(&budget(1, 2), Timestamp::UNIX_EPOCH);
        assert_eq!(observed.budget_violations, 1);
        assert_eq!(observed.budgets["shop/web"].len(), 3);
    }
}
