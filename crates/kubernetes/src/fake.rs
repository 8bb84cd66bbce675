//! An API server for the tests of this crate: it lists, watches, notes every request, and answers writes as it is told.

use std::collections::{BTreeMap, VecDeque};
use std::convert::Infallible;
use std::sync::{Arc, Mutex, MutexGuard};

use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use http::{Method, Request, Response};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Full, StreamBody};
use hyper::body::Frame;
use kube::Client;
use kube::client::Body;
use serde_json::{Value, json};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tower::service_fn;

use crate::Cluster;

pub(crate) const NODES: &str = "/api/v1/nodes";
pub(crate) const PODS: &str = "/api/v1/pods";
pub(crate) const BUDGETS: &str = "/apis/policy/v1/poddisruptionbudgets";
pub(crate) const DAEMON_SETS: &str = "/apis/apps/v1/daemonsets";
pub(crate) const JOBS: &str = "/apis/batch/v1/namespaces/trireme-system/jobs";
pub(crate) const KINDS: [&str; 5] = [NODES, PODS, BUDGETS, DAEMON_SETS, JOBS];

type FakeBody = UnsyncBoxBody<Bytes, Infallible>;

/// One request as it came.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) method: Method,
    pub(crate) path: String,
    query: String,
    pub(crate) body: Value,
}

impl Asked {
    pub(crate) fn is_watch(&self) -> bool {
        self.parameter("watch").is_some()
    }

    pub(crate) fn parameter(&self, name: &str) -> Option<String> {
        let mut pairs = url::form_urlencoded::parse(self.query.as_bytes());
        let found = pairs.find(|(key, _)| key == name);
        found.map(|(_, value)| value.into_owned())
    }
}

/// What happens to the watches of one kind.
#[derive(Clone, Copy, Default, PartialEq)]
pub(crate) enum Watches {
    /// They are accepted, and say what the test says.
    #[default]
    Work,
    /// They are refused with this code.
    Refused(u16),
    /// They are accepted and end at once.
    EndAtOnce,
    /// They are not answered.
    Silent,
}

#[derive(Default)]
struct State {
    version: String,
    objects: BTreeMap<String, Vec<Value>>,
    resource_version: u64,
    watches: BTreeMap<String, Watches>,
    watchers: BTreeMap<String, UnboundedSender<Bytes>>,
    /// Answers to writes, by a part of their path.
    answers: VecDeque<(String, u16, Value)>,
    asked: Vec<Asked>,
}

#[derive(Clone, Default)]
pub(crate) struct Fake {
    state: Arc<Mutex<State>>,
}

