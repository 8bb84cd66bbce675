//! The `scale` subresource: the replicas of a workload, whatever its kind.

use http::{Response, StatusCode};
use serde_json::{Value, json};

use super::{
    Service,
    answer::{self, Body},
    on::On,
};
use crate::kubernetes::{
    failure::Failure,
    object::{self, number, set},
    patch,
    write::{self, Part},
};

/// Reads or changes the scale.
///
/// # Errors
/// As [`write::update`]; 405 for other methods.
pub(crate) fn answer(service: &Service, on: &On<'_>) -> Result<Response<Body>, Failure> {
    let workload = service
        .store
        .with(|world| world.get(on.kind.plural, on.namespace, on.name))
        .ok_or_else(|| Failure::not_found(on.kind, on.name))?;
    let scale = scale_of(&workload);
    let wanted = match on.call.method.as_str() {
        "GET" => return Ok(answer::json(StatusCode::OK, &scale)),
        "PUT" => on.json()?,
        "PATCH" => patch::apply(&scale, &on.call.content_type, on.body)?,
        _ => return Err(Failure::method_not_allowed()),
    };
    let mut changed = Value::clone(&workload);
    let replicas = number(&wanted, "/spec/replicas").unwrap_or_default();
    set(&mut changed, &["spec", "replicas"], replicas);
    let version = object::text(&wanted, "/metadata/resourceVersion");
    set(&mut changed, &["metadata", "resourceVersion"], version);
    let at = (on.namespace, on.name);
    let mode = on.call.mode();
    let changed = service
        .store
        .with(|world| write::update(world, on.kind, at, changed, Part::Main, mode))?;
    Ok(answer::json(StatusCode::OK, &scale_of(&changed)))
}

fn scale_of(workload: &Value) -> Value {
    let mut metadata = json!({});
    for key in [
        "name",
        "namespace",
        "uid",
        "resourceVersion",
        "creationTimestamp",
    ] {
        metadata[key] = workload["metadata"][key].clone();
    }
    let labels = object::pairs(workload, "/spec/selector/matchLabels");
    let selector: Vec<_> = labels.iter().map(|(k, v)| format!("{k}={v}")).collect();
    json!({
        "kind": "Scale", "apiVersion": "autoscaling/v1", "metadata": metadata,
        "spec": {"replicas": number(workload, "/spec/replicas").unwrap_or_default()},
        "status": {
            "replicas": number(workload, "/status/replicas").unwrap_or_default(),
            "selector": selector.join(","),
        },
    })
}
