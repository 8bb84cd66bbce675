//! A small cluster and what the tests ask of it.

use std::time::Duration;

use kube::{
    Client, Config,
    client::Body,
    config::{AuthInfo, KubeConfigOptions, Kubeconfig},
};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::time::Instant;
use trireme_sandbox::kubernetes::{Api, KubernetesOptions, Timings};

/// Longer than anything here takes, even on a busy machine.
pub const DEADLINE: Duration = Duration::from_secs(30);

/// Of the requests that a busy server is sent, one in twelve meets a trouble, and of watches every second: never so many in a row.
pub const TRIES: usize = 30;

pub struct World {
    pub api: Api,
    pub admin: Caller,
    pub dir: TempDir,
}

/// Sends requests as somebody.
#[derive(Clone)]
pub struct Caller(pub Client);

impl World {
    /// What a new API has.
    pub async fn bare() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let api = Api::start(options(dir.path())).await.unwrap();
        let admin = Caller::new(&api.admin_kubeconfig().unwrap()).await;
        Self { api, admin, dir }
    }

    /// Three nodes in three zones and the namespace `shop`.
    pub async fn start() -> Self {
        let Self { api, admin, dir } = Self::bare().await;
        for zone in ["a", "b", "c"] {
            admin.ok("POST", "/api/v1/nodes", node(zone)).await;
        }
        let shop = json!({"metadata": {"name": "shop"}});
        admin.ok("POST", "/api/v1/namespaces", shop).await;
        Self { api, admin, dir }
    }

    /// A Deployment `web` with this many Ready replicas.
    pub async fn with_web(replicas: usize) -> Self {
        let world = Self::start().await;
        let deployments = "/apis/apps/v1/namespaces/shop/deployments";
        world.admin.ok("POST", deployments, web(replicas)).await;
        let path = format!("{deployments}/web");
        world
            .admin
            .until(&path, |web| web["status"]["availableReplicas"] == replicas)
            .await;
        world
    }

    /// A budget over `web`, once the controller has seen it.
    pub async fn with_budget(&self, name: &str, spec: Value) -> Value {
        let path = "/apis/policy/v1/namespaces/shop/poddisruptionbudgets";
        let mut spec = spec;
        spec["selector"] = json!({"matchLabels": {"app": "web"}});
        let body = json!({"metadata": {"name": name}, "spec": spec});
        self.admin.ok("POST", path, body).await;
        let observed = |budget: &Value| budget["status"]["observedGeneration"] == 1;
        self.admin.until(&format!("{path}/{name}"), observed).await
    }

    pub async fn pods(&self) -> Vec<Value> {
        let path = "/api/v1/namespaces/shop/pods?labelSelector=app%3Dweb";
        self.admin.get(path).await["items"]
            .as_array()
            .unwrap()
            .clone()
    }
}

pub fn options(dir: &std::path::Path) -> KubernetesOptions {
    KubernetesOptions {
        timings: Timings::fast(),
        ..KubernetesOptions::new(dir)
    }
}

pub fn node(zone: &str) -> Value {
    json!({
        "metadata": {"name": format!("w-{zone}"), "labels": {"topology.kubernetes.io/zone": format!("az-{zone}")}},
        "status": {"nodeInfo": {
            "kubeletVersion": "v1.36.4", "architecture": "amd64", "bootID": "", "containerRuntimeVersion": "",
            "kernelVersion": "", "kubeProxyVersion": "", "machineID": "", "operatingSystem": "linux",
            "osImage": "", "systemUUID": "",
        }},
    })
}

pub fn web(replicas: usize) -> Value {
    let template = json!({
        "metadata": {"labels": {"app": "web"}},
        "spec": {"containers": [{"name": "web", "image": "web:1"}]},
    });
    json!({
        "metadata": {"name": "web"},
        "spec": {"replicas": replicas, "selector": {"matchLabels": {"app": "web"}}, "template": template},
    })
}

pub fn eviction(pod: &str) -> Value {
    json!({"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": pod, "namespace": "shop"}})
}

impl Caller {
    pub async fn new(kubeconfig: &str) -> Self {
        Self::of(Kubeconfig::from_yaml(kubeconfig).unwrap()).await
    }

    /// Who has this token, at the server of a kubeconfig.
    pub async fn with_token(kubeconfig: &str, token: &str) -> Self {
        Self::with(kubeconfig, |user| {
            user.token = Some(token.to_owned().into())
        })
        .await
    }

    /// Somebody who sends no credentials.
    pub async fn nameless(kubeconfig: &str) -> Self {
        Self::with(kubeconfig, |user| user.token = None).await
    }

