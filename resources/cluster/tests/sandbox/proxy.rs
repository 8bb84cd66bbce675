//! A server between the program and the API that writes down every write, falls silent at one of them, and keeps the API away.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard};

use axum::body::{Body, Bytes, to_bytes};
use axum::extract::State;
use axum::http::{Method, Request, Response, StatusCode, header, request};
use axum::routing::any;
use kube::Client;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use trireme_kubernetes::{Access, connect, names};

/// Larger than any object here.
const BODY_MAX: usize = 4 << 20;

/// What becomes of the write at which the proxy strikes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Strike {
    /// The API never hears of it.
    Before,
    /// The API has carried it out; the answer is lost.
    After,
    /// It is carried out and answered.
    Answered,
}

/// At which write the proxy strikes.
#[derive(Clone, Copy, Debug)]
pub enum At {
    /// This one, counted from 1.
    Write(usize),
    /// The first of this kind.
    First(&'static str),
}

/// What becomes of a request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Weather {
    /// It reaches the API.
    #[default]
    Fair,
    /// It is never answered.
    Silent,
    /// It is refused: 503.
    Away,
}

/// Every kind of write that a roll makes, with the right of `rbac.yaml` that it takes: verb and resource.
pub const KINDS: [(&str, &str, &str); 11] = [
    ("take", "create", "leases"),
    ("renew", "update", "leases"),
    ("record", "create", "configmaps"),
    ("record again", "update", "configmaps"),
    ("cordon", "patch", "nodes"),
    ("evict", "create", "pods/eviction"),
    ("start", "patch", "nodes"),
    ("job", "create", "jobs"),
    ("retire", "delete", "jobs"),
    ("uncordon", "patch", "nodes"),
    ("restore", "patch", "nodes"),
];

/// A write that is not in [`KINDS`].
pub const UNKNOWN: &str = "unknown";

/// A write that reached the API, or the one that did not.
#[derive(Clone, Debug)]
pub struct Write {
    /// One of [`KINDS`], or [`UNKNOWN`].
    pub kind: &'static str,
    /// The name of the node, pod, or Job.
    pub object: String,
    /// Whether the API did it.
    pub done: bool,
}

/// Serves plain HTTP; its client sends the token that it was given along.
pub struct Proxy {
    address: SocketAddr,
    token: String,
    shared: Arc<Shared>,
    task: JoinHandle<()>,
}

struct Shared {
    api: Client,
    log: Mutex<Log>,
}

#[derive(Default)]
struct Log {
    writes: Vec<Write>,
    /// At which write, and how; taken when it has happened.
    strike: Option<(At, Strike)>,
    struck: Option<&'static str>,
    weather: Weather,
    /// The weather after the strike.
    then: Weather,
    /// How many requests were not let through.
    kept_back: usize,
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Proxy {
    pub async fn start(kubeconfig: &str) -> Self {
        let mut access: Value = serde_json::from_str(kubeconfig).unwrap();
        let token = access["users"][0]["user"]["token"].take();
        access["users"][0]["user"] = json!({});
        let api = connect(Access::Kubeconfig(&access.to_string())).await;
        let api = api.unwrap();
        let shared = Arc::new(Shared {
            api,
            log: Mutex::default(),
        });
        let router = any(forward).with_state(Arc::clone(&shared));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let serve = async move { axum::serve(listener, router).await.unwrap() };
        Self {
            address,
            token: token.as_str().unwrap().into(),
            shared,
            task: tokio::spawn(serve),
        }
    }

    /// The way through the proxy, for a source.
    pub fn server(&self) -> (String, String) {
        (format!("http://{}", self.address), self.token.clone())
    }

    /// It strikes once, and this is the weather from then on.
    pub fn strike(&self, at: At, how: Strike, then: Weather) {
        let mut log = self.log();
        log.strike = Some((at, how));
        log.then = then;
    }

    /// The weather from now on.
    pub fn set(&self, weather: Weather) {
        self.log().weather = weather;
    }

    /// Whether a request was not let through.
    pub fn has_kept_back(&self) -> bool {
        self.log().kept_back > 0
    }

    /// Whether it has struck since it was told to.
    pub fn has_struck(&self) -> bool {
        self.log().struck.is_some()
    }

    /// It strikes no more, not even in a later run when this one ended before its turn came. Gives the kind of the write at which
    /// it has struck, if it did.
    pub fn disarm(&self) -> Option<&'static str> {
        let mut log = self.log();
        log.strike = None;
        log.struck.take()
    }

    pub fn writes(&self) -> Vec<Write> {
        self.log().writes.clone()
    }

