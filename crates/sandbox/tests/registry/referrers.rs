//! What refers to an image, as a registry lists it that has the referrers API.

use serde_json::{Value, json};
use trireme_peers::Registry;
use trireme_sandbox::registry::{Digest, Quirks};

use crate::{
    contract::{Answers, Asked, CONFIG, LAYER, MANIFEST, NAME, assert_same, descriptor, manifest},
    served::{QUIRKS, Served, ask},
};

/// A manifest of a type that says something about an image.
fn referrer(kind: &str, subject: &[u8]) -> Value {
    let mut referrer = manifest(LAYER);
    referrer["subject"] = descriptor(MANIFEST, subject);
    referrer["config"] = descriptor(kind, CONFIG);
    referrer
}

/// The lists before and after something refers to an image, and of one type only.
async fn answers(host: String) -> Answers {
    let mut asked = Asked::new(host);
    asked.push_blob(CONFIG).await;
    asked.push_blob(LAYER).await;
    let image = manifest(LAYER);
    asked.push("an image", "one", &image).await;
    let subject = image.to_string();
    let digest = Digest::of(subject.as_bytes());
    list(&mut asked, "nothing refers to it", &digest, "").await;
    for kind in ["example/signature", "example/report"] {
        let referrer = referrer(kind, subject.as_bytes());
        let digest = Digest::of(referrer.to_string().as_bytes());
        asked
            .push("a referrer", &digest.to_string(), &referrer)
            .await;
    }
    list(&mut asked, "both refer to it", &digest, "").await;
    list(&mut asked, "of one type", &digest, "example/report").await;
    list(
        &mut asked,
        "of what is not there",
        &Digest::of(b"nothing"),
        "",
    )
    .await;
    asked.answers
}

/// Reads a list as clients do: in any order, and what the registry did not filter they filter.
async fn list(asked: &mut Asked, what: &str, digest: &Digest, kind: &str) {
    let mut path = format!("{NAME}/referrers/{digest}");
    if !kind.is_empty() {
        path = format!("{path}?artifactType={kind}");
    }
    let answer = ask(&asked.host, ("GET", &path), &[], b"").await;
    let body: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    let listed = body["manifests"].as_array();
    let mut listed: Vec<_> = listed.into_iter().flatten().cloned().collect();
    if answer.header("oci-filters-applied") != "artifactType" && !kind.is_empty() {
        listed.retain(|descriptor| descriptor["artifactType"] == kind);
    }
    listed.sort_by_key(|descriptor| descriptor["digest"].to_string());
    let told = json!({
        "code": answer.code.as_u16(), "type": answer.header("content-type"),
        "mediaType": body["mediaType"], "manifests": listed,
    });
    asked.answers.push((what.into(), told));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_sandbox_lists_referrers_as_a_registry_that_does() {
    let peer = Registry::referrers().expect("a registry with the referrers API");
    let theirs = answers(peer.host()).await;
    for quirks in [Quirks::default(), QUIRKS] {
        let sandbox = Served::start_with(quirks).await;
        assert_same(&answers(sandbox.host.clone()).await, &theirs);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_referrer_is_acknowledged_and_a_filter_is_said_to_be_applied() {
    let sandbox = Served::start().await;
    let mut asked = Asked::new(sandbox.host.clone());
    asked.push_blob(CONFIG).await;
    asked.push_blob(LAYER).await;
    let subject = Digest::of(b"what may come later");
    let referrer = referrer("example/report", b"what may come later");
    let pushed = asked.push("a referrer", "one", &referrer).await;
    assert_eq!(pushed.header("oci-subject"), subject.to_string());
    let line = format!("GET {NAME}/referrers/{subject}?artifactType=example%2Freport");
    let listed = asked.ask("of one type", &line, &[], b"").await;
    assert_eq!(listed.header("oci-filters-applied"), "artifactType");
}
