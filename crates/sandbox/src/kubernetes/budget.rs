//! Disruption budgets: how many pods a budget protects, and how many evictions it allows.
//!
//! As the disruption controller of Kubernetes counts (`pkg/controller/disruption/disruption.go`): percentages are
//! of the scale that the owners want, rounded up; a pod that is being deleted, or that an eviction was granted for, is
//! no longer healthy.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::{
    kinds,
    object::{self, number, text},
    selector::Labels,
    store::World,
};

/// How long a granted eviction counts against the budget while the pod does not go; then the eviction counts as
/// failed (`DeletionTimeout` of the disruption controller).
const GRANT_LIFETIME: SignedDuration = SignedDuration::from_mins(2);

/// The figures of a budget.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Figures {
    expected: i64,
    desired: i64,
    current: i64,
}

impl Figures {
    fn allowed(self) -> i64 {
        if self.expected == 0 {
            return 0;
        }
        (self.current - self.desired).max(0)
    }
}

/// The budgets with a selector that matches the pod.
pub(crate) fn budgets_of(world: &World, pod: &Value) -> Vec<Value> {
    let labels = object::labels(pod);
    let budgets = world.list("poddisruptionbudgets", object::namespace(pod));
    let matching = budgets.iter().filter(|budget| {
        Labels::of(budget.pointer("/spec/selector"))
            .is_some_and(|selector| selector.matches(&labels))
    });
    matching.map(|budget| Value::clone(budget)).collect()
}

/// The status that the budget should have now.
pub(crate) fn status_of(world: &World, budget: &Value, now: Timestamp) -> Value {
    let pods = protected(world, budget);
    let disrupted = still_granted(budget, &pods, now);
    let figures = match count(world, budget, &pods, &disrupted) {
        Ok(figures) => figures,
        Err(why) => return failed_status(budget, &why, now),
    };
    let mut status = budget.get("status").cloned().unwrap_or_default();
    let allowed = figures.allowed();
    let generation = number(budget, "/metadata/generation").unwrap_or(1);
    for (key, value) in [
        ("expectedPods", figures.expected),
        ("desiredHealthy", figures.desired),
        ("currentHealthy", figures.current),
        ("disruptionsAllowed", allowed),
        ("observedGeneration", generation),
    ] {
        object::set(&mut status, &[key], value);
    }
    if disrupted.is_empty() {
        object::unset(&mut status, &["disruptedPods"]);
    } else {
        object::set(&mut status, &["disruptedPods"], json!(disrupted));
    }
    let mut budget = json!({ "status": status });
    set_allowed_condition(&mut budget, allowed, generation, now);
    budget["status"].take()
}

/// A budget that cannot be counted allows nothing; what was observed of it before stays (`failSafe`).
fn failed_status(budget: &Value, why: &str, now: Timestamp) -> Value {
    let status = budget.get("status").cloned().unwrap_or_default();
    let observed = number(budget, "/status/observedGeneration");
    let mut budget = json!({ "status": status });
    object::set(&mut budget, &["status", "disruptionsAllowed"], 0);
    let condition = ("False", "SyncFailed", why);
    set_condition(&mut budget, condition, observed, now);
    budget["status"].take()
}

/// Sets the condition `DisruptionAllowed` from the number of disruptions that are allowed.
pub(crate) fn set_allowed_condition(
    budget: &mut Value,
    allowed: i64,
    generation: i64,
    now: Timestamp,
) {
    let (status, reason) = if allowed > 0 {
        ("True", "SufficientPods")
    } else {
        ("False", "InsufficientPods")
    };
    set_condition(budget, (status, reason, ""), Some(generation), now);
}

fn set_condition(
    budget: &mut Value,
    (status, reason, message): (&str, &str, &str),
    observed: Option<i64>,
    now: Timestamp,
) {
    const KIND: &str = "DisruptionAllowed";
    object::set_condition(budget, KIND, status, reason, &object::time(now));
    let conditions = budget.pointer_mut("/status/conditions");
    let conditions = conditions.and_then(Value::as_array_mut);
    for condition in conditions.into_iter().flatten() {
        object::set(condition, &["message"], message);
        match observed {
            Some(generation) => object::set(condition, &["observedGeneration"], generation),
            None => object::unset(condition, &["observedGeneration"]),
        }
    }
}

fn protected(world: &World, budget: &Value) -> Vec<std::sync::Arc<Value>> {
    let Some(selector) = Labels::of(budget.pointer("/spec/selector")) else {
        return Vec::new();
    };
    let mut pods = world.list("pods", object::namespace(budget));
    pods.retain(|pod| selector.matches(&object::labels(pod)));
    pods
}

