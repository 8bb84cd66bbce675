//! What runs on the sandbox's cluster: nodes in three zones, workloads with their budgets and services, and who may do
//! what. Created through the API like anything else; what is there already is left as it is.

use kube::Client;
use serde_json::{Value, json};

use crate::{
    SandboxError,
    clients::{ensure, merge},
    releases,
};

const ROLLER_RIGHTS: &str = include_str!("../../../resources/cluster/rbac.yaml");

/// The user that rolls the cluster; its rights are those that a pipeline needs, and no more.
pub const ROLLER: &str = "system:serviceaccount:trireme-system:trireme";
/// The user that stands for what an act on a node brings about.
pub const ACTOR: &str = "sandbox:actor";
/// The user that watches: observer, prober's front, pods.
pub const VIEWER: &str = "sandbox:viewer";

/// The service that the prober measures: namespace and name.
pub const PROBED: (&str, &str) = ("shop", "web");

/// Creates whatever is missing.
pub(crate) async fn seed(client: &Client) -> Result<(), SandboxError> {
    for name in ["shop", "data", "ops"] {
        ensure(
            client,
            "/api/v1/namespaces",
            &json!({ "metadata": { "name": name } }),
        )
        .await?;
    }
    for (zone, letter) in [("az-a", "a"), ("az-b", "b"), ("az-c", "c")] {
        node(client, &format!("cp-{letter}"), zone, true).await?;
        node(client, &format!("w-{letter}1"), zone, false).await?;
        node(client, &format!("w-{letter}2"), zone, false).await?;
    }
    rights(client).await?;
    workloads(client).await
}

async fn node(
    client: &Client,
    name: &str,
    zone: &str,
    control_plane: bool,
) -> Result<(), SandboxError> {
    let mut body = json!({
        "apiVersion": "v1", "kind": "Node",
        "metadata": { "name": name, "labels": {
            "kubernetes.io/hostname": name, "kubernetes.io/os": "linux", "kubernetes.io/arch": "amd64",
            "topology.kubernetes.io/zone": zone,
        }},
    });
    if control_plane {
        body["metadata"]["labels"]["node-role.kubernetes.io/control-plane"] = json!("");
        body["spec"] = json!({ "taints": [{ "key": "node-role.kubernetes.io/control-plane", "effect": "NoSchedule" }] });
    }
    ensure(client, "/api/v1/nodes", &body).await?;
    let path = format!("/api/v1/nodes/{name}/status");
    let found = merge(client, &path, &json!({})).await?;
    let reported = found["status"]["nodeInfo"]["kubeletVersion"]
        .as_str()
        .unwrap_or_default();
    if !reported.is_empty() {
        return Ok(());
    }
    let resources = json!({ "cpu": "16", "memory": "64Gi", "pods": "110" });
    let now = jiff::Timestamp::now()
        .strftime("%Y-%m-%dT%H:%M:%SZ")
        .to_string();
    let status = json!({ "status": {
        "capacity": resources, "allocatable": resources,
        "conditions": [{ "type": "Ready", "status": "True", "reason": "KubeletReady", "message": "kubelet is ready",
            "lastHeartbeatTime": now, "lastTransitionTime": now }],
        "nodeInfo": {
            "kubeletVersion": releases::FROM, "kubeProxyVersion": releases::FROM,
            "operatingSystem": "linux", "architecture": "amd64", "osImage": "Debian GNU/Linux 12 (bookworm)",
            "kernelVersion": "6.1.0", "containerRuntimeVersion": "containerd://2.1.0",
            "machineID": name, "systemUUID": name, "bootID": name,
        },
    }});
    merge(client, &path, &status).await.map(|_| ())
}

async fn rights(client: &Client) -> Result<(), SandboxError> {
    let rule = |groups: &[&str], resources: &[&str], verbs: &[&str]| json!({ "apiGroups": groups, "resources": resources, "verbs": verbs });
    let watch = ["get", "list", "watch"];
    let actor = [
        rule(&[""], &["nodes"], &watch),
        rule(&[""], &["nodes/status"], &["get", "patch"]),
        rule(&["batch"], &["jobs"], &watch),
    ];
    let viewer = [
        rule(&[""], &["nodes", "pods"], &watch),
        rule(&["policy"], &["poddisruptionbudgets"], &watch),
        rule(&["discovery.k8s.io"], &["endpointslices"], &watch),
    ];
    grant(client, ACTOR, "sandbox-actor", &actor).await?;
    grant(client, VIEWER, "sandbox-viewer", &viewer).await?;
    for object in roller_rights()? {
        let collection = collection(&object);
        ensure(client, &collection, &object).await?;
    }
    Ok(())
}

