//! A cluster in the sandbox, with the rights of `rbac.yaml` and an actor that plays the upgrade of a node.

mod budgets;
pub mod objects;
mod program;
mod upgrades;

use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use jiff::SignedDuration;
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::api::core::v1::{ConfigMap, Node, Pod};
use kube::api::{ListParams, Patch, PatchParams};
use kube::{Api, Client, ResourceExt};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::task::JoinHandle;
use trireme_kubernetes::{Access, connect};
use trireme_sandbox::kubernetes as sandbox;
use trireme_sandbox::platform::actor::Actor;

use self::objects::{budget, web};
pub use self::program::{finish, stderr, terminate};

pub const OLD: &str = "v1.36.4";
pub const NEW: &str = "v1.37.2";
/// Longer than anything here takes on a busy machine.
const DEADLINE: Duration = Duration::from_secs(90);
/// What the resource may do, as its account.
const ACCOUNT: &str = "system:serviceaccount:trireme-system:trireme";

pub struct World {
    pub admin: Client,
    pub kubeconfig: String,
    pub dir: TempDir,
    api: Option<sandbox::Api>,
    actor: Option<Actor>,
}

fn options(dir: &Path) -> sandbox::KubernetesOptions {
    let mut options = sandbox::KubernetesOptions::new(dir.join("state"));
    options.timings = sandbox::Timings::fast();
    // Of a cluster without control plane: new enough for the kubelets that it will get.
    options.version = NEW.into();
    options
}

impl World {
    /// Nodes `cp-a`, `w-a1`, `w-a2`, `w-b1`, `w-b2`, and four healthy pods of Deployment `shop/web` under a budget.
    pub async fn start() -> Self {
        let nodes = [
            ("cp-a", "a"),
            ("w-a1", "a"),
            ("w-a2", "a"),
            ("w-b1", "b"),
            ("w-b2", "b"),
        ];
        Self::of(&nodes, 4, sandbox::Timings::fast()).await
    }

    /// Workers `w-a` and `w-b` and two healthy pods of Deployment `shop/web` under a budget.
    pub async fn small() -> Self {
        let nodes = [("w-a", "a"), ("w-b", "b")];
        Self::of(&nodes, 2, sandbox::Timings::fast()).await
    }

    /// A small world with Jobs that end only by [`World::end_jobs`].
    pub async fn small_with_jobs_that_wait() -> Self {
        let mut timings = sandbox::Timings::fast();
        timings.job_run = Duration::from_hours(1);
        Self::of(&[("w-a", "a"), ("w-b", "b")], 2, timings).await
    }

    /// A small world whose API server's clock is so far ahead of the roller's.
    pub async fn small_with_clock_ahead(ahead: SignedDuration) -> Self {
        let dir = TempDir::new().unwrap();
        let mut options = options(dir.path());
        options.clock_ahead = ahead;
        let nodes = [("w-a", "a"), ("w-b", "b")];
        Self::with(dir, options, &nodes, 2).await
    }

    async fn of(nodes: &[(&str, &str)], replicas: i64, timings: sandbox::Timings) -> Self {
        let dir = TempDir::new().unwrap();
        let mut options = options(dir.path());
        options.timings = timings;
        Self::with(dir, options, nodes, replicas).await
    }

