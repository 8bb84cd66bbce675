//! Which budgets select a pod.

use std::collections::{BTreeMap, HashMap};

use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;

/// The selector of one budget.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct BudgetSelector {
    pub(crate) namespace: String,
    pub(crate) name: String,
    /// A budget without a selector selects no pods.
    pub(crate) selector: Option<LabelSelector>,
}

/// The selectors of all budgets, by one label that each needs. A pod is compared with the few that its own labels lead to:
/// a namespace may have thousands of budgets and pods.
#[derive(Default)]
pub(crate) struct Selectors<'a> {
    by_label: HashMap<(&'a str, &'a str, &'a str), Vec<&'a BudgetSelector>>,
    /// Selectors that need no label of one certain value, by namespace.
    others: HashMap<&'a str, Vec<&'a BudgetSelector>>,
}

impl<'a> FromIterator<&'a BudgetSelector> for Selectors<'a> {
    fn from_iter<I: IntoIterator<Item = &'a BudgetSelector>>(selectors: I) -> Self {
        let mut all = Self::default();
        for budget in selectors {
            let labels = budget.selector.as_ref();
            let labels = labels.and_then(|selector| selector.match_labels.as_ref());
            let namespace = budget.namespace.as_str();
            let same_label = match labels.and_then(BTreeMap::first_key_value) {
                Some((key, value)) => {
                    let label = (namespace, key.as_str(), value.as_str());
                    all.by_label.entry(label).or_default()
                }
                None => all.others.entry(namespace).or_default(),
            };
            same_label.push(budget);
        }
        all
    }
}

impl Selectors<'_> {
    /// The names of the budgets in `namespace` that select `labels`, sorted.
    pub(crate) fn of(&self, namespace: &str, labels: &BTreeMap<String, String>) -> Vec<String> {
        let by_label = labels.iter().filter_map(|(key, value)| {
            self.by_label
                .get(&(namespace, key.as_str(), value.as_str()))
        });
        let candidates = by_label.chain(self.others.get(namespace)).flatten();
        let selecting = candidates.filter(|budget| {
            let selector = budget.selector.as_ref();
            selector.is_some_and(|selector| selects(selector, labels))
        });
        let mut names: Vec<_> = selecting.map(|budget| budget.name.clone()).collect();
        names.sort();
        names
    }
}

/// Whether `selector` selects `labels`. An empty one of policy/v1 selects all; an operator that we do not know selects
/// too, so that its budget is never overlooked.
fn selects(selector: &LabelSelector, labels: &BTreeMap<String, String>) -> bool {
    let equal = selector.match_labels.iter().flatten();
    let mut equal = equal.map(|(key, value)| labels.get(key) == Some(value));
    let rules = selector.match_expressions.iter().flatten();
    let mut rules = rules.map(|rule| {
        let value = labels.get(&rule.key);
        let among = value.is_some_and(|value| rule.values.iter().flatten().any(|one| one == value));
        match rule.operator.as_str() {
            "In" => among,
            "NotIn" => !among,
            "Exists" => value.is_some(),
            "DoesNotExist" => value.is_none(),
            _ => true,
        }
    });
    equal.all(|holds| holds) && rules.all(|holds| holds)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn budget(namespace: &str, name: &str, selector: Value) -> BudgetSelector {
        BudgetSelector {
            namespace: namespace.into(),
            name: name.into(),
            selector: serde_json::from_value(selector).unwrap(),
        }
    }

    #[test]
    fn a_pod_has_the_budgets_of_its_namespace_that_select_its_labels() {
        let rule = |operator: &str, values: &[&str]| {
            let rule = json!({"key": "app", "operator": operator, "values": values});
            json!({"matchExpressions": [rule]})
        };
        let budgets = [
            budget("shop", "z-equal", json!({"matchLabels": {"app": "web"}})),
            budget(
                "shop",
                "both",
                json!({"matchLabels": {"app": "web", "tier": "front"}}),
            ),
            budget("shop", "other", json!({"matchLabels": {"app": "db"}})),
            budget("else", "elsewhere", json!({"matchLabels": {"app": "web"}})),
            budget("shop", "all", json!({})),
            budget("shop", "no-selector", Value::Null),
            budget("shop", "in", rule("In", &["web", "db"])),
            budget("shop", "not-in", rule("NotIn", &["web"])),
            budget("shop", "exists", rule("Exists", &[])),
            budget("shop", "absent", rule("DoesNotExist", &[])),
            budget("shop", "unknown", rule("Later", &[])),
        ];
        let selectors: Selectors<'_> = budgets.iter().collect();
        let labels = BTreeMap::from([("app".to_owned(), "web".to_owned())]);
        let found = selectors.of("shop", &labels);
        assert_eq!(found, ["all", "exists", "in", "unknown", "z-equal"]);
        let found = selectors.of("shop", &BTreeMap::new());
        assert_eq!(found, ["absent", "all", "not-in", "unknown"]);
        assert_eq!(selectors.of("nowhere", &labels), [""; 0]);
    }
}
