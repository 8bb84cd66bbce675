//! A registry with images, a server with advisories, and the compiled program, called as Concourse calls it.

// Each test program uses its part of this.
#![allow(dead_code)]

mod program;

use std::{
    collections::BTreeMap,
    io::{Cursor, Write as _},
    path::Path,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use axum::{
    Router,
    extract::State,
    http::{HeaderMap, Method, StatusCode, Uri},
    response::{IntoResponse as _, Response},
};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

pub use program::Program;

/// What a path is answered with.
pub type Answer = (StatusCode, String, Vec<u8>);

/// A loopback server whose answers a test may change at any time.
#[derive(Clone)]
pub struct World {
    /// `127.0.0.1:PORT`.
    pub address: String,
    answers: Arc<Mutex<BTreeMap<String, Answer>>>,
    asked: Arc<Mutex<Vec<String>>>,
    validators: Arc<Mutex<Validators>>,
    sent_bytes: Arc<AtomicUsize>,
}

/// What the server says about the state of a file.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub enum Validators {
    /// A strong `ETag`, and it knows conditions.
    #[default]
    Strong,
    /// A strong `ETag`, and it knows no conditions.
    Unconditional,
    /// An `ETag` that says little.
    Weak,
    /// Nothing.
    None,
}

const OCTETS: &str = "application/octet-stream";
pub const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
pub const INDEX: &str = "application/vnd.oci.image.index.v1+json";
const LAYER: &str = "application/vnd.oci.image.layer.v1.tar+gzip";

/// Of openssl in Debian 12: with advisories that count, and without.
pub const VULNERABLE: &str = "3.0.9-1";
pub const FIXED: &str = "3.0.14-1~deb12u2";

pub fn digest(bytes: &[u8]) -> String {
    format!("sha256:{}", hex::encode(Sha256::digest(bytes)))
}

impl World {
    /// One with all advisories and one image of Debian 12, and the source that names it by tag, and its digest.
    pub fn of(openssl: &str) -> (Self, Value, String) {
        let world = Self::start();
        world.advisories(&[]);
        let digest = world.image("v1", "amd64", &[debian(openssl)]);
        let mut source = world.source();
        source["tag"] = json!("v1");
        (world, source, digest)
    }

