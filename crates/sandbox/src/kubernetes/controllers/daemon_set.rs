//! DaemonSets: one pod on every node that it fits, cordoned or not. A new template is for new pods only (`OnDelete`).

use std::sync::Arc;

use serde_json::{Value, json};

use super::{
    pods::{self, Figures, Name},
    scheduler,
};
use crate::kubernetes::{
    failure::Failure,
    object::{self, list, set, text},
    store::World,
};

/// The taints that the pods of every DaemonSet tolerate, as the real controller adds them: problems of the node, and cordoned.
const TOLERATED: [&str; 4] = [
    "node.kubernetes.io/not-ready",
    "node.kubernetes.io/unreachable",
    "node.kubernetes.io/unschedulable",
    "node.kubernetes.io/disk-pressure",
];

pub(super) fn reconcile(world: &mut World) -> Result<(), Failure> {
    for daemon_set in world.list("daemonsets", "") {
        if !object::is_terminating(&daemon_set) {
            reconcile_one(world, &daemon_set)?;
        }
    }
    Ok(())
}

fn reconcile_one(world: &mut World, daemon_set: &Value) -> Result<(), Failure> {
    let template = tolerant(&daemon_set["spec"]["template"]);
    let mut nodes = world.list("nodes", "");
    nodes.retain(|node| scheduler::fits(&template, node));
    let names: Vec<&str> = nodes.iter().map(|node| object::name(node)).collect();
    let pods = pods::owned(world, daemon_set);
    for name in &names {
        let here: Vec<_> = on(&pods, name).collect();
        match here.first() {
            None => create(world, daemon_set, name)?,
            Some(pod) if pods::has_ended(pod) && !object::is_terminating(pod) => {
                pods::delete(world, pod)?;
            }
            Some(_) => {}
        }
    }
    let stray = pods.iter().filter(|pod| {
        let node = text(pod, "/spec/nodeName");
        pods::is_active(pod) && !names.contains(&node)
    });
    for pod in stray {
        pods::delete(world, pod)?;
    }
    put_status(world, daemon_set, &names)
}

fn on<'a>(pods: &'a [Arc<Value>], node: &'a str) -> impl Iterator<Item = &'a Arc<Value>> {
    pods.iter()
        .filter(move |pod| text(pod, "/spec/nodeName") == node)
}

fn tolerant(template: &Value) -> Value {
    let mut template = template.clone();
    let mut tolerations = list(&template, "/spec/tolerations").to_vec();
    tolerations.extend(TOLERATED.map(|key| json!({"key": key, "operator": "Exists"})));
    set(&mut template, &["spec", "tolerations"], tolerations);
    template
}

fn create(world: &mut World, daemon_set: &Value, node: &str) -> Result<(), Failure> {
    let prefix = format!("{}-", object::name(daemon_set));
    let kind = ("apps/v1", "DaemonSet");
    pods::create(world, daemon_set, kind, Name::Generated(prefix), |pod| {
        *pod = tolerant(pod);
        set(pod, &["spec", "nodeName"], node);
    })
}

fn put_status(world: &mut World, daemon_set: &Value, nodes: &[&str]) -> Result<(), Failure> {
    let Figures { total, ready } = Figures::of(&pods::owned(world, daemon_set));
    let new = pods::with_status(
        daemon_set,
        &[
            ("desiredNumberScheduled", nodes.len()),
            ("currentNumberScheduled", total),
            ("updatedNumberScheduled", total),
            ("numberReady", ready),
            ("numberAvailable", ready),
            ("numberUnavailable", nodes.len().saturating_sub(ready)),
            ("numberMisscheduled", 0),
        ],
    );
    super::put_changed(world, "daemonsets", daemon_set, new)?;
    Ok(())
}
