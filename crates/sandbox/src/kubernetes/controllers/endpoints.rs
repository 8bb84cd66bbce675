//! EndpointSlices: the addresses of the pods that a Service selects, and which of them are Ready.

use serde_json::{Value, json};

use super::pods;
use crate::kubernetes::{
    failure::Failure,
    kinds::stored,
    object::{self, list, pairs, set, text},
    selector::Labels,
    store::World,
    write::{self, Mode},
};

pub(super) fn reconcile(world: &mut World) -> Result<(), Failure> {
    for service in world.list("services", "") {
        let selector = service.pointer("/spec/selector");
        let wanted = selector.is_some() && !object::is_terminating(&service);
        if wanted {
            reconcile_one(world, &service)?;
        }
    }
    Ok(())
}

fn reconcile_one(world: &mut World, service: &Value) -> Result<(), Failure> {
    let selector = Labels::of(Some(
        &json!({"matchLabels": pairs(service, "/spec/selector")}),
    ));
    let mut pods = world.list("pods", object::namespace(service));
    pods.retain(|pod| {
        !text(pod, "/status/podIP").is_empty()
            && !pods::has_ended(pod)
            && selector
                .as_ref()
                .is_some_and(|selector| selector.matches(&object::labels(pod)))
    });
    let endpoints: Vec<_> = pods.iter().map(|pod| endpoint(pod)).collect();
    let ports = ports(service);
    let slices = world.list("endpointslices", object::namespace(service));
    let slice = slices
        .iter()
        .find(|slice| object::is_controlled_by(slice, object::uid(service)));
    match slice {
        Some(slice) => {
            let mut new = Value::clone(slice);
            set(&mut new, &["endpoints"], endpoints);
            set(&mut new, &["ports"], ports);
            super::put_changed(world, "endpointslices", slice, new)?;
            Ok(())
        }
        None => create(world, service, endpoints, ports),
    }
}

fn create(
    world: &mut World,
    service: &Value,
    endpoints: Vec<Value>,
    ports: Vec<Value>,
) -> Result<(), Failure> {
    let body = json!({
        "metadata": {
            "generateName": format!("{}-", object::name(service)),
            "labels": {
                "kubernetes.io/service-name": object::name(service),
                "endpointslice.kubernetes.io/managed-by": "endpointslice-controller.k8s.io",
            },
            "ownerReferences": [object::owner_reference(service, "v1", "Service")],
        },
        "addressType": "IPv4", "endpoints": endpoints, "ports": ports,
    });
    let namespace = object::namespace(service);
    let created = write::create(
        world,
        stored("endpointslices"),
        namespace,
        body,
        Mode::default(),
    );
    super::unless_refused(created)
}

/// A pod that is being deleted may still serve, but is not ready: it gets no new connections.
fn endpoint(pod: &Value) -> Value {
    let (serving, terminating) = (pods::is_ready(pod), object::is_terminating(pod));
    json!({
        "addresses": [text(pod, "/status/podIP")],
        "conditions": {"ready": serving && !terminating, "serving": serving, "terminating": terminating},
        "nodeName": text(pod, "/spec/nodeName"),
        "targetRef": {
            "kind": "Pod", "namespace": object::namespace(pod), "name": object::name(pod),
            "uid": object::uid(pod),
        },
    })
}

/// The ports of the pods. A target port by name is not looked up.
fn ports(service: &Value) -> Vec<Value> {
    let ports = list(service, "/spec/ports").iter().map(|port| {
        let target = port["targetPort"].as_i64();
        json!({"name": text(port, "/name"), "port": target, "protocol": port["protocol"]})
    });
    ports.collect()
}