    /// Starts it.
    pub fn start() -> Self {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a loopback port");
        listener.set_nonblocking(true).expect("a socket for tokio");
        let address = listener.local_addr().expect("an address").to_string();
        let world = Self {
            address,
            answers: Arc::default(),
            asked: Arc::default(),
            validators: Arc::default(),
            sent_bytes: Arc::default(),
        };
        let served = world.clone();
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .expect("a runtime");
            runtime.block_on(async move {
                let listener = tokio::net::TcpListener::from_std(listener).expect("a listener");
                let router = Router::new().fallback(answer).with_state(served);
                axum::serve(listener, router)
                    .await
                    .expect("the server runs");
            });
        });
        world
    }

    /// What a path is answered with from now on.
    pub fn serve(&self, path: &str, status: u16, content_type: &str, body: impl Into<Vec<u8>>) {
        let status = StatusCode::from_u16(status).expect("a status");
        self.answers.lock().expect("no panic").insert(
            path.to_owned(),
            (status, content_type.to_owned(), body.into()),
        );
    }

    /// The requests so far, as `METHOD PATH`.
    pub fn asked(&self) -> Vec<String> {
        self.asked.lock().expect("no panic").clone()
    }

    /// Forgets the requests so far; gives how many bytes of content were sent.
    pub fn reset(&self) -> usize {
        self.asked.lock().expect("no panic").clear();
        self.sent_bytes.swap(0, Ordering::SeqCst)
    }

    /// What the server says about its files from now on.
    pub fn validators(&self, validators: Validators) {
        *self.validators.lock().expect("no panic") = validators;
    }

    /// Takes a path away.
    pub fn remove(&self, path: &str) {
        self.answers.lock().expect("no panic").remove(path);
    }

    fn blob(&self, media_type: &str, bytes: Vec<u8>) -> Value {
        let (digest, size) = (digest(&bytes), bytes.len());
        self.serve(&format!("/v2/app/blobs/{digest}"), 200, OCTETS, bytes);
        json!({"mediaType": media_type, "digest": digest, "size": size})
    }

    /// A manifest or index under a tag; its digest.
    pub fn document(&self, media_type: &str, tag: &str, document: &Value) -> String {
        let bytes = serde_json::to_vec(document).expect("JSON");
        let digest = digest(&bytes);
        for reference in [tag, &digest] {
            self.serve(
                &format!("/v2/app/manifests/{reference}"),
                200,
                media_type,
                bytes.clone(),
            );
        }
        digest
    }

    /// The manifest with this digest.
    pub fn manifest(&self, digest: &str) -> Value {
        let path = format!("/v2/app/manifests/{digest}");
        serde_json::from_slice(&self.answers.lock().expect("no panic")[&path].2).expect("JSON")
    }

    /// An image of these layers under a tag; its digest.
    pub fn image(&self, tag: &str, architecture: &str, layers: &[Vec<u8>]) -> String {
        let config = json!({"os": "linux", "architecture": architecture, "rootfs": {"type": "layers", "diff_ids": []}});
        let config = self.blob(
            "application/vnd.oci.image.config.v1+json",
            config.to_string().into_bytes(),
        );
        let layers: Vec<_> = layers
            .iter()
            .map(|layer| self.blob(LAYER, layer.clone()))
            .collect();
        let manifest =
            json!({"schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": layers});
        self.document(MANIFEST, tag, &manifest)
    }

    /// An index under a tag: (digest, architecture); the architecture `unknown` stands for an attestation.
    pub fn index(&self, tag: &str, images: &[(&str, &str)]) -> String {
        let manifest = |&(digest, architecture): &(&str, &str)| {
            let path = format!("/v2/app/manifests/{digest}");
            let size = self.answers.lock().expect("no panic")[&path].2.len();
            let os = if architecture == "unknown" {
                "unknown"
            } else {
                "linux"
            };
            json!({"mediaType": MANIFEST, "digest": digest, "size": size,
                   "platform": {"os": os, "architecture": architecture}})
        };
        let manifests: Vec<_> = images.iter().map(manifest).collect();
        self.document(
            INDEX,
            tag,
            &json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": manifests}),
        )
    }

    /// Serves the advisories of `tests/data/osv`, without those that `leave_out` names.
    pub fn advisories(&self, leave_out: &[&str]) {
        for family in ["Debian", "Alpine", "Go", "crates.io"] {
            self.serve(
                &format!("/osv/{family}/all.zip"),
                200,
                OCTETS,
                zip_of(family, leave_out),
            );
        }
    }

    /// A source without tag and digest.
    pub fn source(&self) -> Value {
        json!({"repository": format!("{}/app", self.address), "database": format!("http://{}/osv", self.address)})
    }
}

async fn answer(
    State(world): State<World>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
) -> Response {
    world
        .asked
        .lock()
        .expect("no panic")
        .push(format!("{method} {}", uri.path()));
    let found = world
        .answers
        .lock()
        .expect("no panic")
        .get(uri.path())
        .cloned();
    let Some((status, content_type, body)) = found else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let validators = *world.validators.lock().expect("no panic");
    let etag = match validators {
        Validators::Strong | Validators::Unconditional => format!("\"{}\"", digest(&body)),
        Validators::Weak => format!("W/\"{}\"", digest(&body)),
        Validators::None => String::new(),
    };
    let known = headers.get("if-none-match").and_then(|v| v.to_str().ok()) == Some(&etag);
    if known && validators != Validators::Unconditional {
        return (StatusCode::NOT_MODIFIED, [("etag", etag)]).into_response();
    }
    if method == Method::GET {
        world.sent_bytes.fetch_add(body.len(), Ordering::SeqCst);
    }
    let headers = [
        ("content-type", content_type),
        ("docker-content-digest", digest(&body)),
    ];
    let mut response = (status, headers, body).into_response();
    if status == StatusCode::TOO_MANY_REQUESTS {
        let at_once = "0".parse().expect("a header");
        response.headers_mut().insert("retry-after", at_once);
    }
    if !etag.is_empty() {
        let etag = etag.parse().expect("a header");
        response.headers_mut().insert("etag", etag);
    }
    response
}