    fn log(&self) -> MutexGuard<'_, Log> {
        self.shared.log.lock().unwrap()
    }
}

impl Log {
    /// What to do with the write that comes now.
    fn strikes(&mut self, kind: &'static str) -> Option<Strike> {
        let due = self.writes.len() + 1;
        let is_due = |at: &At| match at {
            At::Write(number) => *number == due,
            At::First(first) => *first == kind,
        };
        let (_, how) = self.strike.take_if(|(at, _)| is_due(at))?;
        Some(how)
    }
}

async fn forward(
    State(shared): State<Arc<Shared>>,
    request: Request<Body>,
) -> Result<Response<Body>, StatusCode> {
    let (mut parts, body) = request.into_parts();
    parts.headers.remove(header::HOST);
    let body = to_bytes(body, BODY_MAX)
        .await
        .map_err(|_| StatusCode::BAD_REQUEST)?;
    weathered(&shared).await?;
    let Some((kind, object)) = write(&parts, &body) else {
        return send(&shared.api, parts, body).await;
    };
    let strike = shared.log.lock().unwrap().strikes(kind);
    let answer = match strike {
        Some(Strike::Before) => Err(StatusCode::BAD_GATEWAY),
        _ => send(&shared.api, parts, body).await,
    };
    let done = answer
        .as_ref()
        .is_ok_and(|answer| answer.status().is_success());
    {
        let mut log = shared.log.lock().unwrap();
        log.writes.push(Write { kind, object, done });
        if strike.is_some() {
            log.struck = Some(kind);
            log.weather = log.then;
        }
    }
    match strike {
        Some(Strike::Before | Strike::After) => std::future::pending().await,
        Some(Strike::Answered) | None => answer,
    }
}

/// Lets a request through, or not.
async fn weathered(shared: &Shared) -> Result<(), StatusCode> {
    let weather = {
        let mut log = shared.log.lock().unwrap();
        log.kept_back += usize::from(log.weather != Weather::Fair);
        log.weather
    };
    match weather {
        Weather::Fair => Ok(()),
        Weather::Silent => std::future::pending().await,
        Weather::Away => Err(StatusCode::SERVICE_UNAVAILABLE),
    }
}

async fn send(
    api: &Client,
    parts: request::Parts,
    body: Bytes,
) -> Result<Response<Body>, StatusCode> {
    let request = Request::from_parts(parts, kube::client::Body::from(body));
    let answer = api.send(request).await;
    let answer = answer.map_err(|_| StatusCode::BAD_GATEWAY)?;
    Ok(answer.map(Body::new))
}

/// The kind of a write and its object; none of what changes nothing.
fn write(parts: &request::Parts, body: &[u8]) -> Option<(&'static str, String)> {
    if parts.method == Method::GET
        || parts
            .uri
            .query()
            .is_some_and(|query| query.contains("dryRun"))
    {
        return None;
    }
    let object: Value = serde_json::from_slice(body).unwrap_or_default();
    let path: Vec<_> = parts.uri.path().split('/').collect();
    let last = path.last().copied().unwrap_or_default();
    let named = object["metadata"]["name"].as_str().unwrap_or(last);
    let kind = match (&parts.method, path.as_slice()) {
        (&Method::PATCH, [.., "nodes", _]) => of_node(&object),
        (&Method::POST, [.., "eviction"]) => "evict",
        (&Method::POST, [.., "jobs"]) => "job",
        (&Method::DELETE, [.., "jobs", _]) => "retire",
        (&Method::POST, [.., "configmaps"]) => "record",
        (&Method::PUT, [.., "configmaps", _]) => "record again",
        (&Method::POST, [.., "leases"]) => "take",
        (&Method::PUT, [.., "leases", _]) => "renew",
        _ => UNKNOWN,
    };
    let object = match kind {
        UNKNOWN => format!("{} {}", parts.method, parts.uri),
        _ => named.into(),
    };
    Some((kind, object))
}

/// The kind of a patch of a node.
fn of_node(patch: &Value) -> &'static str {
    let annotation = |name: &str| &patch["metadata"]["annotations"][name];
    let (roll, rolled) = (annotation(names::ROLL), annotation(names::ROLLED));
    let unschedulable = &patch["spec"]["unschedulable"];
    match (roll, rolled, unschedulable) {
        (Value::String(_), Value::Null, Value::Bool(true)) => "cordon",
        (Value::String(_), Value::Null, Value::Null) => "start",
        (Value::Null, Value::String(_), Value::Null) => "uncordon",
        (Value::Null, Value::Null, Value::Null) => "restore",
        _ => UNKNOWN,
    }
}
