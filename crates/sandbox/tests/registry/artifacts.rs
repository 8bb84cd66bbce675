//! Artifacts of a few files: ours in the sandbox's and in real registries, and `oras` and `crane` in both directions.

use std::fs;

use bytes::Bytes;
use serde_json::Value;
use trireme_peers::Registry;
use trireme_registry::{ArtifactFile, Credentials, Repository};
use trireme_transport::{Client, Options};

use crate::served::{PASSWORD, Served, USERNAME};
use crate::tools::Desk;

const TYPE: &str = "application/vnd.example.report.v1";
const LIMIT_BYTES: u64 = 1 << 20;

fn repository(host: &str, path: &str) -> Repository {
    let client = Client::new(Options::default()).expect("a client");
    let name = format!("{host}/{path}").parse().expect("a name");
    let credentials = Credentials {
        username: USERNAME.into(),
        password: PASSWORD.into(),
    };
    Repository::new(client, name, Some(credentials), false, |_| {})
}

fn files() -> Vec<ArtifactFile> {
    let file = |name: &str, media_type: &str, bytes: Bytes| ArtifactFile {
        name: name.into(),
        media_type: media_type.into(),
        bytes,
    };
    vec![
        file("roll.json", "application/json", "{\"format\": 2}\n".into()),
        file("report.html", "text/html", "<!DOCTYPE html>".into()),
        file("empty", "application/octet-stream", Bytes::new()),
    ]
}

/// Stores the files under tags, again, and changed; each is found by digest and by tag.
async fn comes_back_as_it_went(host: &str) {
    let repository = repository(host, "team/evidence");
    let absent = repository.pull_artifact("roll-1", TYPE, LIMIT_BYTES).await;
    assert!(absent.unwrap_err().is_not_found());
    let mut all = files();
    let push = repository.push_artifact(TYPE, &all, &["roll-1", "latest"]);
    let first = push.await.unwrap();
    let digest = first.digest().to_string();
    for reference in [digest.as_str(), "roll-1", "latest"] {
        let pull = repository.pull_artifact(reference, TYPE, LIMIT_BYTES).await;
        assert_eq!(pull.unwrap(), (first.clone(), all.clone()), "{reference}");
    }
    // Nothing in it depends on the time.
    let again = repository.push_artifact(TYPE, &all, &["roll-1"]);
    assert_eq!(again.await.unwrap(), first);
    all.truncate(1);
    let second = repository.push_artifact(TYPE, &all, &["latest"]);
    let second = second.await.unwrap();
    for (reference, expected) in [("latest", &second), ("roll-1", &first)] {
        let pulled = repository.pull_artifact(reference, TYPE, LIMIT_BYTES).await;
        assert_eq!(&pulled.unwrap().0, expected, "{reference}");
    }
    // Without a tag it is found by its digest.
    let untagged = repository.push_artifact("application/vnd.example.other", &all, &[]);
    let untagged = untagged.await.unwrap().digest().to_string();
    let other = repository.pull_artifact(&untagged, TYPE, LIMIT_BYTES).await;
    assert!(other.is_err(), "of another type");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_artifact_comes_back_as_it_went_from_the_sandbox_and_from_real_registries() {
    let sandbox = Served::start().await;
    comes_back_as_it_went(&sandbox.host).await;
    let distribution = Registry::distribution().expect("the distribution registry");
    comes_back_as_it_went(&distribution.host()).await;
    let referrers = Registry::referrers().expect("a registry with the referrers API");
    comes_back_as_it_went(&referrers.host()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn oras_and_crane_read_an_artifact_of_ours() {
    let desk = Desk::new().await;
    let repository = repository(&desk.registry.host, "team/evidence");
    let all = files();
    let push = repository.push_artifact(TYPE, &all, &["roll-1"]);
    let digest = push.await.unwrap().digest().to_string();
    let name = desk.name("team/evidence:roll-1");
    desk.run(&format!("oras pull --plain-http -o out {name}"))
        .await;
    for file in &all {
        let pulled = fs::read(desk.folder.path().join("out").join(&file.name));
        assert_eq!(pulled.expect("the file"), file.bytes, "{}", file.name);
    }
    assert_eq!(desk.run(&format!("crane digest {name}")).await, digest);
    desk.run(&format!("crane validate --fast --remote {name}"))
        .await;
    let manifest = desk.run(&format!("crane manifest {name}")).await;
    let manifest: Value = serde_json::from_str(&manifest).expect("JSON");
    assert_eq!(manifest["artifactType"], TYPE);
    let copy = desk.name("team/copy:roll-1");
    desk.run(&format!("crane copy {name} {copy}")).await;
    assert_eq!(desk.run(&format!("crane digest {copy}")).await, digest);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_artifact_of_oras_is_read_by_us() {
    let desk = Desk::new().await;
    let name = desk.name("team/evidence:theirs");
    desk.run(&format!(
        "oras push --plain-http --artifact-type {TYPE} {name} file:text/plain"
    ))
    .await;
    let repository = repository(&desk.registry.host, "team/evidence");
    let pulled = repository.pull_artifact("theirs", TYPE, LIMIT_BYTES).await;
    let file = ArtifactFile {
        name: "file".into(),
        media_type: "text/plain".into(),
        bytes: "content".into(),
    };
    assert_eq!(pulled.unwrap().1, [file]);
}
