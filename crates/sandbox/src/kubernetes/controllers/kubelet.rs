//! The kubelets: pods placed on a Ready node start, run and stop.
//!
//! As KWOK simulates them: a pod becomes Ready after a while, one of a Job ends after a while (with success, unless its
//! annotation `trireme.dev/sandbox-outcome: fail` says otherwise), a deleted one is gone after a while. Where the annotation
//! `trireme.dev/sandbox-crash-on` names its node, its containers crash for ever.

use std::{sync::Arc, time::Duration};

use serde_json::{Value, json};

use super::{clocks::Clocks, pods};
use crate::kubernetes::{
    failure::Failure,
    object::{self, condition, number, set, set_condition, text},
    options::Timings,
    store::World,
};

/// The nodes, separated by spaces, on which the containers of a pod never become ready.
const CRASHES_ON: &str = "/metadata/annotations/trireme.dev~1sandbox-crash-on";

const OUTCOME: &str = "/metadata/annotations/trireme.dev~1sandbox-outcome";

pub(super) fn reconcile(
    world: &mut World,
    timings: &Timings,
    clocks: &mut Clocks,
) -> Result<(), Failure> {
    for pod in world.list("pods", "") {
        let node = text(&pod, "/spec/nodeName");
        if node.is_empty() {
            continue;
        }
        match world.get("nodes", "", node) {
            // Its node is gone: no kubelet is left to stop it gracefully.
            None => {
                world.remove("pods", object::namespace(&pod), object::name(&pod))?;
            }
            Some(node) if condition(&node, "Ready") == "True" => {
                live(world, timings, clocks, &pod, &node)?;
            }
            Some(_) => mark_unready(world, &pod)?,
        }
    }
    Ok(())
}

/// A pod on a node that does not answer is not ready (set by the node life cycle controller, not by the kubelet).
fn mark_unready(world: &mut World, pod: &Value) -> Result<(), Failure> {
    let mut new = pod.clone();
    if pods::is_ready(pod) {
        set_condition(&mut new, "Ready", "False", "NodeNotReady", &world.time());
    }
    super::put_changed(world, "pods", pod, new)?;
    Ok(())
}

fn live(
    world: &mut World,
    timings: &Timings,
    clocks: &mut Clocks,
    pod: &Arc<Value>,
    node: &Value,
) -> Result<(), Failure> {
    let clock = |what: &str| format!("{} {what}", object::uid(pod));
    if object::is_terminating(pod) {
        let grace = number(pod, "/metadata/deletionGracePeriodSeconds").unwrap_or_default();
        let grace = Duration::from_secs(u64::try_from(grace).unwrap_or_default());
        let finalized = object::list(pod, "/metadata/finalizers").is_empty();
        if clocks.is_due(clock("stops"), grace.min(timings.pod_stop)) && finalized {
            world.remove("pods", object::namespace(pod), object::name(pod))?;
        }
        return Ok(());
    }
    match text(pod, "/status/phase") {
        "Pending" if clocks.is_due(clock("starts"), timings.pod_start) => {
            let running = started(world, pod, node);
            world.put("pods", running)?;
        }
        "Running" if ends_by_itself(pod) && clocks.is_due(clock("ends"), timings.job_run) => {
            let ended = ended(pod, &world.time());
            world.put("pods", ended)?;
        }
        "Running" if !pods::is_ready(pod) && !is_unready_by_a_client(pod) => {
            let mut new = Value::clone(pod);
            set_condition(&mut new, "Ready", "True", "", &world.time());
            world.put("pods", new)?;
        }
        _ => {}
    }
    Ok(())
}

/// A pod that a client made unready stays unready; one that lost its node becomes ready again.
fn is_unready_by_a_client(pod: &Value) -> bool {
    let conditions = object::list(pod, "/status/conditions").iter();
    let mut ready = conditions.filter(|condition| text(condition, "/type") == "Ready");
    ready.any(|condition| text(condition, "/reason") != "NodeNotReady")
}

fn ends_by_itself(pod: &Value) -> bool {
    object::controller(pod).is_some_and(|owner| text(owner, "/kind") == "Job")
}

fn started(world: &World, pod: &Value, node: &Value) -> Value {
    let mut new = pod.clone();
    let now = world.time();
    let address = free_address(world);
    let host = text(node, "/status/addresses/0/address");
    for (key, value) in [
        ("phase", json!("Running")),
        ("startTime", json!(now)),
        ("podIP", json!(address)),
        ("podIPs", json!([{"ip": address}])),
        ("hostIP", json!(host)),
    ] {
        set(&mut new, &["status", key], value);
    }
    let crashes = crashes(pod);
    let state = match crashes {
        true => {
            json!({"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 5m0s restarting failed container"}})
        }
        false => json!({"running": {"startedAt": now}}),
    };
    let statuses = container_statuses(pod, &state, !crashes);
    set(&mut new, &["status", "containerStatuses"], statuses);
    for condition in ["PodScheduled", "Initialized", "ContainersReady", "Ready"] {
        set_condition(&mut new, condition, "True", "", &now);
        if crashes && condition.ends_with("Ready") {
            set_condition(&mut new, condition, "False", "ContainersNotReady", &now);
        }
    }
    new
}

fn crashes(pod: &Value) -> bool {
    let node = text(pod, "/spec/nodeName");
    text(pod, CRASHES_ON).split(' ').any(|name| name == node)
}

fn ended(pod: &Value, now: &str) -> Value {
    let mut new = pod.clone();
    let failed = text(pod, OUTCOME) == "fail";
    let (phase, code, reason) = if failed {
        ("Failed", 1, "Error")
    } else {
        ("Succeeded", 0, "Completed")
    };
    let state = json!({"terminated": {"exitCode": code, "reason": reason, "finishedAt": now}});
    let statuses = container_statuses(pod, &state, false);
    set(&mut new, &["status", "phase"], phase);
    set(&mut new, &["status", "containerStatuses"], statuses);
    for condition in ["ContainersReady", "Ready"] {
        set_condition(&mut new, condition, "False", "PodCompleted", now);
    }
    new
}

fn container_statuses(pod: &Value, state: &Value, ready: bool) -> Value {
    let containers = object::list(pod, "/spec/containers")
        .iter()
        .map(|container| {
            json!({
                "name": container["name"], "image": container["image"], "imageID": "",
                "ready": ready, "started": ready, "restartCount": 0, "state": state,
            })
        });
    containers.collect::<Vec<_>>().into()
}

/// A loopback address that no pod has, out of 127.64.0.0/10, so that a server for the pod can listen on it.
fn free_address(world: &World) -> String {
    let pods = world.list("pods", "");
    loop {
        let (b, c, d) = (
            fastrand::u8(64..128),
            fastrand::u8(..),
            fastrand::u8(1..255),
        );
        let address = format!("127.{b}.{c}.{d}");
        if !pods.iter().any(|pod| text(pod, "/status/podIP") == address) {
            return address;
        }
    }
}
