//! What runs on the sandbox's cluster: nodes in three zones, workloads with their budgets and services, roles and bindings.
//! They are created through the API; an object that exists already is not changed.

pub mod actor;
mod disorder;

use kube::Client;
use serde_json::{Value, json};

use crate::{SandboxError, client::ensure, sites::releases, untidy::Untidy};

const ROLLER_RIGHTS: &str = include_str!("../../../../resources/cluster/rbac.yaml");

/// The user that rolls the cluster; its rights are those that a pipeline needs, and no more.
pub const ROLLER: &str = "system:serviceaccount:trireme-system:trireme";
/// The user that plays the upgrade of a node.
pub const ACTOR: &str = "system:serviceaccount:sandbox:actor";
/// The user that watches: observer, prober's front, pods.
pub const VIEWER: &str = "system:serviceaccount:sandbox:viewer";

/// The service that the prober measures: namespace and name.
pub const PROBED: (&str, &str) = ("shop", "web");

/// The size of a platform.
#[derive(Clone, Debug)]
pub struct Size {
    /// Workers in each of the three zones, beside one node of the control plane.
    pub workers: u32,
    /// What runs on the workers.
    pub workloads: Vec<Workload>,
    /// Whether it is an untidy platform, and which.
    pub untidy: Option<Untidy>,
}

/// Pods with one budget and one service.
#[derive(Clone, Debug)]
pub struct Workload {
    /// `deployments` or `statefulsets`.
    pub plural: &'static str,
    /// Its namespace.
    pub namespace: &'static str,
    /// Its name, also of its service and its budget.
    pub name: &'static str,
    /// How many pods.
    pub replicas: u32,
    /// `minAvailable` or `maxUnavailable` of the budget, and its value.
    pub budget: (&'static str, Value),
}

impl Size {
    /// Nine nodes, and budgets of every kind: what the sandbox shows.
    pub fn small() -> Self {
        let at_least = |pods| ("minAvailable", pods);
        let at_most = |pods| ("maxUnavailable", pods);
        Self {
            workers: 2,
            workloads: vec![
                Workload::new("deployments", "shop", "web", 6, at_most(json!(1))),
                Workload::new("deployments", "shop", "cart", 4, at_most(json!("25%"))),
                Workload::new("statefulsets", "data", "db", 3, at_least(json!(2))),
                Workload::new("deployments", "ops", "metrics", 2, at_least(json!(1))),
            ],
            untidy: None,
        }
    }

