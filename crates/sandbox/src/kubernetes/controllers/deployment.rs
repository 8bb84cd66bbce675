//! Deployments: a ReplicaSet for each template. The newest has all replicas, the others have none: a new template replaces
//! all pods at once, without a rolling update.

use std::{collections::BTreeMap, sync::Arc};

use serde_json::{Value, json};

use super::pods;
use crate::kubernetes::{
    failure::Failure,
    kinds::stored,
    object::{self, number, set},
    store::World,
    write::{self, Mode},
};

const HASH: &str = "pod-template-hash";

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
    if !sets.iter().any(|set| object::name(set) == name) {
        create_set(world, deployment, &name, &hash)?;
    }
    for set in sets {
        let is_newest = object::name(&set) == name;
        resize(
            world,
            &set,
            if is_newest { replicas(deployment) } else { 0 },
        )?;
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

fn create_set(
    world: &mut World,
    deployment: &Value,
    name: &str,
    hash: &str,
) -> Result<(), Failure> {
    let labels = BTreeMap::from([(HASH.to_owned(), hash.to_owned())]);
    let mut body = json!({
        "metadata": {
            "name": name,
            "labels": deployment["spec"]["template"]["metadata"]["labels"],
            "ownerReferences": [object::owner_reference(deployment, "apps/v1", "Deployment")],
        },
        "spec": {
            "replicas": replicas(deployment),
            "selector": deployment["spec"]["selector"],
            "template": deployment["spec"]["template"],
        },
    });
    pods::add_labels(&mut body, &["metadata"], &labels);
    pods::add_labels(&mut body, &["spec", "template", "metadata"], &labels);
    set(&mut body, &["spec", "selector", "matchLabels", HASH], hash);
    let (kind, namespace) = (stored("replicasets"), object::namespace(deployment));
    let created = write::create(world, kind, namespace, body, Mode::default());
    super::unless_refused(created)
}

fn replicas(workload: &Value) -> i64 {
    number(workload, "/spec/replicas").unwrap_or(1)
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

fn with_status(deployment: &Value, sets: &[Arc<Value>], newest: &str, now: &str) -> Value {
    let total = |pointer: &str, is_counted: &dyn Fn(&Value) -> bool| -> usize {
        let counted = sets.iter().filter(|set| is_counted(set));
        let figures = counted.filter_map(|set| number(set, pointer));
        usize::try_from(figures.sum::<i64>()).unwrap_or_default()
    };
    let (all, new) = (|_: &Value| true, |set: &Value| object::name(set) == newest);
    let available = total("/status/availableReplicas", &all);
    let wanted = usize::try_from(replicas(deployment)).unwrap_or_default();
    let mut status = pods::with_status(
        deployment,
        &[
            ("replicas", total("/status/replicas", &all)),
            ("updatedReplicas", total("/status/replicas", &new)),
            ("readyReplicas", total("/status/readyReplicas", &all)),
            ("availableReplicas", available),
            ("unavailableReplicas", wanted.saturating_sub(available)),
        ],
    );
    let (is, reason) = match available >= wanted {
        true => ("True", "MinimumReplicasAvailable"),
        false => ("False", "MinimumReplicasUnavailable"),
    };
    object::set_condition(&mut status, "Available", is, reason, now);
    status
}