impl Fake {
    pub(crate) fn new() -> Self {
        let fake = Self::default();
        fake.state().version = "v1.37.2".into();
        fake.state().resource_version = 100;
        fake
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    pub(crate) fn cluster(&self) -> Cluster {
        let fake = self.clone();
        let service = service_fn(move |request| fake.clone().answer(request));
        Cluster::new(Client::new(service, "default"), "trireme-system")
    }

    /// What a list answers from now on.
    pub(crate) fn has(&self, path: &str, objects: &[Value]) {
        self.state().objects.insert(path.into(), objects.to_vec());
    }

    /// What happens to the watches of `path` from now on.
    pub(crate) fn watches(&self, path: &str, watches: Watches) {
        self.state().watches.insert(path.into(), watches);
    }

    /// Sends an event to the watch of `path`.
    pub(crate) fn send(&self, path: &str, kind: &str, object: &Value) {
        let line = format!("{}\n", json!({"type": kind, "object": object}));
        let state = self.state();
        state.watchers[path].send(line.into()).unwrap();
    }

    /// Ends the watch of `path`.
    pub(crate) fn end(&self, path: &str) {
        self.state().watchers.remove(path);
    }

    /// The next write to a path that contains `part` is answered so.
    pub(crate) fn will_answer(&self, part: &str, code: u16, mut answer: Value) {
        if code >= 400 {
            answer["kind"] = json!("Status");
            answer["code"] = json!(code);
        }
        let answer = (part.to_owned(), code, answer);
        self.state().answers.push_back(answer);
    }

    /// The requests since the last call.
    pub(crate) fn asked(&self) -> Vec<Asked> {
        std::mem::take(&mut self.state().asked)
    }

    async fn answer(self, request: Request<Body>) -> Result<Response<FakeBody>, Infallible> {
        let (parts, body) = request.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        let asked = Asked {
            method: parts.method,
            path: parts.uri.path().into(),
            query: parts.uri.query().unwrap_or_default().into(),
            body: serde_json::from_slice(&body).unwrap_or_default(),
        };
        self.state().asked.push(asked.clone());
        let watches = self.state().watches.get(&asked.path).copied();
        Ok(match watches.unwrap_or_default() {
            _ if asked.method != Method::GET => self.write(&asked),
            _ if asked.path == "/version" => self.version(),
            _ if !asked.is_watch() => self.list(&asked),
            Watches::Work => self.watch(&asked.path),
            Watches::EndAtOnce => whole(200, &Value::Null),
            Watches::Refused(code) => whole(
                code,
                &json!({"kind": "Status", "code": code, "message": "no"}),
            ),
            Watches::Silent => std::future::pending().await,
        })
    }

    fn version(&self) -> Response<FakeBody> {
        let version = self.state().version.clone();
        let keys = [
            "gitCommit",
            "gitTreeState",
            "buildDate",
            "goVersion",
            "compiler",
            "platform",
            "major",
            "minor",
        ];
        let mut answer: Value = keys
            .into_iter()
            .map(|key| (key.to_owned(), json!("")))
            .collect();
        answer["gitVersion"] = json!(version);
        whole(200, &answer)
    }

    fn write(&self, asked: &Asked) -> Response<FakeBody> {
        let mut state = self.state();
        let mut answers = state.answers.iter();
        match answers.position(|(part, ..)| asked.path.contains(part)) {
            Some(at) => {
                let (_, code, answer) = state.answers.remove(at).unwrap();
                whole(code, &answer)
            }
            None => whole(200, &json!({})),
        }
    }

    fn list(&self, asked: &Asked) -> Response<FakeBody> {
        let state = self.state();
        let number = |name: &str| asked.parameter(name).and_then(|text| text.parse().ok());
        let all = state.objects.get(&asked.path).cloned().unwrap_or_default();
        let (from, limit) = (
            number("continue").unwrap_or(0),
            number("limit").unwrap_or(all.len()),
        );
        let page: Vec<_> = all.iter().skip(from).take(limit).collect();
        let more = from + page.len() < all.len();
        let next = more.then(|| (from + page.len()).to_string());
        whole(
            200,
            &json!({
                "metadata": {"resourceVersion": state.resource_version.to_string(), "continue": next},
                "items": page,
            }),
        )
    }

    fn watch(&self, path: &str) -> Response<FakeBody> {
        let (sender, receiver) = unbounded_channel();
        self.state().watchers.insert(path.into(), sender);
        let next = |mut receiver: UnboundedReceiver<Bytes>| async {
            let line = receiver.recv().await?;
            Some((line, receiver))
        };
        let lines = stream::unfold(receiver, next);
        let frames = lines.map(|line| Ok::<_, Infallible>(Frame::data(line)));
        Response::new(StreamBody::new(frames).boxed_unsync())
    }
}

fn whole(code: u16, answer: &Value) -> Response<FakeBody> {
    let text = match answer {
        Value::Null => String::new(),
        answer => answer.to_string(),
    };
    let body = Full::new(Bytes::from(text)).boxed_unsync();
    Response::builder().status(code).body(body).unwrap()
}

/// A worker, or a control-plane node, that runs `version`.
pub(crate) fn node(name: &str, version: &str, annotations: &Value) -> Value {
    let keys = [
        "architecture",
        "bootID",
        "containerRuntimeVersion",
        "kernelVersion",
        "kubeProxyVersion",
        "machineID",
        "operatingSystem",
        "osImage",
        "systemUUID",
    ];
    let mut info: Value = keys
        .into_iter()
        .map(|key| (key.to_owned(), json!("")))
        .collect();
    info["kubeletVersion"] = json!(version);
    let plane = name.starts_with("cp-");
    let labels = if plane {
        json!({"node-role.kubernetes.io/control-plane": ""})
    } else {
        json!({})
    };
    json!({
        "metadata": {"name": name, "uid": format!("uid-{name}"), "resourceVersion": "17", "annotations": annotations, "labels": labels},
        "status": {"nodeInfo": info, "conditions": [{"type": "Ready", "status": "True"}]},
    })
}

/// A pod of the Deployment `web` in namespace `shop`.
pub(crate) fn pod(name: &str, node: &str) -> Value {
    let owner = json!({"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "web-1", "uid": "o", "controller": true});
    json!({
        "metadata": {"namespace": "shop", "name": name, "uid": format!("uid-{name}"), "resourceVersion": "18",
            "labels": {"app": "web"}, "ownerReferences": [owner]},
        "spec": {"nodeName": node, "containers": []},
        "status": {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]},
    })
}

/// A budget that selects the pods of [`pod`].
pub(crate) fn budget(version: &str, allowed: i32) -> Value {
    json!({
        "metadata": {"namespace": "shop", "name": "web", "resourceVersion": version, "generation": 1},
        "spec": {"minAvailable": "50%", "selector": {"matchLabels": {"app": "web"}}},
        "status": {"disruptionsAllowed": allowed, "currentHealthy": 3, "desiredHealthy": 3, "expectedPods": 3,
            "observedGeneration": 1},
    })
}
