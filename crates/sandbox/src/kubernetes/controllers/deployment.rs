//! Deployments: ReplicaSets, the newest of which replaces the others step by step.

use std::{collections::BTreeMap, sync::Arc};

use serde_json::{Value, json};

use super::pods;
use crate::kubernetes::{
    failure::Failure,
    kinds::stored,
    object::{self, number, set, text},
    store::World,
    write::{self, Mode},
};

const HASH: &str = "pod-template-hash";
/// Of a ReplicaSet, which of the templates it is; of a Deployment, that of its newest. `kubectl rollout undo` goes by it.
const REVISION: &str = "deployment.kubernetes.io/revision";

pub(super) fn reconcile(world: &mut World) -> Result<(), Failure> {
    for deployment in world.list("deployments", "") {
        if !object::is_terminating(&deployment) {
            reconcile_one(world, &deployment)?;
        }
    }
    Ok(())
}

fn reconcile_one(world: &mut World, deployment: &Value) -> Result<(), Failure> {
    let hash = object::short_hash(&deployment["spec"]["template"]);
    let name = format!("{}-{hash}", object::name(deployment));
    let sets = owned(world, deployment);
    if let Some(newest) = sets.iter().find(|set| object::name(set) == name) {
        number_as_newest(world, newest, &sets)?;
        if !object::flag(deployment, "/spec/paused") {
            scale(world, deployment, &owned(world, deployment), &name)?;
        }
    } else {
        create_set(world, deployment, &name, &hash, sets.len())?;
    }
    let new = with_status(deployment, &owned(world, deployment), &name, &world.time());
    super::put_changed(world, "deployments", deployment, new)?;
    Ok(())
}

fn owned(world: &World, deployment: &Value) -> Vec<Arc<Value>> {
    let mut sets = world.list("replicasets", object::namespace(deployment));
    sets.retain(|set| object::is_controlled_by(set, object::uid(deployment)));
    sets
}

fn revision(object: &Value) -> i64 {
    let annotations = object::pairs(object, "/metadata/annotations");
    let revision = annotations.get(REVISION);
    revision
        .and_then(|text| text.parse().ok())
        .unwrap_or_default()
}

/// A template that is taken up again becomes the newest.
fn number_as_newest(world: &mut World, set: &Value, sets: &[Arc<Value>]) -> Result<(), Failure> {
    let others = sets
        .iter()
        .filter(|other| object::uid(other) != object::uid(set));
    let highest = others
        .map(|other| revision(other))
        .max()
        .unwrap_or_default();
    if revision(set) <= highest {
        let mut new = set.clone();
        object::set(
            &mut new,
            &["metadata", "annotations", REVISION],
            (highest + 1).to_string(),
        );
        world.put("replicasets", new)?;
    }
    Ok(())
}

fn create_set(
    world: &mut World,
    deployment: &Value,
    name: &str,
    hash: &str,
    earlier: usize,
) -> Result<(), Failure> {
    let labels = BTreeMap::from([(HASH.to_owned(), hash.to_owned())]);
    let mut body = json!({
        "metadata": {
            "name": name,
            "labels": deployment["spec"]["template"]["metadata"]["labels"],
            "annotations": {REVISION: (earlier + 1).to_string()},
            "ownerReferences": [object::owner_reference(deployment, "apps/v1", "Deployment")],
        },
        "spec": {
            "replicas": if earlier == 0 { replicas(deployment) } else { 0 },
            "selector": deployment["spec"]["selector"],
            "template": deployment["spec"]["template"],
        },
    });
    pods::add_labels(&mut body, &["metadata"], &labels);
    pods::add_labels(&mut body, &["spec", "template", "metadata"], &labels);
    set(&mut body, &["spec", "selector", "matchLabels", HASH], hash);
    let namespace = object::namespace(deployment);
    let created = write::create(
        world,
        stored("replicasets"),
        namespace,
        body,
        Mode::default(),
    );
    super::unless_refused(created)
}

fn replicas(workload: &Value) -> i64 {
    number(workload, "/spec/replicas").unwrap_or(1)
}

fn total(sets: &[Arc<Value>], pointer: &str) -> i64 {
    sets.iter()
        .map(|set| number(set, pointer).unwrap_or_default())
        .sum()
}

