//! Tables, which `kubectl get` prints as they come: the columns of every kind, and the cells of some objects.

use serde_json::{Value, json};

use super::Answers;
use crate::world::Caller;

const TABLE: &str = "application/json;as=Table;v=v1;g=meta.k8s.io";

const COLLECTIONS: [&str; 19] = [
    "/api/v1/configmaps",
    "/api/v1/events",
    "/api/v1/namespaces",
    "/api/v1/nodes",
    "/api/v1/pods",
    "/api/v1/secrets",
    "/api/v1/serviceaccounts",
    "/api/v1/services",
    "/apis/apps/v1/daemonsets",
    "/apis/apps/v1/deployments",
    "/apis/apps/v1/replicasets",
    "/apis/apps/v1/statefulsets",
    "/apis/batch/v1/jobs",
    "/apis/coordination.k8s.io/v1/leases",
    "/apis/discovery.k8s.io/v1/endpointslices",
    "/apis/policy/v1/poddisruptionbudgets",
    "/apis/rbac.authorization.k8s.io/v1/clusterroles",
    "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings",
    "/apis/rbac.authorization.k8s.io/v1/rolebindings",
];

/// The collection below the namespace `shop`, and an object to make there; of its row all is compared but the times.
#[rustfmt::skip]
fn objects() -> Vec<(&'static str, Value)> {
    let role = json!({"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "r"});
    let template = json!({"metadata": {"labels": {"app": "idle"}}, "spec": {"containers": [
        {"name": "one", "image": "one:1"}, {"name": "two", "image": "two:2"},
    ]}});
    let idle = |more: Value| {
        let mut spec = json!({"replicas": 0, "selector": {"matchLabels": {"app": "idle"}}, "template": template});
        spec.as_object_mut().into_iter().for_each(|spec| spec.extend(more.as_object().cloned().unwrap_or_default()));
        json!({"metadata": {"name": "idle"}, "spec": spec})
    };
    vec![
        ("/api/v1/#/configmaps", json!({"metadata": {"name": "shown"}, "data": {"a": "1", "b": "2"}})),
        ("/api/v1/#/secrets", json!({"metadata": {"name": "shown"}, "type": "Opaque", "data": {"a": "MQ=="}})),
        ("/api/v1/#/services", json!({"metadata": {"name": "shown"}, "spec": {
            "clusterIP": "None", "selector": {"app": "web", "tier": "front"},
            "ports": [{"name": "a", "port": 80, "protocol": "TCP"}, {"name": "b", "port": 53, "protocol": "UDP"}],
        }})),
        ("/api/v1/#/events", json!({
            "metadata": {"name": "shown"}, "involvedObject": {"kind": "ConfigMap", "apiVersion": "v1", "name": "shown", "namespace": "shop", "fieldPath": "data.a"},
            "type": "Normal", "reason": "Seen", "message": " as it is \n", "count": 3,
            "source": {"component": "test", "host": "w-a"},
        })),
        ("/apis/apps/v1/#/deployments", idle(json!({}))),
        ("/apis/apps/v1/#/statefulsets", idle(json!({"serviceName": "shown"}))),
        ("/apis/coordination.k8s.io/v1/#/leases", json!({"metadata": {"name": "shown"}, "spec": {"holderIdentity": "me"}})),
        ("/apis/rbac.authorization.k8s.io/v1/#/rolebindings", json!({
            "metadata": {"name": "shown"}, "roleRef": role, "subjects": [
                {"kind": "User", "apiGroup": "rbac.authorization.k8s.io", "name": "jane"},
                {"kind": "User", "apiGroup": "rbac.authorization.k8s.io", "name": "joe"},
                {"kind": "ServiceAccount", "namespace": "shop", "name": "roller"},
            ],
        })),
        ("/apis/policy/v1/#/poddisruptionbudgets", json!({
            "metadata": {"name": "shown"}, "spec": {"minAvailable": "50%", "selector": {"matchLabels": {"app": "nobody"}}},
        })),
    ]
}

pub async fn answers(admin: &Caller) -> Answers {
    let mut answers = Answers::new();
    for collection in COLLECTIONS {
        let table = table(admin, collection).await;
        answers.push((format!("columns of {collection}"), columns(&table)));
    }
    for (collection, object) in objects() {
        let collection = collection.replace('#', "namespaces/shop");
        let name = object["metadata"]["name"].as_str().unwrap_or_default();
        let path = format!("{collection}/{name}");
        admin.ok("POST", &collection, object.clone()).await;
        answers.push((format!("row of {path}"), row(&table(admin, &path).await)));
    }
    answers
}

async fn table(admin: &Caller, path: &str) -> Value {
    let request = http::Request::get(path).header("accept", TABLE);
    admin.answer(request).await
}

/// All but the descriptions, which are documentation.
fn columns(table: &Value) -> Value {
    let columns = table["columnDefinitions"].as_array();
    let told = |column: &Value| {
        json!([
            column["name"],
            column["type"],
            column["format"],
            column["priority"]
        ])
    };
    columns.into_iter().flatten().map(told).collect()
}

fn row(table: &Value) -> Value {
    const TIMES: [&str; 4] = ["Age", "Last Seen", "First Seen", "Created At"];
    let columns = table["columnDefinitions"].as_array().into_iter().flatten();
    let cells = table["rows"][0]["cells"].as_array().into_iter().flatten();
    let lasting = columns.zip(cells).filter(|(column, _)| {
        let name = column["name"].as_str().unwrap_or_default();
        !TIMES.contains(&name)
    });
    lasting.map(|(_, cell)| cell.clone()).collect()
}
