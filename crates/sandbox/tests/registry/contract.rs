//! The same requests to the sandbox and to real registries must get the same answers.

use std::time::Duration;

use http::StatusCode;
use serde_json::{Value, json};
use tokio::time::{sleep, timeout};
use trireme_peers::Registry;
use trireme_sandbox::registry::{Digest, Quirks};

use crate::served::{Answer, DEADLINE, QUIRKS, Served, ask};

pub const NAME: &str = "/v2/team/app";
pub const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
pub const CONFIG: &[u8] = b"{}";
pub const LAYER: &[u8] = b"the bytes of a layer";

/// The requests and the answers to them, in their order.
pub type Answers = Vec<(String, Value)>;

/// A registry that is being asked.
pub struct Asked {
    pub host: String,
    pub answers: Answers,
}

impl Asked {
    pub fn new(host: String) -> Self {
        Self {
            host,
            answers: Answers::new(),
        }
    }

    /// Asks, and keeps of the answer what registries must agree on.
    pub async fn ask(
        &mut self,
        what: &str,
        line: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Answer {
        let (method, path) = line.split_once(' ').expect("a method and a path");
        let mut answer = ask(&self.host, (method, path), headers, body).await;
        if method == "HEAD" && answer.code == StatusCode::METHOD_NOT_ALLOWED {
            // Clients fall back to GET.
            answer = ask(&self.host, ("GET", path), headers, body).await;
            answer.body.clear();
        }
        self.answers.push((what.into(), told(&answer)));
        answer
    }

    async fn get(&mut self, what: &str, path: &str) {
        // The distribution registry keeps an OCI manifest from who does not say that they take it.
        let accept = [("accept", MANIFEST)];
        for method in ["GET", "HEAD"] {
            let line = format!("{method} {path}");
            self.ask(&format!("{what}, {method}"), &line, &accept, b"")
                .await;
        }
    }

    /// Asks each, without a body.
    async fn all(&mut self, lines: &[(&str, String)]) {
        for (what, line) in lines {
            self.ask(what, line, &[], b"").await;
        }
    }

    /// Begins an upload and gives the path of its session.
    async fn begin(&mut self) -> String {
        let begun = self
            .ask(
                "begin an upload",
                &format!("POST {NAME}/blobs/uploads/"),
                &[],
                b"",
            )
            .await;
        session_of(&begun)
    }

    pub async fn push_blob(&mut self, bytes: &[u8]) {
        let session = self.begin().await;
        let line = format!("PUT {}", with_digest(&session, bytes));
        self.ask("a blob in one piece", &line, &[], bytes).await;
    }

    /// Pushes a manifest, and waits until the registry shows it.
    pub async fn push(&mut self, what: &str, reference: &str, manifest: &Value) -> Answer {
        let line = format!("PUT {NAME}/manifests/{reference}");
        let (of_type, body) = ([("content-type", MANIFEST)], manifest.to_string());
        let pushed = self.ask(what, &line, &of_type, body.as_bytes()).await;
        if pushed.code.is_success() {
            let shown = self.is_shown(reference, Digest::of(body.as_bytes()));
            timeout(DEADLINE, shown)
                .await
                .expect("the manifest is shown");
        }
        pushed
    }

    async fn is_shown(&self, reference: &str, digest: Digest) {
        let path = format!("{NAME}/manifests/{reference}");
        let accept = [("accept", MANIFEST)];
        while ask(&self.host, ("GET", &path), &accept, b"")
            .await
            .header("docker-content-digest")
            != digest.to_string()
        {
            sleep(Duration::from_millis(20)).await;
        }
    }
}

/// The path and query of a `Location`, which may be absolute.
fn session_of(begun: &Answer) -> String {
    let location = begun.header("location");
    let at = location.find("/v2/").expect("a session in Location");
    location[at..].to_owned()
}

fn with_digest(session: &str, bytes: &[u8]) -> String {
    let sign = if session.contains('?') { '&' } else { '?' };
    format!("{session}{sign}digest={}", Digest::of(bytes))
}

/// The code, the code of the error, the headers that clients use, and the tags of a list.
fn told(answer: &Answer) -> Value {
    let body: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    let mut told = json!({"code": answer.code.as_u16(), "error": body["errors"][0]["code"]});
    for name in ["content-range", "range"] {
        told[name] = answer.header(name).into();
    }
    if answer.code.is_success() {
        told["digest"] = answer.header("docker-content-digest").into();
    }
    told["goes on"] = answer.header("link").contains("rel=\"next\"").into();
    told["tags"] = body["tags"].clone();
    told
}

pub fn descriptor(media_type: &str, bytes: &[u8]) -> Value {
    json!({"mediaType": media_type, "digest": Digest::of(bytes).to_string(), "size": bytes.len()})
}

pub fn manifest(layer: &[u8]) -> Value {
    json!({
        "schemaVersion": 2, "mediaType": MANIFEST,
        "config": descriptor("application/vnd.oci.image.config.v1+json", CONFIG),
        "layers": [descriptor("application/vnd.oci.image.layer.v1.tar", layer)],
    })
}

/// The headers of a chunk that says where it belongs.
fn chunk(range: &str) -> [(&str, &str); 2] {
    [
        ("content-type", "application/octet-stream"),
        ("content-range", range),
    ]
}

async fn uploads(asked: &mut Asked) {
    asked.push_blob(CONFIG).await;
    let session = asked.begin().await;
    let line = format!("PATCH {session}");
    let more = asked
        .ask("the first chunk", &line, &chunk("0-9"), &LAYER[..10])
        .await;
    let session = session_of(&more);
    asked
        .all(&[("how far an upload is", format!("GET {session}"))])
        .await;
    let line = format!("PUT {}", with_digest(&session, LAYER));
    asked.ask("the last chunk", &line, &[], &LAYER[10..]).await;
    let mount = |bytes| {
        format!(
            "POST /v2/team/other/blobs/uploads/?mount={}&from=team/app",
            Digest::of(bytes)
        )
    };
    asked
        .all(&[
            ("mount a blob", mount(LAYER)),
            ("mount what is not there", mount(b"nothing")),
        ])
        .await;
}

async fn wrong_uploads(asked: &mut Asked) {
    let session = asked.begin().await;
    let line = format!("PUT {}", with_digest(&session, LAYER));
    asked
        .ask("other bytes than said", &line, &[], b"others")
        .await;
    let session = asked.begin().await;
    let line = format!("PATCH {session}");
    asked
        .ask("a chunk after a gap", &line, &chunk("5-10"), b"a part")
        .await;
    let session = asked.begin().await;
    let unknown = "00000000-0000-0000-0000-000000000000";
    asked
        .all(&[
            ("give an upload up", format!("DELETE {session}")),
            (
                "an upload that never was",
                format!("GET {NAME}/blobs/uploads/{unknown}"),
            ),
        ])
        .await;
    let line = format!("PUT {}", with_digest(&session, LAYER));
    asked
        .ask("an upload that was given up", &line, &[], LAYER)
        .await;
}

async fn blobs(asked: &mut Asked) {
    let layer = format!("{NAME}/blobs/{}", Digest::of(LAYER));
    let nothing = format!("{NAME}/blobs/{}", Digest::of(b"nothing"));
    asked.get("a blob", &layer).await;
    asked.get("no such blob", &nothing).await;
    let line = format!("GET {layer}");
    for (what, range) in [
        ("the first bytes", "bytes=0-3"),
        ("the rest", "bytes=4-"),
        ("past the end", "bytes=99-"),
    ] {
        asked.ask(what, &line, &[("range", range)], b"").await;
    }
}

async fn pushed_manifests(asked: &mut Asked) {
    let app = manifest(LAYER);
    let digest = Digest::of(app.to_string().as_bytes()).to_string();
    let other = Digest::of(b"nothing").to_string();
    for (what, reference) in [
        ("a manifest by tag", "one"),
        ("a manifest by digest", &digest),
        ("another tag", "two"),
        ("by another digest", &other),
    ] {
        asked.push(what, reference, &app).await;
    }
    asked
        .push("a layer that is not there", "three", &manifest(b"nothing"))
        .await;
    let line = format!("PUT {NAME}/manifests/three");
    asked
        .ask(
            "no manifest",
            &line,
            &[("content-type", MANIFEST)],
            b"no JSON",
        )
        .await;
}

async fn read_manifests(asked: &mut Asked) {
    let digest = Digest::of(manifest(LAYER).to_string().as_bytes());
    let by_digest = format!("{NAME}/manifests/{digest}");
    asked.get("by tag", &format!("{NAME}/manifests/one")).await;
    asked.get("by digest", &by_digest).await;
    asked
        .get("no such tag", &format!("{NAME}/manifests/none"))
        .await;
    asked
        .get("no such repository", "/v2/none/manifests/none")
        .await;
    asked
        .all(&[
            ("all tags", format!("GET {NAME}/tags/list")),
            ("the first tag", format!("GET {NAME}/tags/list?n=1")),
            (
                "the tags after it",
                format!("GET {NAME}/tags/list?n=9&last=one"),
            ),
            ("tags of no repository", "GET /v2/none/tags/list".into()),
            ("a page of no number", format!("GET {NAME}/tags/list?n=x")),
            (
                "a page of less than none",
                format!("GET {NAME}/tags/list?n=-1"),
            ),
            ("repositories of no number", "GET /v2/_catalog?n=x".into()),
            ("delete a manifest", format!("DELETE {by_digest}")),
            ("delete it again", format!("DELETE {by_digest}")),
        ])
        .await;
    asked.get("what was deleted", &by_digest).await;
}

async fn routes(asked: &mut Asked) {
    asked.get("the base", "/v2/").await;
    asked
        .all(&[
            ("no such path", "GET /v2/team/app/nonsense/x".into()),
            ("write to a list", "PUT /v2/team/app/tags/list".into()),
            ("post a manifest", "POST /v2/team/app/manifests/one".into()),
        ])
        .await;
}

async fn answers(host: String) -> Answers {
    let mut asked = Asked::new(host);
    uploads(&mut asked).await;
    wrong_uploads(&mut asked).await;
    blobs(&mut asked).await;
    pushed_manifests(&mut asked).await;
    read_manifests(&mut asked).await;
    routes(&mut asked).await;
    asked.answers
}

/// Where theirs has no error code, the web server in front of the registry answered; ours may have one.
#[track_caller]
pub fn assert_same(ours: &Answers, theirs: &Answers) {
    assert_eq!(ours.len(), theirs.len());
    let pairs = ours.iter().zip(theirs);
    let differing: Vec<_> = pairs
        .filter(|((_, ours), (_, theirs))| {
            let mut ours = ours.clone();
            if theirs["error"].is_null() && theirs["code"].as_u64() >= Some(400) {
                ours["error"] = Value::Null;
            }
            ours != *theirs
        })
        .map(|((what, ours), (_, theirs))| format!("{what}\n  ours:   {ours}\n  theirs: {theirs}"))
        .collect();
    assert!(differing.is_empty(), "{}", differing.join("\n"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_sandbox_with_and_without_quirks_answers_as_the_distribution_registry() {
    let distribution = Registry::distribution().expect("the distribution registry");
    let theirs = answers(distribution.host()).await;
    for quirks in [Quirks::default(), QUIRKS] {
        let sandbox = Served::start_with(quirks).await;
        assert_same(&answers(sandbox.host.clone()).await, &theirs);
    }
}