/// The granted evictions that still count: of pods that exist, are not being deleted, and not too old.
fn still_granted(
    budget: &Value,
    pods: &[std::sync::Arc<Value>],
    now: Timestamp,
) -> BTreeMap<String, String> {
    let mut granted = object::pairs(budget, "/status/disruptedPods");
    granted.retain(|name, at| {
        let pod = pods.iter().find(|pod| object::name(pod) == name);
        let waits = pod.is_some_and(|pod| !object::is_terminating(pod));
        let recent = at
            .parse::<Timestamp>()
            .is_ok_and(|at| now.duration_since(at) < GRANT_LIFETIME);
        waits && recent
    });
    granted
}

fn count(
    world: &World,
    budget: &Value,
    pods: &[std::sync::Arc<Value>],
    disrupted: &BTreeMap<String, String>,
) -> Result<Figures, String> {
    let healthy = pods.iter().filter(|pod| {
        !object::is_terminating(pod)
            && !disrupted.contains_key(object::name(pod))
            && object::condition(pod, "Ready") == "True"
    });
    let current = healthy.count() as i64;
    let (expected, desired) = match budget.pointer("/spec/maxUnavailable") {
        Some(limit) => {
            let expected = scale_of_owners(world, pods)?;
            (expected, (expected - resolve(limit, expected)).max(0))
        }
        None => match budget.pointer("/spec/minAvailable") {
            Some(Value::String(percent)) => {
                let expected = scale_of_owners(world, pods)?;
                (expected, resolve(&json!(percent), expected))
            }
            limit => (
                pods.len() as i64,
                limit.and_then(Value::as_i64).unwrap_or_default(),
            ),
        },
    };
    Ok(Figures {
        expected,
        desired,
        current,
    })
}

/// A count, or a percentage of the expected pods rounded up (7 pods, 50 %: 4).
fn resolve(limit: &Value, expected: i64) -> i64 {
    match limit {
        Value::String(text) => {
            let percent: i64 = text.trim_end_matches('%').parse().unwrap_or_default();
            percent
                .saturating_mul(expected)
                .saturating_add(99)
                .div_euclid(100)
        }
        other => other.as_i64().unwrap_or_default(),
    }
}

/// The sum of the replicas that the distinct owners of the pods want; a pod without a controller adds nothing.
///
/// # Errors
/// In the controller's words, when a controller has no scale (a DaemonSet) or is not there.
fn scale_of_owners(world: &World, pods: &[std::sync::Arc<Value>]) -> Result<i64, String> {
    let mut scales = BTreeMap::new();
    for pod in pods {
        if let Some(reference) = object::controller(pod) {
            let (uid, replicas) = scale_of(world, pod, reference)?;
            scales.insert(uid, replicas);
        }
    }
    Ok(scales.values().sum())
}

/// The kinds that have the subresource `scale` in the real API; only the budgets ask for it.
const SCALED: [&str; 3] = ["deployments", "replicasets", "statefulsets"];

/// The workload behind a pod (the Deployment behind its ReplicaSet) and its replicas.
fn scale_of(world: &World, pod: &Value, reference: &Value) -> Result<(String, i64), String> {
    let (version, kind) = (text(reference, "/apiVersion"), text(reference, "/kind"));
    let served = kinds::of_owner(version, kind)
        .ok_or_else(|| format!("no matches for kind {kind:?} in version {version:?}"))?;
    if !SCALED.contains(&served.plural) {
        let resource = served.resource();
        return Err(format!(
            "{resource} does not implement the scale subresource"
        ));
    }
    let owner = owner_of(world, pod);
    let owner =
        owner.ok_or_else(|| format!("found no controllers for pod {:?}", object::name(pod)))?;
    let top = owner_of(world, &owner).unwrap_or(owner);
    let replicas = number(&top, "/spec/replicas").unwrap_or(1);
    Ok((object::uid(&top).to_owned(), replicas))
}

fn owner_of(world: &World, object: &Value) -> Option<std::sync::Arc<Value>> {
    let reference = object::controller(object)?;
    let kind = kinds::of_owner(text(reference, "/apiVersion"), text(reference, "/kind"))?;
    let owner = world.get(
        kind.plural,
        object::namespace(object),
        text(reference, "/name"),
    )?;
    (object::uid(&owner) == text(reference, "/uid")).then_some(owner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentages_round_up() {
        for (limit, expected, result) in [
            (json!("50%"), 7, 4),
            (json!("90%"), 30, 27),
            (json!("1%"), 1, 1),
            (json!("0%"), 9, 0),
            (json!("100%"), 3, 3),
            (json!(2), 9, 2),
        ] {
            assert_eq!(resolve(&limit, expected), result, "{limit} of {expected}");
        }
    }

    #[test]
    fn nothing_is_allowed_where_nothing_is_expected() {
        let figures = Figures {
            expected: 0,
            desired: 0,
            current: 3,
        };
        assert_eq!(figures.allowed(), 0);
    }
}
