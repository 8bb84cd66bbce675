//! A small registry on loopback with the referrers API, whose answers can be made wrong.

// Each test program uses its part of this.
#![allow(dead_code)]

use std::{
    collections::HashMap,
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, Method, StatusCode, Uri},
    response::{IntoResponse as _, Response},
};
use serde_json::{Value, json};
use trireme_registry::digest_of;

const INDEX: &str = "application/vnd.oci.image.index.v1+json";
const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const BUNDLE: &str = "application/vnd.dev.sigstore.bundle.v0.3+json";

/// A wrong answer to every request whose path contains `path`.
#[derive(Clone)]
pub struct Fault {
    /// A part of the path.
    pub path: &'static str,
    /// The status.
    pub status: StatusCode,
    /// The media type.
    pub kind: &'static str,
    /// The body.
    pub body: &'static str,
    /// A `Link` header.
    pub link: Option<&'static str>,
}

#[derive(Default)]
struct Stored {
    content: HashMap<String, Bytes>,
    fault: Option<Fault>,
}

/// The registry; it ends with the test's process.
#[derive(Clone)]
pub struct Fake {
    stored: Arc<Mutex<Stored>>,
    address: SocketAddr,
}

impl Fake {
    pub fn start() -> Self {
        let stored = Arc::new(Mutex::new(Stored::default()));
        let (sender, receiver) = std::sync::mpsc::channel();
        let state = stored.clone();
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build();
            runtime.expect("a runtime").block_on(async move {
                let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
                    .await
                    .expect("a port");
                sender
                    .send(listener.local_addr().expect("its address"))
                    .expect("the test waits");
                let router = Router::new().fallback(answer).with_state(state);
                axum::serve(listener, router)
                    .await
                    .expect("the server runs");
            });
        });
        let address = receiver.recv().expect("the server started");
        Self { stored, address }
    }

    /// `HOST:PORT/app`.
    pub fn repository(&self) -> String {
        format!("{}/app", self.address)
    }

    /// Stores an image with this text in it, tags it `latest`, and gives its digest.
    pub fn image(&self, text: &str) -> String {
        let manifest =
            json!({"schemaVersion": 2, "mediaType": MANIFEST, "annotations": {"text": text}});
        let bytes = Bytes::from(manifest.to_string());
        let digest = digest_of(&bytes);
        let mut stored = self.stored.lock().expect("no panic before");
        stored.content.insert("latest".into(), bytes.clone());
        stored.content.insert(digest.clone(), bytes);
        digest
    }

    /// Answers wrongly from now on, or rightly again.
    pub fn fault(&self, fault: Option<Fault>) {
        self.stored.lock().expect("no panic before").fault = fault;
    }

    /// Changes stored content without changing its digest; gives how many blobs matched.
    pub fn corrupt(&self, part: &str, change: impl Fn(&str) -> String) -> usize {
        let mut stored = self.stored.lock().expect("no panic before");
        let matching = stored.content.values_mut().filter_map(|bytes| {
            let text = std::str::from_utf8(bytes).ok()?.to_owned();
            text.contains(part).then_some((bytes, text))
        });
        let mut count = 0;
        for (bytes, text) in matching {
            *bytes = Bytes::from(change(&text));
            count += 1;
        }
        count
    }

    /// Attaches to an image what calls itself a bundle.
    pub fn attach(&self, subject: &str, content: &str) {
        let described = |bytes: &[u8]| json!({"mediaType": BUNDLE, "digest": digest_of(bytes), "size": bytes.len()});
        let bytes = Bytes::copy_from_slice(content.as_bytes());
        let manifest = json!({"schemaVersion": 2, "mediaType": MANIFEST, "artifactType": BUNDLE,
            "config": described(b"{}"), "layers": [described(&bytes)],
            "subject": {"mediaType": MANIFEST, "digest": subject, "size": 1}});
        let manifest = Bytes::from(manifest.to_string());
        let mut stored = self.stored.lock().expect("no panic before");
        for bytes in [bytes, manifest] {
            stored.content.insert(digest_of(&bytes), bytes);
        }
    }

    /// Stores a manifest under a tag; gives its digest.
    pub fn tag(&self, tag: &str, manifest: &Value) -> String {
        let bytes = Bytes::from(manifest.to_string());
        let digest = digest_of(&bytes);
        let mut stored = self.stored.lock().expect("no panic before");
        stored.content.insert(tag.into(), bytes);
        digest
    }

    /// How much refers to an image.
    pub fn count_referrers(&self, digest: &str) -> usize {
        let stored = self.stored.lock().expect("no panic before");
        stored.referrers(digest).count()
    }

    /// Removes the blobs that hold this text; gives how many did.
    pub fn lose(&self, part: &str) -> usize {
        let mut stored = self.stored.lock().expect("no panic before");
        let before = stored.content.len();
        let holds = |bytes: &Bytes| String::from_utf8_lossy(bytes).contains(part);
        stored.content.retain(|_, bytes| !holds(bytes));
        before - stored.content.len()
    }

    /// `HOST:PORT`.
    pub fn host(&self) -> String {
        self.address.to_string()
    }

    /// Removes what refers to an image, and gives it so that it can be put back.
    pub fn take_referrers(&self, digest: &str) -> Vec<(String, Bytes)> {
        let mut stored = self.stored.lock().expect("no panic before");
        let names: Vec<String> = stored
            .referrers(digest)
            .map(|(name, _)| name.clone())
            .collect();
        let taken = names
            .into_iter()
            .filter_map(|name| stored.content.remove_entry(&name));
        taken.collect()
    }

    pub fn put_back(&self, taken: Vec<(String, Bytes)>) {
        self.stored
            .lock()
            .expect("no panic before")
            .content
            .extend(taken);
    }
}

