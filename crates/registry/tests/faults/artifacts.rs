//! Artifacts that a hostile or broken registry shows.

use serde_json::{Value, json};
use trireme_registry::{ArtifactFile, RegistryError, digest_of};

use crate::repository;
use crate::server::{Answer, Server};

const TYPE: &str = "application/vnd.example.report";
const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";

/// A layer of this content.
fn layer(name: &str, content: &str) -> Value {
    json!({
        "mediaType": "text/plain", "digest": digest_of(content.as_bytes()), "size": content.len(),
        "annotations": {"org.opencontainers.image.title": name},
    })
}

fn manifest(artifact_type: &str, layers: &[Value]) -> Value {
    json!({
        "schemaVersion": 2, "mediaType": MANIFEST, "artifactType": artifact_type, "layers": layers,
        "config": {"mediaType": "application/vnd.oci.empty.v1+json", "digest": digest_of(b"{}"), "size": 2},
    })
}

/// Pulls the artifact of this manifest from a registry that has the blob `content`, with a limit of 100 bytes.
async fn pull(manifest: &Value) -> (Result<Vec<ArtifactFile>, RegistryError>, Server) {
    let (server, address) = Server::start().await;
    let bytes = manifest.to_string().into_bytes();
    let digest = digest_of(&bytes);
    let answer = Answer::new(200, bytes).header("content-type", MANIFEST);
    server.on(&format!("GET /v2/app/manifests/{digest}"), answer);
    let blob = format!("GET /v2/app/blobs/{}", digest_of(b"content"));
    server.on(&blob, Answer::new(200, "content"));
    let blob = format!("GET /v2/app/blobs/{}", digest_of(b"changed"));
    server.on(&blob, Answer::new(200, "CHANGED"));
    let repository = repository(address, false);
    let pulled = repository.pull_artifact(&digest, TYPE, 100).await;
    (pulled.map(|(_, files)| files), server)
}

#[tokio::test]
async fn the_files_of_an_artifact_come_with_their_names() {
    let (pulled, _server) = pull(&manifest(TYPE, &[layer("a.txt", "content")])).await;
    let file = ArtifactFile {
        name: "a.txt".into(),
        media_type: "text/plain".into(),
        bytes: "content".into(),
    };
    assert_eq!(pulled.unwrap(), [file]);
}

#[tokio::test]
async fn what_is_not_such_an_artifact_is_refused_before_a_blob_is_fetched() {
    let good = layer("a", "content");
    let unnamed = |layer: &Value| {
        let mut layer = layer.clone();
        layer.as_object_mut().unwrap().remove("annotations");
        layer
    };
    let large = |size: u64| {
        let mut layer = layer("large", "content");
        layer["size"] = json!(size);
        layer
    };
    let many: Vec<Value> = (0..40).map(|n| layer(&n.to_string(), "")).collect();
    for (manifest, named) in [
        (
            manifest("application/other", std::slice::from_ref(&good)),
            "application/other",
        ),
        (manifest(TYPE, &[unnamed(&good)]), "title"),
        (manifest(TYPE, &[layer("../a", "content")]), "../a"),
        (
            manifest(TYPE, &[layer("/etc/passwd", "content")]),
            "/etc/passwd",
        ),
        (manifest(TYPE, &[layer("..", "content")]), "title"),
        (manifest(TYPE, &[good.clone(), good.clone()]), "two files"),
        (manifest(TYPE, &[good.clone(), large(94)]), "101"),
        (manifest(TYPE, &[good, large(u64::MAX)]), "at most 100"),
        (manifest(TYPE, &many), "more than 32 files"),
        (
            json!({"schemaVersion": 2, "manifests": []}),
            "not an artifact",
        ),
    ] {
        let (pulled, server) = pull(&manifest).await;
        let error = pulled.unwrap_err();
        assert!(error.is_about_content(), "{error:?}");
        assert!(error.to_string().contains(named), "{error}");
        assert!(server.requests("GET /v2/app/blobs").is_empty(), "{named}");
    }
}

#[tokio::test]
async fn a_file_that_is_not_what_its_digest_says_is_refused() {
    let (pulled, _server) = pull(&manifest(TYPE, &[layer("a", "changed")])).await;
    let error = pulled.unwrap_err();
    assert!(matches!(error, RegistryError::Content { .. }), "{error:?}");
}

#[tokio::test]
async fn names_and_tags_are_checked_before_anything_is_stored() {
    let (server, address) = Server::start().await;
    let repository = repository(address, false);
    let file = |name: &str| ArtifactFile {
        name: name.into(),
        media_type: "text/plain".into(),
        bytes: "content".into(),
    };
    for (files, tags) in [
        (vec![file("../a")], vec![]),
        (vec![file("a"), file("a")], vec![]),
        (vec![file("a")], vec!["not a tag"]),
    ] {
        let error = repository.push_artifact(TYPE, &files, &tags).await;
        let error = error.unwrap_err();
        assert!(
            matches!(error, RegistryError::Malformed { .. }),
            "{error:?}"
        );
    }
    assert!(server.requests("").is_empty());
}
