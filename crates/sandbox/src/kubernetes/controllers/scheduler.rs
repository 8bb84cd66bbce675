//! The scheduler: a node for every pod that has none, spread over zones and nodes.

use std::sync::Arc;

use serde_json::{Value, json};

use super::pods;
use crate::kubernetes::{
    failure::Failure,
    object::{self, condition, flag, list, pairs, set, text},
    store::World,
};

const ZONE: &str = "topology.kubernetes.io/zone";

pub(super) fn reconcile(world: &mut World) -> Result<(), Failure> {
    let nodes = world.list("nodes", "");
    for pod in world.list("pods", "") {
        let placed = !text(&pod, "/spec/nodeName").is_empty();
        if placed || object::is_terminating(&pod) || pods::has_ended(&pod) {
            continue;
        }
        let placement = choose(world, &pod, &nodes);
        place(world, &pod, placement)?;
    }
    Ok(())
}

/// The fitting node with the fewest siblings in its zone, then on itself, then the fewest pods at all.
fn choose(world: &World, pod: &Value, nodes: &[Arc<Value>]) -> Option<String> {
    let fitting = nodes
        .iter()
        .filter(|node| condition(node, "Ready") == "True" && fits(pod, node));
    let others: Vec<_> = world.list("pods", "");
    let owner = object::controller(pod).map(|owner| text(owner, "/uid").to_owned());
    let sibling = |other: &Value| {
        owner
            .as_deref()
            .is_some_and(|uid| object::is_controlled_by(other, uid))
            && pods::is_active(other)
    };
    let zone_of = |name: &str| {
        let node = nodes.iter().find(|node| object::name(node) == name);
        node.and_then(|node| object::labels(node).get(ZONE).cloned())
    };
    let best = fitting.min_by_key(|node| {
        let zone = object::labels(node).get(ZONE).cloned();
        let here = |other: &&Arc<Value>| text(other, "/spec/nodeName") == object::name(node);
        let in_zone = |other: &&Arc<Value>| {
            let at = text(other, "/spec/nodeName");
            !at.is_empty() && zone_of(at) == zone
        };
        let siblings = others.iter().filter(|other| sibling(other));
        (
            siblings.clone().filter(in_zone).count(),
            siblings.filter(here).count(),
            others.iter().filter(here).count(),
            object::name(node).to_owned(),
        )
    });
    best.map(|node| object::name(node).to_owned())
}

fn place(world: &mut World, pod: &Value, node: Option<String>) -> Result<(), Failure> {
    let mut new = pod.clone();
    let now = world.time();
    match node {
        Some(node) => {
            set(&mut new, &["spec", "nodeName"], node);
            object::set_condition(&mut new, "PodScheduled", "True", "", &now);
        }
        None => object::set_condition(&mut new, "PodScheduled", "False", "Unschedulable", &now),
    }
    super::put_changed(world, "pods", pod, new)?;
    Ok(())
}

/// Whether a pod (or template) may run on a node: its selector matches, and it tolerates what keeps others away.
pub(super) fn fits(pod: &Value, node: &Value) -> bool {
    let labels = object::labels(node);
    let selected = pairs(pod, "/spec/nodeSelector")
        .iter()
        .all(|(key, value)| labels.get(key) == Some(value));
    let cordoned = flag(node, "/spec/unschedulable")
        .then(|| json!({"key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule"}));
    let mut taints = list(node, "/spec/taints").iter().chain(cordoned.as_ref());
    selected
        && taints.all(|taint| {
            text(taint, "/effect") == "PreferNoSchedule"
                || list(pod, "/spec/tolerations")
                    .iter()
                    .any(|toleration| tolerates(toleration, taint))
        })
}

fn tolerates(toleration: &Value, taint: &Value) -> bool {
    let effect = text(toleration, "/effect");
    if !effect.is_empty() && effect != text(taint, "/effect") {
        return false;
    }
    let (key, exists) = (
        text(toleration, "/key"),
        text(toleration, "/operator") == "Exists",
    );
    if key.is_empty() {
        return exists;
    }
    key == text(taint, "/key") && (exists || text(toleration, "/value") == text(taint, "/value"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cordoned_node_takes_only_who_tolerates_it() {
        let node = json!({"spec": {"unschedulable": true}});
        assert!(!fits(&json!({}), &node));
        for toleration in [
            json!({"operator": "Exists"}),
            json!({"key": "node.kubernetes.io/unschedulable", "operator": "Exists"}),
            json!({"key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule"}),
        ] {
            let pod = json!({"spec": {"tolerations": [toleration]}});
            assert!(fits(&pod, &node), "{pod}");
        }
        let other = json!({"spec": {"tolerations": [{"key": "node.kubernetes.io/unschedulable", "operator": "Exists", "effect": "NoExecute"}]}});
        assert!(!fits(&other, &node));
    }

    #[test]
    fn a_node_selector_must_match() {
        let node = json!({"metadata": {"labels": {ZONE: "az-a"}}});
        assert!(fits(
            &json!({"spec": {"nodeSelector": {ZONE: "az-a"}}}),
            &node
        ));
        assert!(!fits(
            &json!({"spec": {"nodeSelector": {ZONE: "az-b"}}}),
            &node
        ));
    }
}