    async fn with(
        dir: TempDir,
        options: sandbox::KubernetesOptions,
        nodes: &[(&str, &str)],
        replicas: i64,
    ) -> Self {
        let api = sandbox::Api::start(options).await.unwrap();
        let kubeconfig = api.admin_kubeconfig().unwrap();
        let admin = connect(Access::Kubeconfig(&kubeconfig)).await.unwrap();
        let mut world = Self {
            kubeconfig: api.kubeconfig_for(ACCOUNT).unwrap(),
            admin,
            dir,
            api: Some(api),
            actor: None,
        };
        let rights: Vec<Value> =
            serde_saphyr::from_multiple(include_str!("../../../rbac.yaml")).unwrap();
        for right in rights {
            world.create(&right).await;
        }
        for (name, zone) in nodes {
            world.add_node(name, zone).await;
        }
        world
            .create(&json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}}))
            .await;
        world.create(&web(replicas)).await;
        world.create(&budget(json!({"maxUnavailable": 1}))).await;
        world
            .wait("healthy pods", async |world| {
                world.budget_says("currentHealthy").await == Some(replicas)
            })
            .await;
        world.start_actor();
        world
    }

    /// From now on the actor upgrades the nodes of finished Jobs.
    pub fn start_actor(&mut self) {
        self.actor = Some(Actor::start(&self.admin));
    }

    /// Every Job that runs from now on ends with this exit code, until the task is aborted.
    pub fn end_jobs(&self, exit_code: i32) -> JoinHandle<()> {
        tokio::spawn(upgrades::end_jobs(self.admin.clone(), exit_code))
    }

    /// From now on no node is upgraded.
    pub fn stop_actor(&mut self) {
        self.actor = None;
    }

    /// Returns in the next second. The API has whole seconds: a put that begins in the second of a failure takes it for its own.
    pub async fn next_second(&self) {
        let second = || jiff::Timestamp::now().as_second();
        let now = second();
        self.wait("the next second", async |_| second() > now).await;
    }

    /// The API goes away and comes back later with the same address and world.
    pub async fn restart_api_after(&mut self, pause: Duration) {
        let api = self.api.take().unwrap();
        let address = api.address();
        api.stop().await;
        tokio::time::sleep(pause).await;
        let mut options = options(self.dir.path());
        options.listen = address;
        self.api = Some(sandbox::Api::start(options).await.unwrap());
    }

    pub async fn create(&self, object: &Value) {
        let kind = object["kind"].as_str().unwrap();
        let group = match object["apiVersion"].as_str().unwrap() {
            "v1" => "/api/v1".to_owned(),
            group => format!("/apis/{group}"),
        };
        let namespace = object["metadata"]["namespace"].as_str();
        let namespace = namespace
            .map(|name| format!("/namespaces/{name}"))
            .unwrap_or_default();
        let uri = format!("{group}{namespace}/{}s", kind.to_lowercase());
        let request = http::Request::post(uri)
            .header("content-type", "application/json")
            .body(object.to_string().into_bytes())
            .unwrap();
        self.admin
            .request::<Value>(request)
            .await
            .unwrap_or_else(|error| panic!("{object}: {error}"));
    }

    pub async fn patch(&self, uri: &str, patch: &Value) {
        let request = http::Request::patch(uri)
            .header("content-type", "application/merge-patch+json")
            .body(patch.to_string().into_bytes())
            .unwrap();
        self.admin.request::<Value>(request).await.unwrap();
    }

    pub async fn delete(&self, uri: &str) {
        let request = http::Request::delete(uri).body(Vec::new()).unwrap();
        self.admin.request::<Value>(request).await.unwrap();
    }

    /// The node reports the new version, and whether it is Ready.
    pub async fn set_ready(&self, node: &str, ready: bool) {
        let ready = if ready { "True" } else { "False" };
        let status = json!({"status": {
            "nodeInfo": {"kubeletVersion": NEW},
            "conditions": [{"type": "Ready", "status": ready, "lastTransitionTime": "2026-01-01T00:00:00Z"}],
        }});
        self.patch(&format!("/api/v1/nodes/{node}/status"), &status)
            .await;
    }

    /// The pod of `shop` on `node` with this prefix of its name, once it runs.
    pub async fn running_pod(&self, node: &str, prefix: &str) -> String {
        let api: Api<Pod> = Api::namespaced(self.admin.clone(), "shop");
        let mut found = None;
        self.wait("a pod that runs", async |_| {
            let pods = api.list(&ListParams::default()).await.unwrap();
            let here = |pod: &Pod| {
                let spec = pod.spec.as_ref().unwrap();
                let phase = pod
                    .status
                    .as_ref()
                    .and_then(|status| status.phase.as_deref());
                spec.node_name.as_deref() == Some(node) && phase == Some("Running")
            };
            let mut names = pods
                .iter()
                .filter(|pod| here(pod))
                .map(ResourceExt::name_any);
            found = names.find(|name| name.starts_with(prefix));
            found.is_some()
        })
        .await;
        found.unwrap()
    }

    /// A pod of `shop` is Ready, or not, because of itself.
    pub async fn set_pod_ready(&self, name: &str, ready: bool) {
        let ready = if ready { "True" } else { "False" };
        let status = json!({"status": {"conditions": [{"type": "Ready", "status": ready, "reason": "Probe"}]}});
        let uri = format!("/api/v1/namespaces/shop/pods/{name}/status");
        self.patch(&uri, &status).await;
    }

    /// One more node, Ready, of the old version.
    pub async fn add_node(&self, name: &str, zone: &str) {
        let mut labels = json!({"topology.kubernetes.io/zone": format!("az-{zone}")});
        let mut taints = json!([]);
        if name.starts_with("cp") {
            labels["node-role.kubernetes.io/control-plane"] = json!("");
            taints =
                json!([{"key": "node-role.kubernetes.io/control-plane", "effect": "NoSchedule"}]);
        }
        self.create(&json!({
            "apiVersion": "v1", "kind": "Node",
            "metadata": {"name": name, "labels": labels},
            "spec": {"taints": taints},
        }))
        .await;
        let status = json!({"status": {
            "nodeInfo": {
                "kubeletVersion": OLD, "osImage": "Debian GNU/Linux 12", "architecture": "amd64", "bootID": "",
                "containerRuntimeVersion": "", "kernelVersion": "", "kubeProxyVersion": "", "machineID": "",
                "operatingSystem": "linux", "systemUUID": "",
            },
            "conditions": [{"type": "Ready", "status": "True", "lastTransitionTime": "2026-01-01T00:00:00Z"}],
        }});
        self.patch(&format!("/api/v1/nodes/{name}/status"), &status)
            .await;
    }

    pub async fn nodes(&self) -> Vec<Node> {
        let api: Api<Node> = Api::all(self.admin.clone());
        api.list(&ListParams::default())
            .await
            .map(|list| list.items)
            .unwrap_or_default()
    }

    pub async fn jobs(&self) -> Vec<Job> {
        let api: Api<Job> = Api::namespaced(self.admin.clone(), "trireme-system");
        api.list(&ListParams::default())
            .await
            .map(|list| list.items)
            .unwrap_or_default()
    }

    /// Whether anything was recorded on the cluster.
    pub async fn is_recorded(&self) -> bool {
        let api: Api<ConfigMap> = Api::namespaced(self.admin.clone(), "trireme-system");
        let list = api.list(&ListParams::default()).await;
        list.is_ok_and(|list| !list.items.is_empty())
    }

    pub async fn pods_leaving(&self) -> bool {
        let api: Api<Pod> = Api::namespaced(self.admin.clone(), "shop");
        let pods = api.list(&ListParams::default()).await;
        let pods = pods.map(|list| list.items).unwrap_or_default();
        pods.iter()
            .any(|pod| pod.metadata.deletion_timestamp.is_some())
    }

    pub async fn is_held(&self) -> bool {
        let api: Api<Lease> = Api::namespaced(self.admin.clone(), "trireme-system");
        let lease = api.get_opt("trireme-roller").await.ok().flatten();
        let holder = lease.and_then(|lease| lease.spec?.holder_identity);
        holder.is_some_and(|holder| !holder.is_empty())
    }

    /// The Lease, if there is one, is stale after a second without renewal.
    pub async fn shorten_lease(&self) {
        let api: Api<Lease> = Api::namespaced(self.admin.clone(), "trireme-system");
        if api.get_opt("trireme-roller").await.unwrap().is_some() {
            let patch = json!({"spec": {"leaseDurationSeconds": 1}});
            let patch = Patch::Merge(patch);
            api.patch("trireme-roller", &PatchParams::default(), &patch)
                .await
                .unwrap();
        }
    }

    /// How many nodes have been given back with our annotation.
    pub async fn finished(&self) -> usize {
        let nodes = self.nodes().await;
        nodes
            .iter()
            .filter(|node| node.annotations().contains_key("trireme.dev/rolled"))
            .count()
    }

    pub async fn cordoned(&self) -> Vec<String> {
        let nodes = self.nodes().await;
        let cordoned = nodes
            .iter()
            .filter(|node| node.spec.as_ref().and_then(|spec| spec.unschedulable) == Some(true));
        cordoned.map(ResourceExt::name_any).collect()
    }

    pub async fn versions(&self) -> Vec<String> {
        let nodes = self.nodes().await;
        let version = |node: &Node| {
            Some(
                node.status
                    .as_ref()?
                    .node_info
                    .as_ref()?
                    .kubelet_version
                    .clone(),
            )
        };
        nodes.iter().filter_map(version).collect()
    }

    pub async fn wait(&self, what: &str, mut holds: impl AsyncFnMut(&Self) -> bool) {
        let begun = Instant::now();
        while !holds(self).await {
            assert!(begun.elapsed() < DEADLINE, "waited in vain for {what}");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    pub fn source(&self) -> Value {
        json!({
            "kubeconfig": self.kubeconfig,
            "act": {"image": "registry.example/node-act:1"},
            "policy": {"zone_order": ["az-b"]},
        })
    }

    /// The program, running.
    pub fn spawn(&self, step: &str, request: &Value) -> Child {
        self.command(step, request).spawn().unwrap()
    }

    /// The program, to be started.
    pub fn command(&self, step: &str, request: &Value) -> Command {
        let work = self.dir.path().join("work");
        std::fs::create_dir_all(&work).unwrap();
        let input = self.dir.path().join(format!("request-{step}.json"));
        std::fs::write(&input, request.to_string()).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_trireme-cluster"));
        command.arg(step).env("NO_COLOR", "1");
        if step != "check" {
            command.arg(work);
        }
        command
            .stdin(std::fs::File::open(input).unwrap())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    pub async fn run(&self, step: &str, request: &Value) -> Output {
        finish(self.spawn(step, request)).await
    }
}