    /// Who a kubeconfig says, or who has this token, acting as somebody else.
    pub async fn acting_as(kubeconfig: &str, token: Option<&str>, user: &str) -> Self {
        Self::with(kubeconfig, |config| {
            config.impersonate = Some(user.to_owned());
            if let Some(token) = token {
                config.token = Some(token.to_owned().into());
            }
        })
        .await
    }

    async fn with(kubeconfig: &str, change: impl Fn(&mut AuthInfo)) -> Self {
        let mut config = Kubeconfig::from_yaml(kubeconfig).unwrap();
        for user in &mut config.auth_infos {
            change(user.auth_info.get_or_insert_default());
        }
        Self::of(config).await
    }

    async fn of(config: Kubeconfig) -> Self {
        let options = KubeConfigOptions::default();
        let mut config = Config::from_custom_kubeconfig(config, &options)
            .await
            .unwrap();
        // A refused eviction is an answer here; the client would ask again for minutes.
        config.default_retry = false;
        Self(Client::try_from(config).unwrap())
    }

    /// The status code and the answer.
    pub async fn call(&self, method: &str, path: &str, body: Value) -> (u16, Value) {
        self.call_as(method, path, "application/json", body).await
    }

    pub async fn call_as(&self, method: &str, path: &str, kind: &str, body: Value) -> (u16, Value) {
        let body = if body.is_null() {
            Vec::new()
        } else {
            body.to_string().into_bytes()
        };
        self.send(method, path, kind, body).await
    }

    /// The same with a body that may be anything.
    pub async fn send(&self, method: &str, path: &str, kind: &str, body: Vec<u8>) -> (u16, Value) {
        let answer = self.exchange(method, path, kind, body).await;
        let text = || Value::String(String::from_utf8_lossy(answer.body()).into_owned());
        (
            answer.status().as_u16(),
            serde_json::from_slice(answer.body()).unwrap_or_else(|_| text()),
        )
    }

    /// The whole answer, with its headers. What a busy server did not do is asked for again, as clients do.
    pub async fn exchange(
        &self,
        method: &str,
        path: &str,
        kind: &str,
        body: Vec<u8>,
    ) -> http::Response<Vec<u8>> {
        let request = http::Request::builder().method(method).uri(path);
        self.exchange_as(request.header("content-type", kind), body)
            .await
    }

    /// The same with any headers.
    pub async fn exchange_as(
        &self,
        request: http::request::Builder,
        body: Vec<u8>,
    ) -> http::Response<Vec<u8>> {
        let request = request.body(body).unwrap();
        for _ in 0..TRIES {
            let Ok(answer) = self.0.send(request.clone().map(Body::from)).await else {
                continue;
            };
            let (head, body) = answer.into_parts();
            let body = http_body_util::BodyExt::collect(body).await.unwrap();
            let answer = http::Response::from_parts(head, body.to_bytes().to_vec());
            if !is_busy(&answer) {
                return answer;
            }
        }
        panic!("no answer to {} {}", request.method(), request.uri());
    }

    /// The answer to a request that must succeed.
    pub async fn ok(&self, method: &str, path: &str, body: Value) -> Value {
        let (code, answer) = self.call(method, path, body).await;
        assert!(
            (200..300).contains(&code),
            "{method} {path}: {code} {answer}"
        );
        answer
    }

    pub async fn get(&self, path: &str) -> Value {
        self.ok("GET", path, Value::Null).await
    }

    pub async fn merge(&self, path: &str, patch: Value) -> Value {
        let (code, answer) = self
            .call_as("PATCH", path, "application/merge-patch+json", patch)
            .await;
        assert_eq!(code, 200, "{path}: {answer}");
        answer
    }

    /// Waits until what is at the path satisfies the condition.
    pub async fn until(&self, path: &str, condition: impl Fn(&Value) -> bool) -> Value {
        let end = Instant::now() + DEADLINE;
        loop {
            let (_, found) = self.call("GET", path, Value::Null).await;
            if condition(&found) {
                return found;
            }
            assert!(Instant::now() < end, "{path} never became so: {found:#}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

/// Whether the server had no time for the request. The 429 of a budget is another: it is a `Status` object.
fn is_busy(answer: &http::Response<Vec<u8>>) -> bool {
    let told = String::from_utf8_lossy(answer.body());
    match answer.status().as_u16() {
        429 => told.starts_with("Too many requests"),
        500 => told.contains("etcdserver: leader changed"),
        504 => told.contains("did not complete within the allotted duration"),
        _ => false,
    }
}
