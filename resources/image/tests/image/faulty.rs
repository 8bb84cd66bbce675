//! A registry with one image, on loopback, that stores what it is given and can be made to answer wrongly.

use std::{
    collections::HashMap,
    future::pending,
    io,
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use axum::{
    Json, Router,
    body::{Body, Bytes},
    extract::State,
    http::{HeaderMap, Method, StatusCode, Uri, header::RANGE},
    response::{Html, IntoResponse as _, Response},
};
use futures_util::{StreamExt as _, stream};
use serde_json::{Value, json};
use trireme_registry::digest_of;

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
const INDEX: &str = "application/vnd.oci.image.index.v1+json";
/// A layer that is not compressed.
pub const LAYER: &str = "application/vnd.oci.image.layer.v1.tar";

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
    /// Every blob is empty.
    NoBlob,
    /// The first answer for every blob ends in its middle; the rest is given to who asks for it.
    CutOnce,
    /// Every large blob comes to its middle, and nothing comes of an upload, for as long as somebody waits.
    Stall,
    /// The first five answers are 429, to be asked again in a second; the others are right.
    BusyAtFirst,
    /// Every answer is 429, to be asked again in so many seconds.
    BusyFor(&'static str),
}

/// An image, or what pretends to be one.
#[derive(Clone)]
pub struct Image {
    descriptor: Value,
    contents: HashMap<String, (String, Bytes)>,
}

impl Image {
    /// An image of these layers, each with its media type.
    pub fn of(layers: &[(&str, Vec<u8>)]) -> Self {
        let settings = json!({"Env": ["A=b"], "User": "7", "Labels": {"a": "b"}});
        let config = json!({"architecture": "amd64", "os": "linux", "config": settings,
            "rootfs": {"type": "layers", "diff_ids": []}});
        let config = config.to_string().into_bytes();
        let layers: Vec<_> = layers
            .iter()
            .map(|(kind, bytes)| blob(kind, bytes))
            .collect();
        let described: Vec<_> = layers.iter().map(|(descriptor, _)| descriptor).collect();
        let (config, config_content) = blob(CONFIG, &config);
        let manifest = json!({"schemaVersion": 2, "mediaType": MANIFEST,
            "config": config, "layers": described});
        let mut image = Self::raw(MANIFEST, manifest.to_string().as_bytes());
        let blobs = layers.into_iter().map(|(_, content)| content);
        image.contents.extend(blobs.chain([config_content]));
        image
    }

    /// The same, whose manifest says this of its layers.
    pub fn with_layers(self, layers: &Value) -> Self {
        let (_, manifest) = &self.contents[&format!("manifests/{}", self.digest())];
        let mut manifest: Value = serde_json::from_slice(manifest).expect("JSON");
        manifest["layers"] = layers.clone();
        let mut image = Self::raw(MANIFEST, manifest.to_string().as_bytes());
        image.contents.extend(self.contents);
        image
    }

    /// An index of images, each for a platform, `OS/ARCHITECTURE`; empty: the index says nothing of it.
    pub fn index(images: &[(&str, Self)]) -> Self {
        let describe = |(platform, image): &(&str, Self)| {
            let mut descriptor = image.descriptor.clone();
            if let Some((os, architecture)) = platform.split_once('/') {
                descriptor["platform"] = json!({"os": os, "architecture": architecture});
            }
            descriptor
        };
        let manifests: Vec<_> = images.iter().map(describe).collect();
        let index = json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": manifests});
        let mut index = Self::raw(INDEX, index.to_string().as_bytes());
        for (_, image) in images {
            index.contents.extend(image.contents.clone());
        }
        index
    }

    /// A manifest of any kind.
    pub fn raw(media_type: &str, bytes: &[u8]) -> Self {
        let (descriptor, (_, content)) = blob(media_type, bytes);
        let digest = descriptor["digest"].as_str().expect("a digest");
        let name = format!("manifests/{digest}");
        let contents = HashMap::from([(name, content)]);
        Self {
            descriptor,
            contents,
        }
    }

    /// Its digest.
    pub fn digest(&self) -> &str {
        self.descriptor["digest"].as_str().expect("a digest")
    }

    /// The digest of its configuration.
    pub fn config(&self) -> String {
        let configs = self.contents.iter().filter(|(_, (kind, _))| kind == CONFIG);
        let mut names = configs.map(|(name, _)| name.trim_start_matches("blobs/"));
        names.next().expect("an image has one").to_owned()
    }

    /// As if the registry did not have the blob with this digest.
    pub fn without(mut self, digest: &str) -> Self {
        self.contents.remove(&format!("blobs/{digest}"));
        self
    }
}

/// A descriptor, and the name and content that the registry serves.
fn blob(media_type: &str, bytes: &[u8]) -> (Value, (String, (String, Bytes))) {
    let digest = digest_of(bytes);
    let descriptor = json!({"mediaType": media_type, "digest": digest, "size": bytes.len()});
    let content = (media_type.to_owned(), Bytes::copy_from_slice(bytes));
    (descriptor, (format!("blobs/{digest}"), content))
}

#[derive(Clone)]
struct Registry {
    trouble: Trouble,
    contents: Contents,
    requests: Arc<Mutex<Vec<String>>>,
}

/// `manifests/REFERENCE` and `blobs/DIGEST`, each with its media type.
type Contents = Arc<Mutex<HashMap<String, (String, Bytes)>>>;

/// The running registry.
pub struct Faulty {
    address: SocketAddr,
    digest: String,
    contents: Contents,
    requests: Arc<Mutex<Vec<String>>>,
}

impl Faulty {
    /// Serves `app:1`, an image with this layer (a tar archive).
    pub async fn start(trouble: Trouble, layer: Vec<u8>) -> Self {
        Self::serve(trouble, Image::of(&[(LAYER, layer)])).await
    }

    /// Serves `app:1`, this image.
    pub async fn serve(trouble: Trouble, image: Image) -> Self {
        let digest = image.digest().to_owned();
        let mut contents = image.contents;
        let root = contents[&format!("manifests/{digest}")].clone();
        contents.insert("manifests/1".into(), root);
        let requests = Arc::<Mutex<Vec<String>>>::default();
        let contents = Arc::new(Mutex::new(contents));
        let registry = Registry {
            trouble,
            contents: contents.clone(),
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
            contents,
            requests,
        }
    }

    /// `HOST:PORT`.
    pub fn host(&self) -> String {
        self.address.to_string()
    }

    /// Whether it has `manifests/REFERENCE` or `blobs/DIGEST`.
    pub fn has(&self, name: &str) -> bool {
        let contents = self.contents.lock().expect("no panic before");
        contents.contains_key(name)
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

async fn answer(
    State(registry): State<Registry>,
    method: Method,
    uri: Uri,
    asked: HeaderMap,
    body: Bytes,
) -> Response {
    let range = asked.get(RANGE).and_then(|value| value.to_str().ok());
    let request = match range {
        Some(range) => format!("{method} {} {range}", uri.path()),
        None => format!("{method} {}", uri.path()),
    };
    let number = {
        let mut requests = registry.requests.lock().expect("no panic before");
        requests.push(request);
        requests.len()
    };
    match registry.trouble {
        Trouble::Status(status) => {
            let status = StatusCode::from_u16(status).expect("a status");
            return (status, "{}").into_response();
        }
        Trouble::BusyAtFirst if number <= 5 => {
            let headers = [("retry-after", "1")];
            return (StatusCode::TOO_MANY_REQUESTS, headers, "{}").into_response();
        }
        Trouble::Stall if method == Method::POST => return pending().await,
        Trouble::BusyFor(seconds) => {
            let headers = [("retry-after", seconds)];
            return (StatusCode::TOO_MANY_REQUESTS, headers, "{}").into_response();
        }
        Trouble::Html => return Html("<html>Please log in</html>").into_response(),
        _ => {}
    }
    let name = uri.path().trim_start_matches("/v2/app/");
    let mut contents = registry.contents.lock().expect("no panic before");
    if method == Method::POST {
        let begun = [("location", "/v2/app/blobs/uploads/1")];
        return (StatusCode::ACCEPTED, begun).into_response();
    }
    if method == Method::PUT {
        let kind = asked["content-type"].to_str().expect("text").to_owned();
        let digest = digest_of(&body);
        let stored = if name.starts_with("blobs/") {
            format!("blobs/{digest}")
        } else {
            name.to_owned()
        };
        contents.insert(stored, (kind, body));
        return (StatusCode::CREATED, [("docker-content-digest", digest)]).into_response();
    }
    if name == "tags/list" {
        let names = contents
            .keys()
            .filter_map(|name| name.strip_prefix("manifests/"));
        let tags: Vec<&str> = names.filter(|name| !name.contains(':')).collect();
        return Json(json!({"tags": tags})).into_response();
    }
    match contents.get(name).cloned() {
        Some((kind, bytes)) if name.starts_with("blobs/") => {
            blob_answer(registry.trouble, kind, bytes, range)
        }
        Some((kind, bytes)) if registry.trouble == Trouble::WrongManifest => {
            (headers(kind, &bytes), changed(&bytes)).into_response()
        }
        Some((kind, bytes)) => (headers(kind, &bytes), bytes).into_response(),
        None => (StatusCode::NOT_FOUND, "{}").into_response(),
    }
}

fn headers(kind: String, bytes: &Bytes) -> [(&'static str, String); 3] {
    [
        ("content-type", kind),
        ("docker-content-digest", digest_of(bytes)),
        ("content-length", bytes.len().to_string()),
    ]
}

fn blob_answer(trouble: Trouble, kind: String, bytes: Bytes, range: Option<&str>) -> Response {
    let headers = headers(kind, &bytes);
    match (trouble, range) {
        (Trouble::WrongBlob, _) => (headers, changed(&bytes)).into_response(),
        (Trouble::CutOnce, None) => (headers, half(bytes, cut())).into_response(),
        (Trouble::Stall, _) if bytes.len() > 1 << 20 => {
            (headers, half(bytes, pending())).into_response()
        }
        (Trouble::NoBlob, _) => Body::empty().into_response(),
        (Trouble::CutOnce, Some(range)) => {
            let start = range.trim_start_matches("bytes=").trim_end_matches('-');
            let rest = bytes.slice(start.parse::<usize>().expect("a start")..);
            (StatusCode::PARTIAL_CONTENT, rest).into_response()
        }
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

/// The first half, and what follows on it.
fn half(bytes: Bytes, then: impl Future<Output = io::Result<Bytes>> + Send + 'static) -> Body {
    let start = stream::iter([Ok(bytes.slice(..bytes.len() / 2))]);
    Body::from_stream(start.chain(stream::once(then)))
}

async fn cut() -> io::Result<Bytes> {
    // The server sends what it has only when it has to wait for more.
    tokio::task::yield_now().await;
    Err(io::Error::other("the connection is cut"))
}
