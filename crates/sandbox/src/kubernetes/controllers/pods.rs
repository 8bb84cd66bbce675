//! What the controllers of pods have in common.

use std::{collections::BTreeMap, sync::Arc};

use serde_json::{Value, json};

use crate::kubernetes::{
    delete,
    delete_options::Deletion,
    failure::Failure,
    kinds::stored,
    object::{self, condition, is_terminating, set, text},
    store::World,
    write::{self, Mode},
};

/// The pods that an owner controls.
pub(super) fn owned(world: &World, owner: &Value) -> Vec<Arc<Value>> {
    let mut pods = world.list("pods", object::namespace(owner));
    pods.retain(|pod| object::is_controlled_by(pod, object::uid(owner)));
    pods
}

/// Whether a pod counts for its owner: it has not ended and is not being deleted.
pub(super) fn is_active(pod: &Value) -> bool {
    !is_terminating(pod) && !has_ended(pod)
}

pub(super) fn has_ended(pod: &Value) -> bool {
    ["Succeeded", "Failed"].contains(&text(pod, "/status/phase"))
}

pub(super) fn is_ready(pod: &Value) -> bool {
    condition(pod, "Ready") == "True"
}

/// How a new pod is called.
pub(super) enum Name {
    /// A prefix that the API completes.
    Generated(String),
    /// Exactly so.
    Exact(String),
}

/// Creates a pod from the template of its owner, with API version and kind of the owner. A pod that is refused (its
/// namespace is being deleted, or its name is too long) is not created.
pub(super) fn create(
    world: &mut World,
    owner: &Value,
    (api_version, kind): (&str, &str),
    name: Name,
    change: impl FnOnce(&mut Value),
) -> Result<(), Failure> {
    let mut pod = object_from_template(owner);
    match name {
        Name::Generated(prefix) => set(&mut pod, &["metadata", "generateName"], prefix),
        Name::Exact(name) => set(&mut pod, &["metadata", "name"], name),
    }
    let reference = object::owner_reference(owner, api_version, kind);
    set(
        &mut pod,
        &["metadata", "ownerReferences"],
        json!([reference]),
    );
    change(&mut pod);
    let namespace = object::namespace(owner).to_owned();
    let created = write::create(world, stored("pods"), &namespace, pod, Mode::default());
    super::unless_refused(created)
}

fn object_from_template(owner: &Value) -> Value {
    let template = &owner["spec"]["template"];
    let mut pod = json!({"metadata": {}, "spec": template["spec"]});
    for key in ["labels", "annotations", "finalizers"] {
        if let Some(pairs) = template["metadata"].get(key) {
            pod["metadata"][key] = pairs.clone();
        }
    }
    pod
}

/// Deletes a pod as a client would.
pub(super) fn delete(world: &mut World, pod: &Value) -> Result<(), Failure> {
    let at = (object::namespace(pod), object::name(pod));
    delete::delete(world, stored("pods"), at, &Deletion::default())?;
    Ok(())
}

/// The figures that the status of most workloads shows.
pub(super) struct Figures {
    pub total: usize,
    pub ready: usize,
}

impl Figures {
    pub fn of(pods: &[Arc<Value>]) -> Self {
        let active = pods.iter().filter(|pod| is_active(pod));
        Self {
            total: active.clone().count(),
            ready: active.filter(|pod| is_ready(pod)).count(),
        }
    }
}

/// The workload with these numbers in its status, and its generation as observed. A zero is left out where the real
/// API leaves it out (`omitempty`), which is everywhere but in `replicas`.
pub(super) fn with_status(workload: &Value, figures: &[(&str, usize)]) -> Value {
    let mut new = workload.clone();
    for (key, figure) in figures {
        if *figure == 0 && *key != "replicas" && !key.contains("Number") {
            object::unset(&mut new, &["status", key]);
        } else {
            set(&mut new, &["status", key], *figure);
        }
    }
    let generation = object::number(workload, "/metadata/generation").unwrap_or(1);
    set(&mut new, &["status", "observedGeneration"], generation);
    new
}

/// Sets labels on an object or template at `path`.
pub(super) fn add_labels(object: &mut Value, path: &[&str], labels: &BTreeMap<String, String>) {
    for (key, value) in labels {
        set(object, &[path, &["labels", key]].concat(), value.as_str());
    }
}
