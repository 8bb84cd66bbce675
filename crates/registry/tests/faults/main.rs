//! A registry on loopback that answers as its script says: tokens, redirects, lists in pages, and what is wrong with them.

mod artifacts;
mod credentials;
mod heads;
mod referrers;
mod server;

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use axum::body::Bytes;
use server::{Answer, Server};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use trireme_registry::{Credentials, RegistryError, Repository, descriptor_of, digest_of};
use trireme_transport::{Client, Options};

/// A manifest, as short as one can be.
const MANIFEST: &[u8] = b"{\"schemaVersion\":2}";

fn repository(address: SocketAddr, credentials: bool) -> Repository {
    let client = Client::new(Options::default()).expect("it works on loopback");
    let credentials = credentials.then(|| Credentials {
        username: "user".into(),
        password: "planted".into(),
    });
    let name = format!("{address}/app").parse().expect("well-formed");
    Repository::new(client, name, credentials, false, |_| {})
}

#[tokio::test]
async fn a_mount_that_is_not_done_for_whatever_reason_is_given_up() {
    let (server, address) = Server::start().await;
    let digest = digest_of(b"content");
    let mount = format!("POST /v2/app/blobs/uploads/?mount={digest}&from=other");
    let begun = Answer::new(202, "").header("location", "/up/1");
    server.on(&mount, begun);
    let repository = repository(address, false);
    assert!(!repository.mount_blob(&digest, "other").await.unwrap());
    assert_eq!(server.requests("DELETE /up/1").len(), 1);
    server.on(&mount, Answer::new(201, ""));
    assert!(repository.mount_blob(&digest, "other").await.unwrap());
    for status in [400, 401, 403, 404, 405] {
        server.on(&mount, Answer::new(status, "{}"));
        let mounted = repository.mount_blob(&digest, "other").await;
        assert!(!mounted.unwrap(), "{status}: it is to be sent");
    }
}

/// Some registries answer as the specification once said; a URL may be relative to that of the request. 202 is also the answer to a
/// part of a blob: what is not answered with 201 is looked for.
#[tokio::test]
async fn an_upload_may_be_named_from_where_it_began_and_ends_in_what_is_there() {
    let (server, address) = Server::start().await;
    let begun = Answer::new(202, "").header("location", "up?state=1");
    server.on("POST /v2/app/blobs/uploads/", begun);
    let blob = descriptor_of("text/plain", b"content").unwrap();
    let digest = blob.digest().to_string();
    let encoded = digest.replace(':', "%3A");
    let put = format!("PUT /v2/app/blobs/uploads/up?state=1&digest={encoded}");
    let repository = repository(address, false);
    let push = || {
        let content = [Ok(Bytes::from_static(b"content"))];
        repository.push_blob(&blob, futures_util::stream::iter(content))
    };
    let store = || repository.put_manifest("1", "text/plain", Bytes::from_static(MANIFEST));
    let manifest = descriptor_of("text/plain", MANIFEST).unwrap();
    for is_there in [false, true] {
        if is_there {
            server.on(
                &format!("HEAD /v2/app/blobs/{digest}"),
                Answer::new(200, ""),
            );
            let found = Answer::new(200, "")
                .header("content-type", "text/plain")
                .header("docker-content-digest", manifest.digest().to_string());
            server.on("HEAD /v2/app/manifests/1", found);
        }
        for status in [200, 201, 202, 204] {
            server.on(&put, Answer::new(status, ""));
            server.on("PUT /v2/app/manifests/1", Answer::new(status, ""));
            let is_stored = is_there || status == 201;
            assert_eq!(push().await.is_ok(), is_stored, "{status}");
            assert_eq!(store().await.is_ok(), is_stored, "{status}");
        }
    }
    assert_eq!(server.requests(&put).len(), 8);
    server.on(&put, Answer::new(307, ""));
    push().await.unwrap_err();
}

#[tokio::test]
async fn a_tag_that_answers_with_no_manifest_or_an_unknown_digest_points_to_nothing() {
    for (body, digest) in [
        (r#"{"errors":[{"code":"UNKNOWN"}]}"#, None),
        (r#"{"schemaVersion":2,"manifests":[],"layers":[]}"#, None),
        (r#"{"schemaVersion":2,"layers":[],"Layers":[]}"#, None),
        (r#"{"schemaVersion":2}"#, Some("md5:abc".to_owned())),
        (
            r#"{"schemaVersion":2}"#,
            Some(format!("sha384:{}", "a".repeat(96))),
        ),
    ] {
        let (server, address) = Server::start().await;
        let kind = "application/vnd.oci.image.manifest.v1+json";
        let mut answer = Answer::new(200, body).header("content-type", kind);
        if let Some(digest) = digest {
            answer = answer.header("docker-content-digest", digest);
        }
        server.on("HEAD /v2/app/manifests/latest", answer.clone());
        server.on("GET /v2/app/manifests/latest", answer);
        let found = repository(address, false).head_manifest("latest").await;
        let error = found.expect_err(body);
        let is_told = matches!(
            error,
            RegistryError::Malformed { .. } | RegistryError::NoManifest { .. }
        );
        assert!(is_told, "{error}");
    }
}

#[tokio::test]
async fn a_registry_that_breaks_off_after_every_byte_is_given_up() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let connections = Arc::new(Mutex::new(0));
    let counted = connections.clone();
    tokio::spawn(async move {
        loop {
            let (mut connection, _) = listener.accept().await.unwrap();
            *counted.lock().unwrap() += 1;
            assert_ne!(connection.read(&mut [0; 1024]).await.unwrap(), 0);
            let start = b"HTTP/1.1 200 OK\r\ncontent-length: 9999\r\n\r\n";
            connection.write_all(start).await.unwrap();
            let more = vec![b'x'; *counted.lock().unwrap()];
            connection.write_all(&more).await.unwrap();
        }
    });
    let blob = descriptor_of("text/plain", &[b'x'; 9999]).unwrap();
    let broken = repository(address, false).blob(&blob, 9999).await;
    assert!(matches!(broken, Err(RegistryError::Transport { .. })));
    assert_eq!(*connections.lock().unwrap(), 4);
}
