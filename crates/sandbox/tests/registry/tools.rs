//! crane, oras and cosign work with the sandbox's registry.

use std::{fs, path::Path};

use serde_json::{Value, json};
use tempfile::TempDir;
use trireme_peers::{PeerError, Registry, Tool, cosign::KeyPair};

use crate::served::{AUTHORIZATION, Served};

/// A folder in which tools run, with the credentials of a registry of the sandbox.
pub struct Desk {
    pub registry: Served,
    pub folder: TempDir,
}

impl Desk {
    pub async fn new() -> Self {
        let registry = Served::start().await;
        let folder = tempfile::tempdir().expect("a folder");
        fs::write(folder.path().join("file"), "content").expect("a file");
        log_in(folder.path(), &registry.host);
        Self { registry, folder }
    }

    /// A name in the registry.
    pub fn name(&self, path: &str) -> String {
        format!("{}/{path}", self.registry.host)
    }

    /// Runs a tool with these words and gives what it printed.
    pub async fn run(&self, words: &str) -> String {
        let (dir, words) = (self.folder.path().to_owned(), words.to_owned());
        let run = move || {
            let (name, arguments) = words.split_once(' ').expect("a tool and its words");
            let tool = match name {
                "tar" => Tool::system(name),
                _ => Tool::new(name)?,
            };
            let tool = tool.env("DOCKER_CONFIG", &dir).env("HOME", &dir).dir(&dir);
            tool.args(arguments.split(' ')).succeed()
        };
        let ran: Result<String, PeerError> =
            tokio::task::spawn_blocking(run).await.expect("it ends");
        ran.expect("the tool succeeds").trim().to_owned()
    }

    /// Pushes a small image and gives its digest.
    async fn push(&self, name: &str) -> String {
        self.run("tar -cf layer.tar file").await;
        self.run(&format!("crane append -f layer.tar -t {name}"))
            .await;
        self.run(&format!("crane digest {name}")).await
    }
}

/// Keeps the credentials where Docker's clients look for them.
fn log_in(folder: &Path, host: &str) {
    let encoded = AUTHORIZATION.trim_start_matches("Basic ");
    let auths = json!({"auths": {host: {"auth": encoded}}});
    fs::write(folder.join("config.json"), auths.to_string()).expect("a file");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn crane_pushes_copies_lists_pulls_and_deletes() {
    let desk = Desk::new().await;
    let (app, copy) = (desk.name("team/app:1"), desk.name("team/copy:1"));
    let digest = desk.push(&app).await;
    desk.run(&format!("crane copy {app} {copy}")).await;
    assert_eq!(desk.run(&format!("crane digest {copy}")).await, digest);
    desk.run(&format!("crane tag {app} 2")).await;
    let tags = desk
        .run(&format!("crane ls {}", desk.name("team/app")))
        .await;
    assert_eq!(tags, "1\n2");
    desk.run(&format!("crane pull --format oci {app} pulled"))
        .await;
    desk.run(&format!("crane validate --remote {copy}")).await;
    let blob = digest.replace(':', "/");
    assert!(desk.folder.path().join("pulled/blobs").join(blob).is_file());
    let peer = Registry::distribution().expect("the distribution registry");
    let theirs = format!("{}/app:1", peer.host());
    desk.run(&format!("crane copy {app} {theirs}")).await;
    desk.run(&format!("crane copy {theirs} {}", desk.name("team/back:1")))
        .await;
    assert_eq!(
        desk.run(&format!("crane digest {}", desk.name("team/back:1")))
            .await,
        digest
    );
    desk.run(&format!("crane delete {copy}")).await;
    let catalog = desk
        .run(&format!("crane catalog {}", desk.registry.host))
        .await;
    assert!(
        catalog.contains("team/app") && catalog.contains("team/back"),
        "{catalog}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn oras_attaches_discovers_copies_and_pulls() {
    let desk = Desk::new().await;
    let app = desk.name("team/app:1");
    desk.push(&app).await;
    desk.run(&format!(
        "oras attach --plain-http --artifact-type example/report {app} file:text/plain"
    ))
    .await;
    let found = desk
        .run(&format!("oras discover --plain-http --format json {app}"))
        .await;
    let found: Value = serde_json::from_str(&found).expect("JSON");
    let found = &found["referrers"].as_array().expect("referrers")[..];
    assert_eq!(found.len(), 1);
    assert_eq!(found[0]["artifactType"], "example/report");
    let copy = desk.name("team/copy:1");
    desk.run(&format!(
        "oras copy --recursive --from-plain-http --to-plain-http {app} {copy}"
    ))
    .await;
    let found = desk
        .run(&format!("oras discover --plain-http --format tree {copy}"))
        .await;
    assert!(found.contains("example/report"), "{found}");
    let files = desk.name("team/files:1");
    desk.run(&format!("oras push --plain-http {files} file:text/plain"))
        .await;
    desk.run(&format!("oras pull --plain-http -o out {files}"))
        .await;
    let pulled = fs::read_to_string(desk.folder.path().join("out/file"));
    assert_eq!(pulled.expect("the file"), "content");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cosign_signs_and_verifies() {
    let desk = Desk::new().await;
    let digest = desk.push(&desk.name("team/app:1")).await;
    let image = desk.name(&format!("team/app@{digest}"));
    let keys = KeyPair::generate().expect("a key pair");
    log_in(keys.folder(), &desk.registry.host);
    let outcome = tokio::task::spawn_blocking(move || {
        let before = keys.verifies(&image)?;
        keys.sign(&image)?;
        Ok::<_, PeerError>((before, keys.verifies(&image)?))
    });
    let outcome = outcome.await.expect("it ends").expect("cosign works");
    assert_eq!(outcome, (false, true));
}
