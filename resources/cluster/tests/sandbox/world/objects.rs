//! What is in a cluster.

use serde_json::{Value, json};

/// Deployment `shop/web`.
pub fn web(replicas: i64) -> Value {
    let labels = json!({"app": "web"});
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"name": "web", "namespace": "shop"},
        "spec": {"replicas": replicas, "selector": {"matchLabels": labels}, "template": {
            "metadata": {"labels": labels},
            "spec": {"containers": [{"name": "web", "image": "registry.example/web:1"}]},
        }},
    })
}

/// Its budget.
pub fn budget(spec: Value) -> Value {
    let mut budget = json!({
        "apiVersion": "policy/v1", "kind": "PodDisruptionBudget",
        "metadata": {"name": "web", "namespace": "shop"},
        "spec": {"selector": {"matchLabels": {"app": "web"}}},
    });
    for (key, value) in spec.as_object().unwrap() {
        budget["spec"][key] = value.clone();
    }
    budget
}

/// DaemonSet `shop/log`.
pub fn daemon_set() -> Value {
    let labels = json!({"app": "log"});
    json!({
        "apiVersion": "apps/v1", "kind": "DaemonSet",
        "metadata": {"name": "log", "namespace": "shop"},
        "spec": {"selector": {"matchLabels": labels}, "template": {
            "metadata": {"labels": labels},
            "spec": {"containers": [{"name": "log", "image": "registry.example/log:1"}]},
        }},
    })
}

/// What the kubelet of `node` shows of its static pod `shop/log-NODE`.
pub fn static_pod(node: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {
            "name": format!("log-{node}"), "namespace": "shop",
            "annotations": {"kubernetes.io/config.mirror": "0a1b"},
        },
        "spec": {
            "nodeName": node,
            "containers": [{"name": "log", "image": "registry.example/log:1"}],
        },
    })
}
