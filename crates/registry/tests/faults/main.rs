//! A registry on loopback that answers as its script says: tokens, redirects, lists in pages, and what is wrong with them.

mod artifacts;
mod server;

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use axum::body::Bytes;
use server::{Answer, Server};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use trireme_registry::{
    Credentials, Descriptor, RegistryError, Repository, Tree, descriptor_of, digest_of,
};
use trireme_transport::{Client, Options};

/// A manifest, as short as one can be.
const MANIFEST: &[u8] = b"{\"schemaVersion\":2}";
const INDEX: &str = "application/vnd.oci.image.index.v1+json";

fn repository(address: SocketAddr, credentials: bool) -> Repository {
    let client = Client::new(Options::default()).expect("it works on loopback");
    let credentials = credentials.then(|| Credentials {
        username: "user".into(),
        password: "planted".into(),
    });
    let name = format!("{address}/app").parse().expect("well-formed");
    Repository::new(client, name, credentials, false, |_| {})
}

fn bearer(address: SocketAddr) -> String {
    format!(r#"Bearer realm="http://{address}/token",service="s",scope="repository:app:pull""#)
}

const TOKEN: &str = "GET /token?service=s&scope=repository%3Aapp%3Apull";

fn manifest(server: &Server, bytes: &'static [u8], guarded: (&str, String)) -> String {
    let digest = digest_of(bytes);
    let answer = Answer::new(200, bytes)
        .header("content-type", "application/vnd.oci.image.manifest.v1+json")
        .guarded(guarded.0, guarded.1);
    server.on(&format!("GET /v2/app/manifests/{digest}"), answer);
    digest
}

#[tokio::test]
async fn a_token_is_asked_for_once_with_the_password_and_used_after() {
    let (server, address) = Server::start().await;
    let digest = manifest(&server, MANIFEST, ("Bearer t", bearer(address)));
    server.on(TOKEN, Answer::new(200, r#"{"token":"t","expires_in":300}"#));
    let repository = repository(address, true);
    for _ in 0..3 {
        repository.get_manifest(&digest).await.unwrap();
    }
    let tokens = server.requests("GET /token");
    let basic = Some("Basic dXNlcjpwbGFudGVk".to_owned());
    assert_eq!(tokens, [(TOKEN.to_owned(), basic)]);
    assert_eq!(
        server.requests("GET /v2/").len(),
        4,
        "one 401 and three answers"
    );
}

#[tokio::test]
async fn a_token_that_is_not_given_is_an_error_and_shows_no_secret() {
    for (status, body) in [
        (401, "{}"),
        (403, "{}"),
        (404, "{}"),
        (200, "<html>log in</html>"),
        (200, "{}"),
        (200, r#"{"token":""}"#),
    ] {
        let (server, address) = Server::start().await;
        let digest = manifest(&server, MANIFEST, ("Bearer t", bearer(address)));
        server.on(TOKEN, Answer::new(status, body));
        let repository = repository(address, true);
        let error = repository.get_manifest(&digest).await.unwrap_err();
        let text = format!("{error} {error:?}");
        assert!(text.contains("token"), "{status} {body}: {text}");
        assert!(
            !error.is_not_found() && !error.is_about_content(),
            "it says nothing about the manifest: {text}"
        );
        assert!(!text.contains("planted"), "{text}");
        assert!(
            repository
                .head_manifest(&digest)
                .await
                .is_ok_and(|found| found.is_none())
        );
    }
}

#[tokio::test]
async fn a_blob_on_another_host_is_fetched_without_our_password() {
    let (server, address) = Server::start().await;
    let (store, store_address) = Server::start().await;
    let blob = descriptor_of("text/plain", b"content").unwrap();
    let path = format!("GET /v2/app/blobs/{}", blob.digest());
    let elsewhere = format!("http://localhost:{}/blob", store_address.port());
    let basic = "Basic dXNlcjpwbGFudGVk";
    let redirect = Answer::new(307, "").header("location", elsewhere);
    server.on(&path, redirect.guarded(basic, r#"Basic realm="r""#.into()));
    store.on("GET /blob", Answer::new(200, "content"));
    let repository = repository(address, true);
    assert_eq!(repository.blob(&blob, 100).await.unwrap(), &b"content"[..]);
    assert_eq!(server.requests(&path)[1].1.as_deref(), Some(basic));
    assert_eq!(store.requests("GET"), [("GET /blob".to_owned(), None)]);
}

fn subject() -> String {
    digest_of(b"subject")
}

fn page(descriptors: &[Descriptor]) -> Answer {
    let index =
        serde_json::json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": descriptors});
    Answer::new(200, index.to_string()).header("content-type", INDEX)
}

#[tokio::test]
async fn referrers_are_read_to_the_last_page() {
    let (server, address) = Server::start().await;
    let [first, second] =
        [&b"1"[..], b"2"].map(|bytes| descriptor_of("text/plain", bytes).unwrap());
    let path = format!("/v2/app/referrers/{}", subject());
    let next = format!(r#"<{path}?page=2>; rel="next""#);
    let head = page(std::slice::from_ref(&first)).header("link", next);
    server.on(&format!("GET {path}"), head);
    server.on(
        &format!("GET {path}?page=2"),
        page(std::slice::from_ref(&second)),
    );
    let repository = repository(address, false);
    let found = repository.referrers(&subject(), None).await.unwrap();
    assert_eq!(found, [first, second]);
}

#[tokio::test]
async fn a_list_of_referrers_that_cannot_be_read_whole_is_an_error() {
    let path = format!("/v2/app/referrers/{}", subject());
    let cases = [
        // The second page is not there.
        page(&[]).header("link", format!(r#"<{path}?page=2>; rel="next""#)),
        // It goes on for ever.
        page(&[]).header("link", format!(r#"<{path}>; rel="next""#)),
        // It goes on elsewhere, where our token must not go.
        page(&[]).header("link", r#"<http://localhost:1/x>; rel="next""#),
        Answer::new(403, "{}"),
        Answer::new(200, "<html></html>").header("content-type", "text/html"),
        Answer::new(200, "{\"manifests\":").header("content-type", INDEX),
    ];
    for answer in cases {
        let (server, address) = Server::start().await;
        let status = answer.status;
        server.on(&format!("GET {path}"), answer);
        let found = repository(address, false).referrers(&subject(), None).await;
        assert!(found.is_err(), "{status}: {found:?}");
    }
}

/// A registry that lists no types is asked for the manifests themselves.
#[tokio::test]
async fn a_referrer_that_cannot_be_read_stays_on_the_list_and_one_that_is_no_manifest_does_not() {
    let wanted = r#"{"schemaVersion":2,"artifactType":"a/b","config":{"mediaType":"c","digest":"DIGEST","size":1},"layers":[]}"#;
    let wanted = wanted.replace("DIGEST", &subject());
    let cases = [
        (wanted.clone(), Answer::new(200, wanted.clone()), true),
        (wanted.clone(), Answer::new(404, "{}"), true),
        (wanted.clone(), Answer::new(200, "<html></html>"), true),
        (
            wanted.clone(),
            Answer::new(200, wanted.replace("a/b", "a/c")),
            true,
        ),
        (
            wanted.replace("a/b", "a/c"),
            Answer::new(200, wanted.replace("a/b", "a/c")),
            false,
        ),
        ("no manifest".into(), Answer::new(200, "no manifest"), false),
    ];
    for (listed, answer, stays) in cases {
        let (server, address) = Server::start().await;
        let descriptor = descriptor_of("text/plain", listed.as_bytes()).unwrap();
        let path = format!("GET /v2/app/referrers/{}", subject());
        server.on(&path, page(std::slice::from_ref(&descriptor)));
        let path = format!("GET /v2/app/manifests/{}", descriptor.digest());
        server.on(&path, answer);
        let repository = repository(address, false);
        let found = repository.referrers(&subject(), Some("a/b")).await.unwrap();
        assert_eq!(!found.is_empty(), stays, "{listed}");
    }
}

#[tokio::test]
async fn only_a_404_of_the_fallback_tag_means_no_referrers() {
    let tag = subject().replace(':', "-");
    let path = format!("GET /v2/app/manifests/{tag}");
    let (server, address) = Server::start().await;
    let found = repository(address, false).referrers(&subject(), None).await;
    assert!(found.unwrap().is_empty());
    assert_eq!(server.requests(&path).len(), 1);
    for status in [401, 403, 400] {
        let (server, address) = Server::start().await;
        server.on(
            &path,
            Answer::new(status, r#"{"errors":[{"code":"DENIED"}]}"#),
        );
        let found = repository(address, false).referrers(&subject(), None).await;
        assert!(found.is_err(), "{status}: {found:?}");
    }
}

#[tokio::test]
async fn an_upload_goes_where_the_registry_says_and_the_grant_only_to_the_registry() {
    let blob = descriptor_of("text/plain", b"content").unwrap();
    let digest = blob.digest().to_string().replace(':', "%3A");
    let basic = "Basic dXNlcjpwbGFudGVk";
    let (server, address) = Server::start().await;
    let (store, store_address) = Server::start().await;
    let other = format!("http://localhost:{}", store_address.port());
    for (location, host) in [
        ("/up?state=1".to_owned(), &server),
        (format!("http://{address}/up?state=1"), &server),
        (format!("{other}/up?state=1"), &store),
    ] {
        let begun = Answer::new(202, "").header("location", location.clone());
        let begun = begun.guarded(basic, r#"Basic realm="r""#.into());
        server.on("POST /v2/app/blobs/uploads/", begun);
        let put = format!("PUT /up?state=1&digest={digest}");
        host.on(&put, Answer::new(201, ""));
        let repository = repository(address, true);
        let content = Bytes::from_static(b"content");
        repository.push_bytes(&blob, content).await.unwrap();
        let sent = host.requests(&put).pop().unwrap();
        let granted = location.starts_with(&other).then_some(None);
        assert_eq!(
            sent.1.as_deref(),
            granted.unwrap_or(Some(basic)),
            "{location}"
        );
    }
}

#[tokio::test]
async fn a_mount_that_is_not_done_is_given_up_and_said() {
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
    server.on(&mount, Answer::new(403, "{}"));
    let refused = repository.mount_blob(&digest, "other").await.unwrap_err();
    assert!(
        matches!(refused, RegistryError::Refused { .. }),
        "{refused}"
    );
}

#[tokio::test]
async fn a_token_for_longer_than_the_clock_counts_is_used() {
    let (server, address) = Server::start().await;
    let digest = manifest(&server, MANIFEST, ("Bearer t", bearer(address)));
    let answer = format!(r#"{{"token":"t","expires_in":{}}}"#, u64::MAX);
    server.on(TOKEN, Answer::new(200, answer));
    let repository = repository(address, true);
    repository.get_manifest(&digest).await.unwrap();
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

/// A registry that refuses HEAD is asked with GET.
#[tokio::test]
async fn a_registry_that_refuses_head_is_asked_for_the_whole() {
    let (server, address) = Server::start().await;
    let blob = descriptor_of("text/plain", b"content").unwrap();
    let blob = blob.digest().to_string();
    let kind = "application/vnd.oci.image.manifest.v1+json";
    for path in [
        "manifests/latest",
        "manifests/none",
        &format!("blobs/{blob}"),
    ] {
        server.on(&format!("HEAD /v2/app/{path}"), Answer::new(405, ""));
    }
    let manifest = Answer::new(200, MANIFEST).header("content-type", kind);
    server.on("GET /v2/app/manifests/latest", manifest);
    server.on(
        &format!("GET /v2/app/blobs/{blob}"),
        Answer::new(200, "content"),
    );
    let repository = repository(address, false);
    let found = repository.head_manifest("latest").await.unwrap().unwrap();
    assert_eq!(found.digest().to_string(), digest_of(MANIFEST));
    assert!(repository.head_manifest("none").await.unwrap().is_none());
    assert!(repository.blob_exists(&blob).await.unwrap());
}

/// A tag that the registry shows a moment later than it took it is waited for.
#[tokio::test]
async fn a_tag_that_is_shown_late_is_waited_for() {
    let (server, address) = Server::start().await;
    let kind = "application/vnd.oci.image.manifest.v1+json";
    let root = descriptor_of(kind, MANIFEST).unwrap();
    let digest = root.digest().to_string();
    for reference in ["1", &digest] {
        let stored = Answer::new(201, "").header("docker-content-digest", &*digest);
        server.on(&format!("PUT /v2/app/manifests/{reference}"), stored);
    }
    server.on("HEAD /v2/app/manifests/1", Answer::new(404, ""));
    let shows = server.clone();
    let shown = Answer::new(200, "")
        .header("content-type", kind)
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

#[tokio::test]
async fn more_referrers_than_anybody_has_are_an_error_and_not_kept() {
    let (server, address) = Server::start().await;
    let path = format!("/v2/app/referrers/{}", subject());
    let one = descriptor_of("text/plain", b"1").unwrap();
    let endless = page(&vec![one; 6_000]).header("link", format!(r#"<{path}>; rel="next""#));
    server.on(&format!("GET {path}"), endless);
    let found = repository(address, false).referrers(&subject(), None).await;
    assert!(found.unwrap_err().to_string().contains("more than 10000"));
    assert_eq!(server.requests("GET").len(), 2);
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