/// The objects of the file that users apply to their clusters: the roller has its rights here too, and no others.
fn roller_rights() -> Result<Vec<Value>, SandboxError> {
    let file = "resources/cluster/rbac.yaml";
    serde_saphyr::from_multiple(ROLLER_RIGHTS).map_err(|error| {
        SandboxError::file("understand", file)(std::io::Error::other(error.to_string()))
    })
}

/// Where an object of that file is created.
fn collection(object: &Value) -> String {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let plural = format!("{}s", text(&object["kind"]).to_lowercase());
    let version = text(&object["apiVersion"]);
    let root = if version.contains('/') { "apis" } else { "api" };
    match object["metadata"]["namespace"].as_str() {
        Some(namespace) => format!("/{root}/{version}/namespaces/{namespace}/{plural}"),
        None => format!("/{root}/{version}/{plural}"),
    }
}

async fn grant(
    client: &Client,
    user: &str,
    name: &str,
    rules: &[Value],
) -> Result<(), SandboxError> {
    let group = "/apis/rbac.authorization.k8s.io/v1";
    let role = json!({ "metadata": { "name": name }, "rules": rules });
    ensure(client, &format!("{group}/clusterroles"), &role).await?;
    ensure(
        client,
        &format!("{group}/clusterrolebindings"),
        &binding("ClusterRole", name, user),
    )
    .await
}

fn binding(kind: &str, role: &str, user: &str) -> Value {
    json!({
        "metadata": { "name": role },
        "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": kind, "name": role },
        "subjects": [{ "apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": user }],
    })
}

async fn workloads(client: &Client) -> Result<(), SandboxError> {
    let sets = [
        (
            "deployments",
            "shop",
            "web",
            6,
            json!({ "maxUnavailable": 1 }),
        ),
        (
            "deployments",
            "shop",
            "cart",
            4,
            json!({ "maxUnavailable": "25%" }),
        ),
        (
            "statefulsets",
            "data",
            "db",
            3,
            json!({ "minAvailable": 2 }),
        ),
        (
            "deployments",
            "ops",
            "metrics",
            2,
            json!({ "minAvailable": 1 }),
        ),
    ];
    for (plural, namespace, name, replicas, budget) in sets {
        let collection = format!("/apis/apps/v1/namespaces/{namespace}/{plural}");
        ensure(client, &collection, &workload(plural, name, Some(replicas))).await?;
        let services = format!("/api/v1/namespaces/{namespace}/services");
        let selector = json!({ "app": name });
        let ports = json!([{ "name": "line", "port": 80, "targetPort": 8080, "protocol": "TCP" }]);
        let service = json!({ "metadata": { "name": name }, "spec": { "selector": selector, "ports": ports } });
        ensure(client, &services, &service).await?;
        let mut spec = budget;
        spec["selector"] = json!({ "matchLabels": { "app": name } });
        let budgets = format!("/apis/policy/v1/namespaces/{namespace}/poddisruptionbudgets");
        ensure(
            client,
            &budgets,
            &json!({ "metadata": { "name": name }, "spec": spec }),
        )
        .await?;
    }
    let agents = "/apis/apps/v1/namespaces/kube-system/daemonsets";
    ensure(client, agents, &workload("daemonsets", "log-agent", None)).await
}

fn workload(plural: &str, name: &str, replicas: Option<u32>) -> Value {
    let labels = json!({ "app": name });
    let container = json!({ "name": name, "image": format!("registry.example/{name}:1"), "ports": [{ "containerPort": 8080 }] });
    let mut spec = json!({
        "selector": { "matchLabels": labels },
        "template": { "metadata": { "labels": labels }, "spec": { "containers": [container] } },
    });
    if let Some(replicas) = replicas {
        spec["replicas"] = json!(replicas);
    } else {
        spec["template"]["spec"]["tolerations"] = json!([{ "operator": "Exists" }]);
    }
    if plural == "statefulsets" {
        spec["serviceName"] = json!(name);
    }
    json!({ "metadata": { "name": name }, "spec": spec })
}
