//! The defaults of the real server, as far as the controllers here, kubectl and the roller read them.

use serde_json::{Value, json};

use super::{
    kinds::Kind,
    object::{default, list, set, text},
};

/// Fills in the defaults of a new object of this kind.
pub(crate) fn fill(kind: &Kind, object: &mut Value) {
    match kind.plural {
        "pods" => pod(object),
        "deployments" | "replicasets" | "statefulsets" => default(object, &["spec", "replicas"], 1),
        "jobs" => job(object),
        "services" => service(object),
        "namespaces" => namespace(object),
        _ => {}
    }
}

fn namespace(object: &mut Value) {
    set(object, &["status", "phase"], "Active");
    let name = text(object, "/metadata/name").to_owned();
    let label = ["metadata", "labels", "kubernetes.io/metadata.name"];
    set(object, &label, name);
    default(object, &["spec", "finalizers"], json!(["kubernetes"]));
}

fn pod(object: &mut Value) {
    let status = json!({"phase": "Pending", "qosClass": "BestEffort"});
    set(object, &["status"], status);
    default(object, &["spec", "restartPolicy"], "Always");
    default(object, &["spec", "serviceAccountName"], "default");
    default(object, &["spec", "terminationGracePeriodSeconds"], 30);
    let mut tolerations = list(object, "/spec/tolerations").to_vec();
    // The admission plugin DefaultTolerationSeconds: a pod outlives a node that is away for five minutes.
    for key in [
        "node.kubernetes.io/not-ready",
        "node.kubernetes.io/unreachable",
    ] {
        let covers = |t: &Value| [key, ""].contains(&text(t, "/key"));
        if !tolerations.iter().any(covers) {
            tolerations.push(json!({"key": key, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300}));
        }
    }
    set(object, &["spec", "tolerations"], tolerations);
}

/// A Job selects its pods by its own uid, which it also writes into their labels.
fn job(object: &mut Value) {
    for (key, value) in [("backoffLimit", 6), ("completions", 1), ("parallelism", 1)] {
        default(object, &["spec", key], value);
    }
    default(object, &["spec", "suspend"], false);
    let uid = text(object, "/metadata/uid").to_owned();
    let name = text(object, "/metadata/name").to_owned();
    let labels = [
        ("batch.kubernetes.io/controller-uid", &uid),
        ("batch.kubernetes.io/job-name", &name),
        ("controller-uid", &uid),
        ("job-name", &name),
    ];
    for (label, value) in labels {
        let path = ["spec", "template", "metadata", "labels", label];
        default(object, &path, value.as_str());
    }
    let labels = json!({"batch.kubernetes.io/controller-uid": uid});
    default(object, &["spec", "selector", "matchLabels"], labels);
}

fn service(object: &mut Value) {
    default(object, &["spec", "type"], "ClusterIP");
    let ports = object.pointer_mut("/spec/ports");
    let ports = ports.and_then(Value::as_array_mut);
    for port in ports.into_iter().flatten() {
        default(port, &["protocol"], "TCP");
        let target = port["port"].clone();
        default(port, &["targetPort"], target);
    }
}
