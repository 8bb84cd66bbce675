//! Nodes: a new one becomes Ready, and taints say what its state means for pods.

use serde_json::{Value, json};

use crate::kubernetes::{
    failure::Failure,
    object::{self, condition, flag, list, set, text, unset},
    store::World,
};

const UNSCHEDULABLE: &str = "node.kubernetes.io/unschedulable";
const NOT_READY: &str = "node.kubernetes.io/not-ready";

pub(super) fn reconcile(world: &mut World) -> Result<(), Failure> {
    for node in world.list("nodes", "") {
        let new = settled(&node, &world.time());
        super::put_changed(world, "nodes", &node, new)?;
    }
    Ok(())
}

fn settled(node: &Value, now: &str) -> Value {
    let mut new = node.clone();
    if condition(node, "Ready").is_empty() {
        object::set_condition(&mut new, "Ready", "True", "KubeletReady", now);
    }
    let cordoned = flag(&new, "/spec/unschedulable");
    let away = condition(&new, "Ready") != "True";
    let mut taints = list(&new, "/spec/taints").to_vec();
    for (key, effect, wanted) in [
        (UNSCHEDULABLE, "NoSchedule", cordoned),
        (NOT_READY, "NoSchedule", away),
        (NOT_READY, "NoExecute", away),
    ] {
        let is = |taint: &Value| (text(taint, "/key"), text(taint, "/effect")) == (key, effect);
        match (wanted, taints.iter().any(is)) {
            (true, false) => {
                taints.push(json!({"key": key, "effect": effect, "timeAdded": now}));
            }
            (false, true) => taints.retain(|taint| !is(taint)),
            _ => {}
        }
    }
    if taints.is_empty() {
        unset(&mut new, &["spec", "taints"]);
    } else {
        set(&mut new, &["spec", "taints"], taints);
    }
    new
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cordon_taints_and_an_uncordon_takes_only_its_own_taint_away() {
        let mine = json!({"key": "mine", "effect": "NoExecute"});
        let mut node = json!({"spec": {"unschedulable": true, "taints": [mine]}});
        node = settled(&node, "now");
        assert_eq!(list(&node, "/spec/taints").len(), 2);
        node["spec"]["unschedulable"] = false.into();
        assert_eq!(settled(&node, "now")["spec"]["taints"], json!([mine]));
    }
}