impl Stored {
    fn referrers<'a>(&'a self, digest: &'a str) -> impl Iterator<Item = (&'a String, &'a Bytes)> {
        self.content.iter().filter(move |(_, bytes)| {
            let manifest: Option<Value> = serde_json::from_slice(bytes).ok();
            manifest.is_some_and(|manifest| manifest["subject"]["digest"] == digest)
        })
    }

    fn list(&self, digest: &str) -> Response {
        let manifests: Vec<Value> = self
            .referrers(digest)
            .map(|(name, bytes)| {
                let manifest: Value = serde_json::from_slice(bytes).expect("it was parsed before");
                let kind = &manifest["artifactType"];
                json!({"mediaType": MANIFEST, "digest": name, "size": bytes.len(), "artifactType": kind})
            })
            .collect();
        let index = json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": manifests});
        ([("content-type", INDEX)], index.to_string()).into_response()
    }
}

async fn answer(
    State(stored): State<Arc<Mutex<Stored>>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    assert!(
        headers["user-agent"]
            .to_str()
            .is_ok_and(|agent| agent.contains("cosign")),
        "Harbor would refuse this client"
    );
    let mut stored = stored.lock().expect("no panic before");
    let path = uri.path();
    if let Some(fault) = stored
        .fault
        .clone()
        .filter(|fault| path.contains(fault.path))
    {
        let mut response =
            (fault.status, [("content-type", fault.kind)], fault.body).into_response();
        if fault.status == StatusCode::TOO_MANY_REQUESTS {
            let at_once = "0".parse().expect("a header");
            response.headers_mut().insert("retry-after", at_once);
        }
        if let Some(link) = fault.link {
            response
                .headers_mut()
                .insert("link", link.parse().expect("a header"));
        }
        return response;
    }
    let name = path.rsplit('/').next().unwrap_or_default().to_owned();
    match method {
        Method::POST => (
            StatusCode::ACCEPTED,
            [("location", "/v2/app/blobs/uploads/1")],
        )
            .into_response(),
        Method::PUT => {
            stored.content.insert(digest_of(&body), body);
            (StatusCode::CREATED, [("oci-subject", "yes")]).into_response()
        }
        _ if path.contains("/referrers/") => stored.list(&name),
        _ => match stored.content.get(&name) {
            Some(bytes) => {
                let digest = digest_of(bytes);
                let headers = [
                    ("content-type", MANIFEST),
                    ("docker-content-digest", digest.as_str()),
                ];
                (headers, bytes.clone()).into_response()
            }
            None => StatusCode::NOT_FOUND.into_response(),
        },
    }
}
