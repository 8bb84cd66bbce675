//! Registries that answer HEAD badly, and that show a new tag late.

use axum::body::Bytes;
use trireme_registry::{Tree, descriptor_of, digest_of};

use super::{
    MANIFEST, repository,
    server::{Answer, Server},
};

const KIND: &str = "application/vnd.oci.image.manifest.v1+json";

/// Some know no HEAD, some send it to a storage that was only told of GET, some fail.
#[tokio::test]
async fn a_registry_that_refuses_head_is_asked_for_the_whole() {
    let blob = descriptor_of("text/plain", b"content").unwrap();
    let blob = blob.digest().to_string();
    for status in [400, 403, 405, 501] {
        let (server, address) = Server::start().await;
        for path in [
            "manifests/latest",
            "manifests/none",
            &format!("blobs/{blob}"),
        ] {
            server.on(&format!("HEAD /v2/app/{path}"), Answer::new(status, ""));
        }
        let manifest = Answer::new(200, MANIFEST).header("content-type", KIND);
        server.on("GET /v2/app/manifests/latest", manifest);
        server.on(
            &format!("GET /v2/app/blobs/{blob}"),
            Answer::new(200, "content"),
        );
        let repository = repository(address, false);
        let found = repository.head_manifest("latest").await.unwrap().unwrap();
        assert_eq!(found.digest().to_string(), digest_of(MANIFEST), "{status}");
        assert!(repository.head_manifest("none").await.unwrap().is_none());
        assert!(repository.blob_exists(&blob).await.unwrap(), "{status}");
    }
}

/// The storage behind it signs an address for one method (S3, GCS).
#[tokio::test]
async fn a_storage_that_was_only_told_of_get_is_asked_so() {
    let (server, address) = Server::start().await;
    let (store, store_address) = Server::start().await;
    let elsewhere = format!("http://{store_address}/signed");
    for method in ["HEAD", "GET"] {
        let redirect = Answer::new(307, "").header("location", &*elsewhere);
        server.on(&format!("{method} /v2/app/manifests/1"), redirect);
    }
    store.on("HEAD /signed", Answer::new(403, ""));
    store.on(
        "GET /signed",
        Answer::new(200, MANIFEST).header("content-type", KIND),
    );
    let found = repository(address, false).head_manifest("1").await.unwrap();
    assert_eq!(found.unwrap().digest().to_string(), digest_of(MANIFEST));
}

/// The answer to HEAD has no body.
#[tokio::test]
async fn what_a_registry_says_of_a_refusal_is_told_whatever_was_asked() {
    for (status, code) in [
        (401, "UNAUTHORIZED"),
        (403, "DENIED"),
        (429, "TOOMANYREQUESTS"),
    ] {
        let (server, address) = Server::start().await;
        let body = format!(r#"{{"errors":[{{"code":"{code}","message":"its own words"}}]}}"#);
        let refusal = || Answer::new(status, &*body).header("retry-after", "7200");
        server.on("HEAD /v2/app/manifests/1", refusal());
        server.on("GET /v2/app/manifests/1", refusal());
        let mut refusal = refusal();
        if status == 401 {
            refusal = refusal.header("www-authenticate", r#"Basic realm="r""#);
            server.on("HEAD /v2/app/manifests/1", refusal.clone());
            server.on("GET /v2/app/manifests/1", refusal);
        }
        let refused = repository(address, true).head_manifest("1").await;
        let refused = format!("{:?}", refused.unwrap_err());
        let words = format!("{code}: its own words");
        assert!(refused.contains(&words), "{status}: {refused}");
    }
}

/// A registry that makes no repository on a push (ECR) says so with 404.
#[tokio::test]
async fn a_repository_that_is_not_there_is_told_in_the_words_of_the_registry() {
    let (server, address) = Server::start().await;
    let body = r#"{"errors":[{"code":"NAME_UNKNOWN","message":"The repository with name 'app' does not exist"}]}"#;
    server.on("POST /v2/app/blobs/uploads/", Answer::new(404, body));
    let blob = descriptor_of("text/plain", b"content").unwrap();
    let content = Bytes::from_static(b"content");
    let refused = repository(address, false).push_bytes(&blob, content).await;
    let refused = refused.unwrap_err();
    let words = "it is not there: NAME_UNKNOWN: The repository with name 'app' does not exist";
    assert!(
        refused.is_not_found() && refused.to_string().ends_with(words),
        "{refused}"
    );
}

/// A tag that the registry shows a moment later than it took it is waited for.
#[tokio::test]
async fn a_tag_that_is_shown_late_is_waited_for() {
    let (server, address) = Server::start().await;
    let root = descriptor_of(KIND, MANIFEST).unwrap();
    let digest = root.digest().to_string();
    for reference in ["1", &digest] {
        let stored = Answer::new(201, "").header("docker-content-digest", &*digest);
        server.on(&format!("PUT /v2/app/manifests/{reference}"), stored);
    }
    server.on("HEAD /v2/app/manifests/1", Answer::new(404, ""));
    let shows = server.clone();
    let shown = Answer::new(200, "")
        .header("content-type", KIND)
        .header("content-length", MANIFEST.len().to_string())
        .header("docker-content-digest", &*digest);
    tokio::spawn(async move {
        while shows.requests("HEAD").is_empty() {
            tokio::task::yield_now().await;
        }
        shows.on("HEAD /v2/app/manifests/1", shown);
    });
    let tree = Tree {
        manifests: vec![(root.clone(), Bytes::from_static(MANIFEST))],
        blobs: Vec::new(),
        root,
    };
    let (repository, tags) = (repository(address, false), ["1".to_owned()]);
    let stored = repository.put_tree(&tree, &tags).await.unwrap();
    assert_eq!(stored, digest);
    assert!(server.requests("HEAD").len() > 1);
}