/// The records of one ecosystem, as osv.dev zips them.
pub fn zip_of(family: &str, leave_out: &[&str]) -> Vec<u8> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../tests/data/osv")
        .join(family);
    let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for entry in std::fs::read_dir(folder).expect("the advisories of the tests") {
        let path = entry.expect("an entry").path();
        let name = path
            .file_name()
            .expect("a name")
            .to_string_lossy()
            .into_owned();
        if !leave_out.iter().any(|id| name == format!("{id}.json")) {
            writer
                .start_file(name, zip::write::SimpleFileOptions::default())
                .expect("a file");
            writer
                .write_all(&std::fs::read(&path).expect("a record"))
                .expect("written");
        }
    }
    writer.finish().expect("a zip file").into_inner()
}

/// A zip file of these records: (id, record).
pub fn zip_with(records: &[(String, Value)]) -> Vec<u8> {
    let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (id, record) in records {
        let options = zip::write::SimpleFileOptions::default();
        writer
            .start_file(format!("{id}.json"), options)
            .expect("a file");
        writer
            .write_all(record.to_string().as_bytes())
            .expect("written");
    }
    writer.finish().expect("a zip file").into_inner()
}

/// A program of Go with these modules, as far as a reader of build info looks at it.
pub fn go_program(go: &str, modules: &str) -> Vec<u8> {
    let list = [&[b'0'; 16], modules.as_bytes(), &[b'1'; 16]].concat();
    let mut program = b"\x7fELF".to_vec();
    program.resize(4096, 0);
    program.extend(b"\xff Go buildinf:\x08\x02");
    program.resize(4096 + 32, 0);
    for text in [go.as_bytes(), &list] {
        let mut length = text.len();
        while length > 0x7f {
            program.push((length & 0x7f) as u8 | 0x80);
            length >>= 7;
        }
        program.push(length as u8);
        program.extend(text);
    }
    program
}

/// A program of Rust with this audit data.
pub fn rust_program(packages: &Value) -> Vec<u8> {
    let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::new(7));
    let json = json!({"packages": packages}).to_string();
    encoder.write_all(json.as_bytes()).expect("written");
    let data = encoder.finish().expect("a zlib stream");
    [b"\x7fELF".to_vec(), vec![0; 5000], data].concat()
}

/// A compressed layer with these files.
pub fn layer(files: &[(&str, &str)]) -> Vec<u8> {
    let bytes: Vec<_> = files
        .iter()
        .map(|(path, content)| (*path, content.as_bytes()))
        .collect();
    layer_of(&bytes)
}

/// The same, of files that are no text.
pub fn layer_of(files: &[(&str, &[u8])]) -> Vec<u8> {
    let gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    let mut builder = tar::Builder::new(gzip);
    for (path, content) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(content.len() as u64);
        header.set_mode(0o755);
        builder
            .append_data(&mut header, path, *content)
            .expect("an entry");
    }
    builder
        .into_inner()
        .expect("a tar archive")
        .finish()
        .expect("a gzip stream")
}

/// A base layer of Debian 12 with one version of openssl.
pub fn debian(openssl: &str) -> Vec<u8> {
    let status = format!(
        "Package: libssl3\nStatus: install ok installed\nSource: openssl\nArchitecture: amd64\nVersion: {openssl}\n"
    );
    layer(&[
        ("etc/os-release", "ID=debian\nVERSION_ID=\"12\"\n"),
        ("var/lib/dpkg/status", &status),
    ])
}
