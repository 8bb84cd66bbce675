//! DaemonSets: one pod on every node that it fits, cordoned or not.

use std::sync::Arc;

use serde_json::{Value, json};

use super::{
    pods::{self, Name},
    scheduler,
};
use crate::kubernetes::{
    failure::Failure,
    object::{self, list, set, text},
    store::World,
};

/// What every daemon tolerates, as the real controller adds it: trouble of the node, and its being cordoned.
const TOLERATED: [&str; 4] = [
    "node.kubernetes.io/not-ready",
    "node.kubernetes.io/unreachable",
    "node.kubernetes.io/unschedulable",
    "node.kubernetes.io/disk-pressure",
];

pub(super) fn reconcile(world: &mut World) -> Result<(), Failure> {
    for daemon in world.list("daemonsets", "") {
        if !object::is_terminating(&daemon) {
            reconcile_one(world, &daemon)?;
        }
    }
    Ok(())
}

fn reconcile_one(world: &mut World, daemon: &Value) -> Result<(), Failure> {
    let revision = object::short_hash(&daemon["spec"]["template"]);
    let template = tolerant(&daemon["spec"]["template"]);
    let mut nodes = world.list("nodes", "");
    nodes.retain(|node| scheduler::fits(&template, node));
    let names: Vec<&str> = nodes.iter().map(|node| object::name(node)).collect();
    let pods = pods::owned(world, daemon);
    for name in &names {
        let here: Vec<_> = on(&pods, name).collect();
        match here.first() {
            None => create(world, daemon, name, &revision)?,
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
    replace_one_old(world, &pods, &revision)?;
    put_status(world, daemon, &names, &revision)
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

fn create(world: &mut World, daemon: &Value, node: &str, revision: &str) -> Result<(), Failure> {
    let prefix = format!("{}-", object::name(daemon));
    let kind = ("apps/v1", "DaemonSet");
    pods::create(world, daemon, kind, Name::Generated(prefix), |pod| {
        let label = ["metadata", "labels", "controller-revision-hash"];
        set(pod, &label, revision);
        *pod = tolerant(pod);
        set(pod, &["spec", "nodeName"], node);
    })
}

/// An update goes node by node: the next pod only when all others are ready.
fn replace_one_old(world: &mut World, pods: &[Arc<Value>], revision: &str) -> Result<(), Failure> {
    let old = |pod: &Value| {
        object::labels(pod)
            .get("controller-revision-hash")
            .map(String::as_str)
            != Some(revision)
    };
    let all_ready = pods
        .iter()
        .all(|pod| pods::is_active(pod) && pods::is_ready(pod));
    match pods.iter().find(|pod| old(pod)) {
        Some(pod) if all_ready => pods::delete(world, pod),
        _ => Ok(()),
    }
}

fn put_status(
    world: &mut World,
    daemon: &Value,
    nodes: &[&str],
    revision: &str,
) -> Result<(), Failure> {
    let mut pods = pods::owned(world, daemon);
    pods.retain(|pod| pods::is_active(pod));
    let ready = pods.iter().filter(|pod| pods::is_ready(pod)).count();
    let updated = pods.iter().filter(|pod| {
        object::labels(pod)
            .get("controller-revision-hash")
            .map(String::as_str)
            == Some(revision)
    });
    let new = pods::with_status(
        daemon,
        &[
            ("desiredNumberScheduled", nodes.len()),
            ("currentNumberScheduled", pods.len()),
            ("updatedNumberScheduled", updated.count()),
            ("numberReady", ready),
            ("numberAvailable", ready),
            ("numberUnavailable", nodes.len().saturating_sub(ready)),
            ("numberMisscheduled", 0),
        ],
    );
    super::put_changed(world, "daemonsets", daemon, new)?;
    Ok(())
}
