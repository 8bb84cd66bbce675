//! Who is told the password, and who is not.

use std::net::SocketAddr;

use axum::body::Bytes;
use trireme_registry::{descriptor_of, digest_of};

use super::{
    MANIFEST, repository,
    server::{Answer, Server},
};

/// The header that carries the password.
const BASIC: &str = "Basic dXNlcjpwbGFudGVk";

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
async fn a_token_may_have_either_name() {
    for body in [
        r#"{"token":"t0"}"#,
        r#"{"access_token":"t0"}"#,
        r#"{"token":"","access_token":"t0"}"#,
        r#"{"token":null,"access_token":"t0"}"#,
    ] {
        let (server, address) = Server::start().await;
        let digest = manifest(&server, MANIFEST, ("Bearer t0", bearer(address)));
        server.on(TOKEN, Answer::new(200, body));
        let found = repository(address, false).get_manifest(&digest).await;
        assert!(found.is_ok(), "{body}: {found:?}");
    }
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

/// A plain address that is not the registry's own is not asked, and neither is the registry without a token.
#[tokio::test]
async fn a_token_service_at_another_plain_address_is_not_told_the_password() {
    let (server, address) = Server::start().await;
    let (other, other_address) = Server::start().await;
    let digest = manifest(&server, MANIFEST, ("Bearer t", bearer(other_address)));
    other.on(TOKEN, Answer::new(200, r#"{"token":"t"}"#));
    let refused = repository(address, true).get_manifest(&digest).await;
    let words = refused.unwrap_err().to_string();
    assert!(words.contains("token service that is not asked"), "{words}");
    assert!(other.requests("GET").is_empty());
}

/// A registry sends to a storage that asks for a password itself: it is no registry of ours.
#[tokio::test]
async fn a_server_that_the_registry_redirects_to_is_not_told_the_password() {
    for challenge in [r#"Basic realm="r""#.to_owned(), "BEARER".to_owned()] {
        let (server, address) = Server::start().await;
        let (store, store_address) = Server::start().await;
        let challenge = challenge.replace("BEARER", &bearer(store_address));
        let blob = descriptor_of("text/plain", b"content").unwrap();
        let path = format!("GET /v2/app/blobs/{}", blob.digest());
        let elsewhere = format!("http://{store_address}/blob");
        server.on(&path, Answer::new(307, "").header("location", elsewhere));
        store.on(
            "GET /blob",
            Answer::new(200, "content").guarded(BASIC, challenge),
        );
        store.on(TOKEN, Answer::new(200, r#"{"token":"t"}"#));
        let refused = repository(address, true).blob(&blob, 100).await;
        assert!(refused.unwrap_err().to_string().contains("401"));
        assert_eq!(store.requests("GET"), [("GET /blob".to_owned(), None)]);
    }
}

/// `TestTokenServerRedirectSSRF` of go-containerregistry: the metadata of a cloud is not asked for a token.
#[tokio::test]
async fn a_token_service_that_redirects_to_the_metadata_of_a_cloud_is_not_followed() {
    let (server, address) = Server::start().await;
    let digest = manifest(&server, MANIFEST, ("Bearer t", bearer(address)));
    let metadata = "http://169.254.169.254/latest/meta-data/iam/security-credentials/";
    server.on(TOKEN, Answer::new(302, "").header("location", metadata));
    let refused = repository(address, true).get_manifest(&digest).await;
    let refused = format!("{:?}", refused.unwrap_err());
    assert!(
        refused.contains("link-local address, is not followed"),
        "{refused}"
    );
}