    /// Thirty nodes, and every budget at 90 %: what a real control plane is tested with.
    pub fn thirty() -> Self {
        let budget = || ("minAvailable", json!("90%"));
        Self {
            workers: 9,
            workloads: vec![
                Workload::new("deployments", "shop", "web", 20, budget()),
                Workload::new("deployments", "shop", "cart", 20, budget()),
                Workload::new("statefulsets", "data", "db", 10, budget()),
                Workload::new("deployments", "ops", "metrics", 10, budget()),
            ],
            untidy: None,
        }
    }
}

impl Workload {
    fn new(
        plural: &'static str,
        namespace: &'static str,
        name: &'static str,
        replicas: u32,
        budget: (&'static str, Value),
    ) -> Self {
        Self {
            plural,
            namespace,
            name,
            replicas,
            budget,
        }
    }
}

/// Creates whatever is missing, with the credentials of an administrator. Works on any Kubernetes API.
///
/// # Errors
/// The API refuses.
pub async fn seed(client: &Client, size: &Size) -> Result<(), SandboxError> {
    for name in ["shop", "data", "ops", "sandbox"] {
        ensure(
            client,
            "/api/v1/namespaces",
            &json!({ "metadata": { "name": name } }),
        )
        .await?;
    }
    for letter in ['a', 'b', 'c'] {
        node(client, &format!("cp-{letter}"), letter, size.untidy).await?;
        for number in 1..=size.workers {
            let name = worker(letter, number, size.untidy);
            node(client, &name, letter, size.untidy).await?;
        }
    }
    rights(client).await?;
    for workload in &size.workloads {
        workload.create(client).await?;
    }
    let agents = "/apis/apps/v1/namespaces/kube-system/daemonsets";
    ensure(client, agents, &set("log-agent", None)).await?;
    match size.untidy {
        Some(untidy) => disorder::seed(client, untidy).await,
        None => Ok(()),
    }
}

/// The name of a worker: long ones are as a cloud gives them, of more than 46 characters.
fn worker(letter: char, number: u32, untidy: Option<Untidy>) -> String {
    match untidy {
        Some(untidy) if untidy.long_names_in() == letter => {
            format!("w-{letter}{number}.ip-10-0-1-{number}.eu-central-1.compute.internal.example")
        }
        _ => format!("w-{letter}{number}"),
    }
}

/// A node registers itself with its status, as a kubelet does.
async fn node(
    client: &Client,
    name: &str,
    letter: char,
    untidy: Option<Untidy>,
) -> Result<(), SandboxError> {
    let zone = format!("az-{letter}");
    let suffix = untidy.map_or("", Untidy::version_suffix);
    let version = format!("{}{suffix}", releases::FROM);
    let mut body = json!({
        "apiVersion": "v1", "kind": "Node", "status": status_of(name, &version),
        "metadata": { "name": name, "labels": {
            "kubernetes.io/hostname": name, "kubernetes.io/os": "linux", "kubernetes.io/arch": "amd64",
            "topology.kubernetes.io/zone": zone,
        }},
    });
    if name.starts_with("cp-") {
        body["metadata"]["labels"]["node-role.kubernetes.io/control-plane"] = json!("");
        body["spec"] = json!({ "taints": [{ "key": "node-role.kubernetes.io/control-plane", "effect": "NoSchedule" }] });
    }
    ensure(client, "/api/v1/nodes", &body).await
}

fn status_of(node: &str, version: &str) -> Value {
    let resources = json!({ "cpu": "16", "memory": "64Gi", "pods": "110" });
    let now = jiff::Timestamp::now()
        .strftime("%Y-%m-%dT%H:%M:%SZ")
        .to_string();
    json!({
        "phase": "Running",
        "capacity": resources, "allocatable": resources,
        "conditions": [{ "type": "Ready", "status": "True", "reason": "KubeletReady", "message": "kubelet is ready",
            "lastHeartbeatTime": now, "lastTransitionTime": now }],
        "nodeInfo": {
            "kubeletVersion": version, "kubeProxyVersion": version,
            "operatingSystem": "linux", "architecture": "amd64", "osImage": "Debian GNU/Linux 12 (bookworm)",
            "kernelVersion": "6.1.0", "containerRuntimeVersion": "containerd://2.1.0",
            "machineID": node, "systemUUID": node, "bootID": node,
        },
    })
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
    grant(client, "actor", &actor).await?;
    grant(client, "viewer", &viewer).await?;
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

/// An account of the namespace `sandbox` that has these rights in the whole cluster.
async fn grant(client: &Client, account: &str, rules: &[Value]) -> Result<(), SandboxError> {
    let accounts = "/api/v1/namespaces/sandbox/serviceaccounts";
    let body = json!({ "metadata": { "name": account } });
    ensure(client, accounts, &body).await?;
    let group = "/apis/rbac.authorization.k8s.io/v1";
    let name = format!("sandbox:{account}");
    let role = json!({ "metadata": { "name": name }, "rules": rules });
    ensure(client, &format!("{group}/clusterroles"), &role).await?;
    let binding = json!({
        "metadata": { "name": name },
        "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": name },
        "subjects": [{ "kind": "ServiceAccount", "namespace": "sandbox", "name": account }],
    });
    ensure(client, &format!("{group}/clusterrolebindings"), &binding).await
}

impl Workload {
    async fn create(&self, client: &Client) -> Result<(), SandboxError> {
        let Self {
            plural,
            namespace,
            name,
            ..
        } = self;
        let mut body = set(name, Some(self.replicas));
        if *plural == "statefulsets" {
            body["spec"]["serviceName"] = json!(name);
        }
        let sets = format!("/apis/apps/v1/namespaces/{namespace}/{plural}");
        ensure(client, &sets, &body).await?;
        let services = format!("/api/v1/namespaces/{namespace}/services");
        ensure(client, &services, &self.service()).await?;
        let budgets = format!("/apis/policy/v1/namespaces/{namespace}/poddisruptionbudgets");
        ensure(client, &budgets, &self.disruption_budget()).await
    }

    fn service(&self) -> Value {
        let ports = json!([{ "name": "line", "port": 80, "targetPort": 8080, "protocol": "TCP" }]);
        json!({ "metadata": { "name": self.name }, "spec": { "selector": { "app": self.name }, "ports": ports } })
    }

    fn disruption_budget(&self) -> Value {
        let mut spec = json!({ "selector": { "matchLabels": { "app": self.name } } });
        let (limit, value) = &self.budget;
        spec[*limit] = value.clone();
        json!({ "metadata": { "name": self.name }, "spec": spec })
    }
}

/// A set of equal pods; without a number, one on every node.
fn set(name: &str, replicas: Option<u32>) -> Value {
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
    json!({ "metadata": { "name": name }, "spec": spec })
}
