//! A registry with one image, on loopback, that can be made to answer wrongly.

use std::{
    collections::HashMap,
    io,
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use axum::{
    Router,
    body::{Body, Bytes},
    extract::State,
    http::{Method, StatusCode, Uri},
    response::{Html, IntoResponse as _, Response},
};
use futures_util::stream;
use serde_json::json;
use trireme_registry::digest_of;

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
const LAYER: &str = "application/vnd.oci.image.layer.v1.tar";

/// How answers are wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// They are right.
    None,
    /// Every answer is this status.
    Status(u16),
    /// Every answer is a page for people.
    Html,
    /// Every blob has one byte changed.
    WrongBlob,
    /// Every manifest has one byte changed, and still claims its digest.
    WrongManifest,
    /// Every blob ends in its middle, and the connection with it.
    HalfBlob,
    /// Every blob is empty.
    NoBlob,
}

#[derive(Clone)]
struct Registry {
    trouble: Trouble,
    contents: Arc<HashMap<String, (&'static str, Bytes)>>,
    requests: Arc<Mutex<Vec<String>>>,
}

/// The running registry.
pub struct Faulty {
    address: SocketAddr,
    digest: String,
    requests: Arc<Mutex<Vec<String>>>,
}

impl Faulty {
    /// Serves `app:1`, an image with this layer (a tar archive).
    pub async fn start(trouble: Trouble, layer: Vec<u8>) -> Self {
        let layer = Bytes::from(layer);
        let settings = json!({"Env": ["A=b"], "User": "7", "Labels": {"a": "b"}});
        let config = json!({"architecture": "amd64", "os": "linux", "config": settings,
            "rootfs": {"type": "layers", "diff_ids": [digest_of(&layer)]}});
        let config = Bytes::from(config.to_string());
        let descriptor = |kind: &str, bytes: &Bytes| json!({"mediaType": kind, "digest": digest_of(bytes), "size": bytes.len()});
        let manifest = json!({"schemaVersion": 2, "mediaType": MANIFEST,
            "config": descriptor(CONFIG, &config), "layers": [descriptor(LAYER, &layer)]});
        let manifest = Bytes::from(manifest.to_string());
        let digest = digest_of(&manifest);
        let contents = HashMap::from([
            ("manifests/1".into(), (MANIFEST, manifest.clone())),
            (format!("manifests/{digest}"), (MANIFEST, manifest)),
            (format!("blobs/{}", digest_of(&config)), (CONFIG, config)),
            (format!("blobs/{}", digest_of(&layer)), (LAYER, layer)),
        ]);
        let requests = Arc::<Mutex<Vec<String>>>::default();
        let registry = Registry {
            trouble,
            contents: Arc::new(contents),
            requests: requests.clone(),
        };
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await;
        let listener = listener.expect("a port");
        let address = listener.local_addr().expect("its address");
        let router = Router::new().fallback(answer).with_state(registry);
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self {
            address,
            digest,
            requests,
        }
    }

    /// `HOST:PORT/app`.
    pub fn repository(&self) -> String {
        format!("{}/app", self.address)
    }

    /// The digest of the image.
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// What was asked until now: method and path.
    pub fn requests(&self) -> Vec<String> {
        self.requests.lock().expect("no panic before").clone()
    }
}

async fn answer(State(registry): State<Registry>, method: Method, uri: Uri) -> Response {
    let request = format!("{method} {}", uri.path());
    registry
        .requests
        .lock()
        .expect("no panic before")
        .push(request);
    match registry.trouble {
        Trouble::Status(status) => {
            let status = StatusCode::from_u16(status).expect("a status");
            return (status, "{}").into_response();
        }
        Trouble::Html => return Html("<html>Please log in</html>").into_response(),
        _ => {}
    }
    let name = uri.path().trim_start_matches("/v2/app/");
    let Some((kind, bytes)) = registry.contents.get(name).cloned() else {
        return (StatusCode::NOT_FOUND, "{}").into_response();
    };
    let headers = [
        ("content-type", kind.to_owned()),
        ("docker-content-digest", digest_of(&bytes)),
        ("content-length", bytes.len().to_string()),
    ];
    let is_blob = name.starts_with("blobs/");
    match registry.trouble {
        Trouble::WrongBlob if is_blob => (headers, changed(&bytes)).into_response(),
        Trouble::WrongManifest if !is_blob => (headers, changed(&bytes)).into_response(),
        Trouble::HalfBlob if is_blob => (headers, half(bytes)).into_response(),
        Trouble::NoBlob if is_blob => Body::empty().into_response(),
        _ => (headers, bytes).into_response(),
    }
}

/// Still JSON where it was JSON.
fn changed(bytes: &Bytes) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    let last = bytes.iter().rposition(u8::is_ascii_digit);
    let last = last.expect("a digit to change");
    bytes[last] = if bytes[last] == b'1' { b'2' } else { b'1' };
    bytes
}

fn half(bytes: Bytes) -> Body {
    let start = bytes.slice(..bytes.len() / 2);
    let cut = io::Error::other("the connection is cut");
    Body::from_stream(stream::iter([Ok(start), Err(cut)]))
}
