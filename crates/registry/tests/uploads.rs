//! Uploads that break off: what passes is sent again, what is wrong is not.

use std::{
    io,
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use axum::{
    Router,
    body::{Body, to_bytes},
    extract::{Request, State},
    http::{Method, StatusCode, header::CONTENT_LENGTH},
    response::{IntoResponse as _, Response},
};
use futures_util::stream;
use trireme_registry::{Descriptor, Progress, RegistryError, Repository, Tree, descriptor_of};
use trireme_transport::{Client, Options};

/// More than a server collects before it sends: half of it arrives.
const CONTENT: &[u8] = &[7; 1 << 20];

/// What is wrong with the registry at first.
#[derive(Clone, Default)]
struct Troubles {
    /// While this is set, every download ends in the middle.
    is_cut: Arc<AtomicBool>,
    /// The second upload that is begun here ends the cuts of the other registry.
    heals: Arc<AtomicBool>,
    /// So many uploads are answered with 503.
    busy_uploads: usize,
    /// What is downloaded is something else, of the same size.
    is_wrong: bool,
}

#[derive(Clone)]
struct Registry {
    address: SocketAddr,
    troubles: Troubles,
    requests: Arc<Mutex<Vec<Method>>>,
}

impl Registry {
    async fn start(troubles: Troubles) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await;
        let listener = listener.expect("a port");
        let address = listener.local_addr().expect("its address");
        let requests = Arc::default();
        let registry = Self {
            address,
            troubles,
            requests,
        };
        let router = Router::new().fallback(answer).with_state(registry.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        registry
    }

    fn repository(&self) -> Repository {
        let client = Client::new(Options::default()).expect("a client");
        let name = format!("{}/app", self.address);
        Repository::new(client, name.parse().expect("a name"), None, false, |_| {})
    }

    fn count(&self, method: &Method) -> usize {
        let requests = self.requests.lock().expect("no panic before");
        requests.iter().filter(|made| *made == method).count()
    }
}

async fn answer(State(registry): State<Registry>, request: Request) -> Response {
    let method = request.method().clone();
    registry
        .requests
        .lock()
        .expect("no panic before")
        .push(method.clone());
    let number = registry.count(&method);
    match method {
        Method::GET => download(&registry.troubles),
        // As Google's registries.
        Method::POST if !request.headers().contains_key(CONTENT_LENGTH) => {
            StatusCode::LENGTH_REQUIRED.into_response()
        }
        Method::POST => {
            if number == 2 {
                registry.troubles.heals.store(false, Ordering::SeqCst);
            }
            (StatusCode::ACCEPTED, [("location", "/up")]).into_response()
        }
        Method::PUT => upload(&registry.troubles, number, request.into_body()).await,
        _ => StatusCode::NOT_FOUND.into_response(),
    }
}

fn download(troubles: &Troubles) -> Response {
    if troubles.is_wrong {
        return "x".repeat(CONTENT.len()).into_response();
    }
    if !troubles.is_cut.load(Ordering::SeqCst) {
        return CONTENT.into_response();
    }
    let half = Ok(&CONTENT[..CONTENT.len() / 2]);
    let cut = Err(io::Error::other("cut"));
    let body = Body::from_stream(stream::iter([half, cut]));
    ([(CONTENT_LENGTH, CONTENT.len())], body).into_response()
}

/// As a registry: only what has the digest that was named is taken.
async fn upload(troubles: &Troubles, number: usize, body: Body) -> Response {
    let came = to_bytes(body, 2 * CONTENT.len()).await;
    if number <= troubles.busy_uploads {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    }
    match came {
        Ok(bytes) if bytes == CONTENT => StatusCode::CREATED.into_response(),
        _ => StatusCode::BAD_REQUEST.into_response(),
    }
}

/// Copies the blob; gives also how many bytes were told of.
async fn copy(from: &Registry, to: &Registry) -> (Result<(), RegistryError>, u64) {
    let root = descriptor_of("text/plain", b"root").expect("a digest");
    let blobs: Vec<Descriptor> = vec![descriptor_of("text/plain", CONTENT).expect("a digest")];
    let tree = Tree {
        root,
        manifests: Vec::new(),
        blobs,
    };
    let told = Arc::new(AtomicU64::new(0));
    let count = told.clone();
    let progress: Progress = Arc::new(move |bytes| {
        count.fetch_add(bytes, Ordering::Relaxed);
    });
    let target = to.repository();
    let copied = target.copy_blobs(&from.repository(), &tree, progress).await;
    (copied, told.load(Ordering::Relaxed))
}

#[tokio::test]
async fn an_upload_whose_source_breaks_in_the_middle_is_sent_again() {
    let is_cut = Arc::new(AtomicBool::new(true));
    let from = Registry::start(Troubles {
        is_cut: is_cut.clone(),
        ..Troubles::default()
    })
    .await;
    let to = Registry::start(Troubles {
        heals: is_cut,
        ..Troubles::default()
    })
    .await;
    let (copied, told) = copy(&from, &to).await;
    copied.unwrap();
    assert_eq!(to.count(&Method::POST), 2, "each attempt is a new upload");
    assert_eq!(told, CONTENT.len() as u64, "each byte is told of once");
}

#[tokio::test]
async fn an_upload_that_the_registry_could_not_take_is_sent_again() {
    let from = Registry::start(Troubles::default()).await;
    let to = Registry::start(Troubles {
        busy_uploads: 2,
        ..Troubles::default()
    })
    .await;
    let (copied, told) = copy(&from, &to).await;
    copied.unwrap();
    assert_eq!(to.count(&Method::PUT), 3);
    assert_eq!(told, CONTENT.len() as u64);
}

#[tokio::test]
async fn a_source_that_stays_broken_ends_it() {
    let from = Registry::start(Troubles {
        is_cut: Arc::new(AtomicBool::new(true)),
        ..Troubles::default()
    })
    .await;
    let to = Registry::start(Troubles::default()).await;
    let (copied, _) = copy(&from, &to).await;
    let error = copied.unwrap_err();
    assert!(matches!(error, RegistryError::Transport { .. }), "{error}");
    assert_eq!(to.count(&Method::POST), 5, "the attempts of a request");
}

#[tokio::test]
async fn wrong_content_is_not_sent_again() {
    let from = Registry::start(Troubles {
        is_wrong: true,
        ..Troubles::default()
    })
    .await;
    let to = Registry::start(Troubles::default()).await;
    let (copied, _) = copy(&from, &to).await;
    copied.unwrap_err();
    assert_eq!(to.count(&Method::POST), 1);
}
