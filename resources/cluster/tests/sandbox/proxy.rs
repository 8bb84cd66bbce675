//! A server between the program and the API that writes down every write, and falls silent at one of them.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::body::{Body, Bytes, to_bytes};
use axum::extract::State;
use axum::http::{Method, Request, Response, StatusCode, header, request};
use axum::routing::any;
use kube::Client;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use trireme_kubernetes::{Access, connect};

/// Larger than any object here.
const BODY_MAX: usize = 4 << 20;

/// Whether the API still gets the write at which the proxy falls silent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Strike {
    /// It never hears of it.
    Before,
    /// It has carried it out; the answer is lost.
    After,
}

/// A write that reached the API, or the one that did not.
#[derive(Clone, Debug)]
pub struct Write {
    /// E.g. `cordon`, `evict`, `record`.
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
    /// At which write, counted from 1, and how; taken when it has happened.
    strike: Option<(usize, Strike)>,
    struck: Option<&'static str>,
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Proxy {
    pub async fn start(kubeconfig: &str, strike: Option<(usize, Strike)>) -> Self {
        let mut access: Value = serde_json::from_str(kubeconfig).unwrap();
        let token = access["users"][0]["user"]["token"].take();
        access["users"][0]["user"] = json!({});
        let nobody = Arc::new(|_: &_| ());
        let api = connect(Access::Kubeconfig(&access.to_string()), nobody).await;
        let api = api.unwrap();
        let log = Mutex::new(Log {
            strike,
            ..Log::default()
        });
        let shared = Arc::new(Shared { api, log });
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

    /// It no longer falls silent: a run that ended before its turn came leaves it for the next one otherwise.
    pub fn disarm(&self) {
        self.shared.log.lock().unwrap().strike = None;
    }

    /// The kind of the write at which it fell silent, if it did.
    pub fn struck(&self) -> Option<&'static str> {
        self.shared.log.lock().unwrap().struck
    }

    pub fn writes(&self) -> Vec<Write> {
        self.shared.log.lock().unwrap().writes.clone()
    }
}

impl Log {
    /// What to do with the write that comes now.
    fn strikes(&mut self) -> Option<Strike> {
        let due = self.writes.len() + 1;
        self.strike
            .take_if(|(at, _)| *at == due)
            .map(|(_, how)| how)
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
    let Some((kind, object)) = write(&parts, &body) else {
        return send(&shared.api, parts, body).await;
    };
    let strike = shared.log.lock().unwrap().strikes();
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
        log.struck = log.struck.or(strike.map(|_| kind));
    }
    match strike {
        Some(_) => std::future::pending().await,
        None => answer,
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
    let kind = match path.as_slice() {
        [.., "nodes", _] if object["spec"]["unschedulable"] == true => "cordon",
        [.., "nodes", _] => "uncordon",
        [.., "eviction"] => "evict",
        [.., "jobs"] => "act",
        [.., "configmaps"] | [.., "configmaps", _] => "record",
        [.., "leases"] | [.., "leases", _] => "lease",
        _ => panic!("a write that is not known: {} {}", parts.method, parts.uri),
    };
    Some((kind, named.into()))
}
