//! StatefulSets: pods with names of their own, one after another. A new template is for new pods only (`OnDelete`).

use std::sync::Arc;

use serde_json::Value;

use super::pods::{self, Figures, Name};
use crate::kubernetes::{
    failure::Failure,
    object::{self, number, text},
    store::World,
};

pub(super) fn reconcile(world: &mut World) -> Result<(), Failure> {
    for workload in world.list("statefulsets", "") {
        if !object::is_terminating(&workload) {
            reconcile_one(world, &workload)?;
        }
    }
    Ok(())
}

fn reconcile_one(world: &mut World, workload: &Value) -> Result<(), Failure> {
    let pods = pods::owned(world, workload);
    step(world, workload, &pods)?;
    let Figures { total, ready } = Figures::of(&pods::owned(world, workload));
    let new = pods::with_status(
        workload,
        &[
            ("replicas", total),
            ("readyReplicas", ready),
            ("availableReplicas", ready),
            ("currentReplicas", total),
            ("updatedReplicas", total),
        ],
    );
    super::put_changed(world, "statefulsets", workload, new)?;
    Ok(())
}

/// The next change, if any. In order, each pod waits for those before it; in parallel none waits.
fn step(world: &mut World, workload: &Value, pods: &[Arc<Value>]) -> Result<(), Failure> {
    let wanted = number(workload, "/spec/replicas").unwrap_or(1);
    let parallel = text(workload, "/spec/podManagementPolicy") == "Parallel";
    let find = |ordinal: i64| {
        let name = format!("{}-{ordinal}", object::name(workload));
        pods.iter().find(move |pod| object::name(pod) == name)
    };
    for ordinal in 0..wanted {
        match find(ordinal) {
            None => create(world, workload, ordinal)?,
            Some(pod) if pods::has_ended(pod) && !object::is_terminating(pod) => {
                pods::delete(world, pod)?;
            }
            Some(pod) if pods::is_active(pod) && pods::is_ready(pod) => continue,
            Some(_) => {}
        }
        if !parallel {
            return Ok(());
        }
    }
    scale_down(world, pods, wanted)
}

/// Too many pods go from the highest number, one at a time.
fn scale_down(world: &mut World, pods: &[Arc<Value>], wanted: i64) -> Result<(), Failure> {
    let ordinal = |pod: &Value| {
        let number = object::name(pod).rsplit('-').next().map(str::parse::<i64>);
        number.and_then(Result::ok).unwrap_or_default()
    };
    if pods.iter().any(|pod| object::is_terminating(pod)) {
        return Ok(());
    }
    let going = pods.iter().filter(|pod| ordinal(pod) >= wanted);
    match going.max_by_key(|pod| ordinal(pod)) {
        Some(pod) => pods::delete(world, pod),
        None => Ok(()),
    }
}

fn create(world: &mut World, workload: &Value, ordinal: i64) -> Result<(), Failure> {
    let name = format!("{}-{ordinal}", object::name(workload));
    let labels = [
        ("apps.kubernetes.io/pod-index", ordinal.to_string()),
        ("statefulset.kubernetes.io/pod-name", name.clone()),
    ]
    .map(|(key, value)| (key.to_owned(), value));
    let kind = ("apps/v1", "StatefulSet");
    pods::create(world, workload, kind, Name::Exact(name), |pod| {
        pods::add_labels(pod, &["metadata"], &labels.into());
    })
}