/// One step of the rolling update: as many new pods as the surge allows, then as few old ones as availability allows.
fn scale(
    world: &mut World,
    deployment: &Value,
    sets: &[Arc<Value>],
    newest: &str,
) -> Result<(), Failure> {
    let wanted = replicas(deployment);
    let Some(new) = sets.iter().find(|set| object::name(set) == newest) else {
        return Ok(());
    };
    let (surge, unavailable) = limits(deployment, wanted);
    let running = total(sets, "/spec/replicas");
    let mut target = wanted;
    if sets
        .iter()
        .any(|set| object::name(set) != newest && replicas(set) > 0)
    {
        let room = (wanted + surge - running).max(0);
        target = (replicas(new) + room).min(wanted);
    }
    resize(world, new, target)?;
    let unready = replicas(new) - number(new, "/status/availableReplicas").unwrap_or_default();
    let mut may_go = running - (wanted - unavailable) - unready.max(0);
    for old in sets.iter().filter(|set| object::name(set) != newest) {
        let going = may_go.clamp(0, replicas(old));
        may_go -= going;
        resize(world, old, replicas(old) - going)?;
    }
    Ok(())
}

fn resize(world: &mut World, set: &Value, wanted: i64) -> Result<(), Failure> {
    if replicas(set) == wanted {
        return Ok(());
    }
    let mut new = set.clone();
    object::set(&mut new, &["spec", "replicas"], wanted);
    let at = (object::namespace(set), object::name(set));
    let kind = stored("replicasets");
    write::update(world, kind, at, new, write::Part::Main, Mode::default())?;
    Ok(())
}

/// How many more than wanted may run, and how many fewer be available: a surge rounds up, the other down, and both
/// zero would never move.
fn limits(deployment: &Value, wanted: i64) -> (i64, i64) {
    if text(deployment, "/spec/strategy/type") == "Recreate" {
        return (0, wanted);
    }
    let limit = |name: &str, round: i64| {
        let value = deployment.pointer(&format!("/spec/strategy/rollingUpdate/{name}"));
        match value {
            Some(Value::String(percent)) => {
                let percent: i64 = percent.trim_end_matches('%').parse().unwrap_or_default();
                percent.saturating_mul(wanted).saturating_add(round) / 100
            }
            other => other.and_then(Value::as_i64).unwrap_or_default(),
        }
    };
    match (limit("maxSurge", 99), limit("maxUnavailable", 0)) {
        (0, 0) => (0, 1),
        limits => limits,
    }
}

fn with_status(deployment: &Value, sets: &[Arc<Value>], newest: &str, now: &str) -> Value {
    let count = |pointer: &str| usize::try_from(total(sets, pointer)).unwrap_or_default();
    let new: Vec<_> = sets
        .iter()
        .filter(|set| object::name(set) == newest)
        .cloned()
        .collect();
    let updated = usize::try_from(total(&new, "/status/replicas")).unwrap_or_default();
    let available = count("/status/availableReplicas");
    let wanted = usize::try_from(replicas(deployment)).unwrap_or_default();
    let mut status = pods::with_status(
        deployment,
        &[
            ("replicas", count("/status/replicas")),
            ("updatedReplicas", updated),
            ("readyReplicas", count("/status/readyReplicas")),
            ("availableReplicas", available),
            ("unavailableReplicas", wanted.saturating_sub(available)),
        ],
    );
    if let Some(newest) = new.first() {
        let at = ["metadata", "annotations", REVISION];
        set(&mut status, &at, revision(newest).to_string());
    }
    let (_, unavailable) = limits(deployment, replicas(deployment));
    let enough = available as i64 >= replicas(deployment) - unavailable;
    let (is, reason) = if enough {
        ("True", "MinimumReplicasAvailable")
    } else {
        ("False", "MinimumReplicasUnavailable")
    };
    object::set_condition(&mut status, "Available", is, reason, now);
    let reason = if updated == wanted && available >= wanted {
        "NewReplicaSetAvailable"
    } else {
        "ReplicaSetUpdated"
    };
    object::set_condition(&mut status, "Progressing", "True", reason, now);
    status
}
