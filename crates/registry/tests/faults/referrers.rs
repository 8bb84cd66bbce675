//! What refers to an image, from registries that list it badly.

use trireme_registry::{Descriptor, descriptor_of, digest_of};

use super::{
    repository,
    server::{Answer, Server},
};

const INDEX: &str = "application/vnd.oci.image.index.v1+json";

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

/// GitLab takes the fallback tag `sha256-HEX` for the digest `sha256:HEX`; others may have an image there.
#[tokio::test]
async fn what_is_at_the_fallback_tag_and_is_no_list_is_left_alone() {
    let image = |platform: &str| {
        let child = format!(
            r#"{{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"{}","size":1{platform}}}"#,
            digest_of(b"child")
        );
        format!(r#"{{"schemaVersion":2,"mediaType":"{INDEX}","manifests":[{child}]}}"#)
    };
    let platforms = image(r#","platform":{"os":"linux","architecture":"amd64"}"#);
    let own = digest_of(platforms.as_bytes());
    let manifest =
        r#"{"schemaVersion":2,"layers":[],"config":{"mediaType":"c","digest":"DIGEST","size":1}}"#;
    let manifest = manifest.replace("DIGEST", &subject());
    let referrer = |subject: &str| {
        let config = descriptor_of("application/vnd.oci.empty.v1+json", b"{}").unwrap();
        let subject = serde_json::json!({"mediaType": INDEX, "digest": subject, "size": 1});
        let manifest = serde_json::json!({"schemaVersion": 2, "artifactType": "a/b", "config": config, "layers": [], "subject": subject});
        serde_json::from_value::<trireme_registry::ImageManifest>(manifest).unwrap()
    };
    for (subject, at_tag, is_the_image_itself) in [
        (&own, platforms.clone(), true),
        (&subject(), platforms.clone(), false),
        (&subject(), manifest, false),
    ] {
        let (server, address) = Server::start().await;
        let tag = subject.replace(':', "-");
        let kind = match at_tag.contains("manifests") {
            true => INDEX,
            false => "application/vnd.oci.image.manifest.v1+json",
        };
        let found = Answer::new(200, at_tag).header("content-type", kind);
        server.on(&format!("GET /v2/app/manifests/{tag}"), found);
        server.on(
            &format!("PUT /v2/app/manifests/{tag}"),
            Answer::new(201, ""),
        );
        let referrer = referrer(subject);
        let bytes = serde_json::to_vec(&referrer).unwrap();
        let stored = format!("PUT /v2/app/manifests/{}", digest_of(&bytes));
        server.on(&stored, Answer::new(201, ""));
        let repository = repository(address, false);
        let listed = repository.referrers(subject, None).await.unwrap();
        assert!(listed.is_empty(), "{listed:?}");
        let pushed = repository
            .push_referrer(&referrer)
            .await
            .unwrap_err()
            .to_string();
        let written = server
            .requests(&format!("PUT /v2/app/manifests/{tag}"))
            .len();
        let (words, wanted) = match is_the_image_itself {
            // The server of this test goes on to show the image.
            true => ("other writers keep replacing it", 5),
            false => ("remove the tag", 0),
        };
        assert!(pushed.contains(words) && pushed.contains(&tag), "{pushed}");
        assert_eq!(written, wanted, "{pushed}");
    }
}
