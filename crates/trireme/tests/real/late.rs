//! A proxy before the API server that holds back every tenth answer: who asks does not know whether it was done.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use axum::{
    body::{Body, Bytes, to_bytes},
    extract::State,
    http::{Request, Response, StatusCode, header, request},
    routing::any,
};
use kube::Client;
use serde_json::{Value, json};
use tokio::{net::TcpListener, runtime::Runtime};
use trireme_kubernetes::{Access, connect};

/// Longer than a Lease lasts, shorter than a request is waited for.
const HELD_BACK: Duration = Duration::from_secs(16);
/// So many answers come in time, and one does not.
const EVERY: usize = 10;
/// Larger than any object here.
const BODY_MAX: usize = 4 << 20;

/// Serves plain HTTP; ends with this value.
pub struct Late {
    address: SocketAddr,
    /// The kubeconfig of the client, whose token it sends along.
    kubeconfig: Value,
    shared: Arc<Shared>,
    _runtime: Runtime,
}

struct Shared {
    api: Client,
    answers: AtomicUsize,
    writes_late: AtomicUsize,
}

/// What was answered until now.
#[derive(Debug)]
pub struct Answered {
    pub in_all: usize,
    pub writes_late: usize,
}

impl Late {
    pub fn start(kubeconfig: &str) -> Self {
        let runtime = Runtime::new().expect("a runtime");
        let kubeconfig: Value = serde_json::from_str(kubeconfig).expect("JSON");
        let mut anonymous = kubeconfig.clone();
        anonymous["users"][0]["user"] = json!({});
        let (address, shared) = runtime.block_on(serve(&anonymous));
        Self {
            address,
            kubeconfig,
            shared,
            _runtime: runtime,
        }
    }

    /// The kubeconfig of the same account through this proxy.
    pub fn kubeconfig(&self) -> String {
        let mut through = self.kubeconfig.clone();
        through["clusters"][0]["cluster"] = json!({"server": format!("http://{}", self.address)});
        through.to_string()
    }

    pub fn answered(&self) -> Answered {
        Answered {
            in_all: self.shared.answers.load(Ordering::Relaxed),
            writes_late: self.shared.writes_late.load(Ordering::Relaxed),
        }
    }
}

async fn serve(kubeconfig: &Value) -> (SocketAddr, Arc<Shared>) {
    let api = connect(Access::Kubeconfig(&kubeconfig.to_string())).await;
    let shared = Arc::new(Shared {
        api: api.expect("a client"),
        answers: AtomicUsize::new(0),
        writes_late: AtomicUsize::new(0),
    });
    let router = any(forward).with_state(Arc::clone(&shared));
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move { axum::serve(listener, router).await });
    (address, shared)
}

async fn forward(
    State(shared): State<Arc<Shared>>,
    request: Request<Body>,
) -> Result<Response<Body>, StatusCode> {
    let (mut parts, body) = request.into_parts();
    parts.headers.remove(header::HOST);
    let is_write = parts.method != "GET";
    let body = to_bytes(body, BODY_MAX).await;
    let body = body.map_err(|_| StatusCode::BAD_REQUEST)?;
    let answer = send(&shared.api, parts, body).await;
    let number = shared.answers.fetch_add(1, Ordering::Relaxed) + 1;
    if number.is_multiple_of(EVERY) {
        let held = &shared.writes_late;
        held.fetch_add(usize::from(is_write), Ordering::Relaxed);
        tokio::time::sleep(HELD_BACK).await;
    }
    answer
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
