//! What the real server fills in, as far as clients look at it.

use serde_json::{Value, json};

use super::{
    kinds::Kind,
    object::{default, list, set, text},
};

/// Fills in the defaults of a new object of this kind.
pub(crate) fn fill(kind: &Kind, object: &mut Value) {
    match kind.plural {
        "pods" => pod(object),
        "deployments" => deployment(object),
        "replicasets" => default(object, &["spec", "replicas"], 1),
        "statefulsets" => stateful_set(object),
        "daemonsets" => daemon_set(object),
        "jobs" => job(object),
        "services" => service(object),
        "namespaces" => {
            set(object, &["status", "phase"], "Active");
            let name = text(object, "/metadata/name").to_owned();
            set(
                object,
                &["metadata", "labels", "kubernetes.io/metadata.name"],
                name,
            );
            default(object, &["spec", "finalizers"], json!(["kubernetes"]));
        }
        "secrets" => default(object, &["type"], "Opaque"),
        _ => {}
    }
    if object.pointer("/spec/template").is_some() {
        let restart = if kind.plural == "jobs" {
            "Never"
        } else {
            "Always"
        };
        default(
            object,
            &["spec", "template", "spec", "restartPolicy"],
            restart,
        );
        pod_spec(object, &["spec", "template", "spec"]);
    }
}

fn pod(object: &mut Value) {
    set(
        object,
        &["status"],
        json!({"phase": "Pending", "qosClass": "BestEffort"}),
    );
    default(object, &["spec", "restartPolicy"], "Always");
    default(object, &["spec", "serviceAccountName"], "default");
    default(object, &["spec", "enableServiceLinks"], true);
    default(
        object,
        &["spec", "preemptionPolicy"],
        "PreemptLowerPriority",
    );
    default(object, &["spec", "priority"], 0);
    pod_spec(object, &["spec"]);
    let tolerations = list(object, "/spec/tolerations");
    let mut tolerations = tolerations.to_vec();
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

fn pod_spec(object: &mut Value, path: &[&str]) {
    let mut at = |key: &str, value: Value| default(object, &[path, &[key]].concat(), value);
    at("dnsPolicy", json!("ClusterFirst"));
    at("schedulerName", json!("default-scheduler"));
    at("securityContext", json!({}));
    at("terminationGracePeriodSeconds", json!(30));
    let pointer = format!("/{}/containers", path.join("/"));
    let containers = object.pointer_mut(&pointer).and_then(Value::as_array_mut);
    for container in containers.into_iter().flatten() {
        default(container, &["resources"], json!({}));
        default(container, &["imagePullPolicy"], "IfNotPresent");
        default(
            container,
            &["terminationMessagePath"],
            "/dev/termination-log",
        );
        default(container, &["terminationMessagePolicy"], "File");
    }
}

fn deployment(object: &mut Value) {
    default(object, &["spec", "replicas"], 1);
    default(object, &["spec", "revisionHistoryLimit"], 10);
    default(object, &["spec", "progressDeadlineSeconds"], 600);
    default(object, &["spec", "strategy", "type"], "RollingUpdate");
    if text(object, "/spec/strategy/type") == "RollingUpdate" {
        for limit in ["maxSurge", "maxUnavailable"] {
            default(object, &["spec", "strategy", "rollingUpdate", limit], "25%");
        }
    }
}

fn stateful_set(object: &mut Value) {
    default(object, &["spec", "replicas"], 1);
    default(object, &["spec", "revisionHistoryLimit"], 10);
    default(object, &["spec", "podManagementPolicy"], "OrderedReady");
    default(
        object,
        &["spec", "updateStrategy"],
        json!({"type": "RollingUpdate", "rollingUpdate": {"partition": 0}}),
    );
}

fn daemon_set(object: &mut Value) {
    default(object, &["spec", "revisionHistoryLimit"], 10);
    default(
        object,
        &["spec", "updateStrategy"],
        json!({"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 0, "maxUnavailable": 1}}),
    );
}

/// A Job selects its pods by its own uid, which it also writes into their labels.
fn job(object: &mut Value) {
    for (key, value) in [("backoffLimit", 6), ("completions", 1), ("parallelism", 1)] {
        default(object, &["spec", key], value);
    }
    default(object, &["spec", "completionMode"], "NonIndexed");
    default(object, &["spec", "suspend"], false);
    default(object, &["spec", "manualSelector"], false);
    default(
        object,
        &["spec", "podReplacementPolicy"],
        "TerminatingOrFailed",
    );
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
    default(
        object,
        &["spec", "selector", "matchLabels"],
        json!({"batch.kubernetes.io/controller-uid": uid}),
    );
}

fn service(object: &mut Value) {
    default(object, &["spec", "type"], "ClusterIP");
    default(object, &["spec", "sessionAffinity"], "None");
    default(object, &["spec", "internalTrafficPolicy"], "Cluster");
    default(object, &["spec", "ipFamilies"], json!(["IPv4"]));
    default(object, &["spec", "ipFamilyPolicy"], "SingleStack");
    // Out of 10.96.0.0/16. Nothing routes there; two Services with one address would only look alike.
    let address = format!("10.96.{}.{}", fastrand::u8(..), fastrand::u8(1..255));
    default(object, &["spec", "clusterIP"], address);
    let address = text(object, "/spec/clusterIP").to_owned();
    default(object, &["spec", "clusterIPs"], json!([address]));
    let ports = object
        .pointer_mut("/spec/ports")
        .and_then(Value::as_array_mut);
    for port in ports.into_iter().flatten() {
        default(port, &["protocol"], "TCP");
        let target = port["port"].clone();
        default(port, &["targetPort"], target);
    }
    set(object, &["status", "loadBalancer"], json!({}));
}
