//! StatefulSets: pods with names of their own, one after another.

use std::sync::Arc;

use serde_json::{Value, json};

use super::pods::{self, Figures, Name};
use crate::kubernetes::{
    failure::Failure,
    object::{self, number, set, text},
    store::World,
};

const REVISION: &str = "controller-revision-hash";

pub(super) fn reconcile(world: &mut World) -> Result<(), Failure> {
    for workload in world.list("statefulsets", "") {
        if !object::is_terminating(&workload) {
            reconcile_one(world, &workload)?;
        }
    }
    Ok(())
}

fn reconcile_one(world: &mut World, workload: &Value) -> Result<(), Failure> {
    let revision = format!(
        "{}-{}",
        object::name(workload),
        object::short_hash(&workload["spec"]["template"])
    );
    let pods = pods::owned(world, workload);
    step(world, workload, &pods, &revision)?;
    let owned = pods::owned(world, workload);
    let figures = Figures::of(&owned);
    let updated = owned
        .iter()
        .filter(|pod| pods::is_active(pod) && object::labels(pod).get(REVISION) == Some(&revision));
    let mut new = pods::with_status(
        workload,
        &[
            ("replicas", figures.total),
            ("readyReplicas", figures.ready),
            ("availableReplicas", figures.ready),
            ("currentReplicas", figures.total),
            ("updatedReplicas", updated.count()),
        ],
    );
    set(&mut new, &["status", "currentRevision"], revision.as_str());
    set(&mut new, &["status", "updateRevision"], revision);
    set(&mut new, &["status", "collisionCount"], 0);
    super::put_changed(world, "statefulsets", workload, new)?;
    Ok(())
}

/// The next change, if any. In order, each pod waits for those before it; in parallel none waits.
fn step(
    world: &mut World,
    workload: &Value,
    pods: &[Arc<Value>],
    revision: &str,
) -> Result<(), Failure> {
    let wanted = number(workload, "/spec/replicas").unwrap_or(1);
    let parallel = text(workload, "/spec/podManagementPolicy") == "Parallel";
    let find = |ordinal: i64| {
        let name = format!("{}-{ordinal}", object::name(workload));
        pods.iter().find(move |pod| object::name(pod) == name)
    };
    for ordinal in 0..wanted {
        match find(ordinal) {
            None => create(world, workload, ordinal, revision)?,
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
    scale_down_or_update(world, pods, wanted, revision)
}

/// Too many pods go from the highest number; then old ones are replaced, also from the highest, one at a time.
fn scale_down_or_update(
    world: &mut World,
    pods: &[Arc<Value>],
    wanted: i64,
    revision: &str,
) -> Result<(), Failure> {
    let ordinal = |pod: &Value| {
        let number = object::name(pod).rsplit('-').next().map(str::parse::<i64>);
        number.and_then(Result::ok).unwrap_or_default()
    };
    if pods.iter().any(|pod| object::is_terminating(pod)) {
        return Ok(());
    }
    let old = |pod: &Value| object::labels(pod).get(REVISION).map(String::as_str) != Some(revision);
    let going = pods.iter().filter(|pod| ordinal(pod) >= wanted || old(pod));
    match going.max_by_key(|pod| ordinal(pod)) {
        Some(pod) => pods::delete(world, pod),
        None => Ok(()),
    }
}

fn create(
    world: &mut World,
    workload: &Value,
    ordinal: i64,
    revision: &str,
) -> Result<(), Failure> {
    let name = format!("{}-{ordinal}", object::name(workload));
    let labels = [
        ("apps.kubernetes.io/pod-index", ordinal.to_string()),
        (REVISION, revision.to_owned()),
        ("statefulset.kubernetes.io/pod-name", name.clone()),
    ]
    .map(|(key, value)| (key.to_owned(), value));
    let host = json!(name);
    let kind = ("apps/v1", "StatefulSet");
    pods::create(world, workload, kind, Name::Exact(name), |pod| {
        pods::add_labels(pod, &["metadata"], &labels.into());
        set(pod, &["spec", "hostname"], host);
    })
}
