//! `get`: what is written of a release, and when there is none.

use serde_json::{Value, json};

use crate::{get, is_empty, markers, words};

#[tokio::test]
async fn a_release_is_written_with_its_images() {
    let dir = tempfile::tempdir().unwrap();
    let output = get(markers(), "v1.37.2", Value::Null, dir.path()).await;
    assert!(output.status.success(), "{}", words(&output));
    let read = |name: &str| std::fs::read_to_string(dir.path().join(name)).unwrap();
    assert_eq!(
        (read("version"), read("tag"), read("minor")),
        ("v1.37.2".into(), "v1.37.2".into(), "1.37".into())
    );
    let images: Value = serde_json::from_str(&read("images.json")).unwrap();
    assert_eq!(images["format"], 1);
    for name in [
        "kube-apiserver",
        "kube-controller-manager",
        "kube-scheduler",
        "kube-proxy",
    ] {
        let reference = format!("mirror.test/k8s/{name}:v1.37.2");
        assert_eq!(images["images"][name], reference);
        assert_eq!(read(&format!("images/{name}")), reference);
    }
}

#[tokio::test]
async fn an_older_patch_is_there_while_its_kubeadm_is() {
    let dir = tempfile::tempdir().unwrap();
    let output = get(markers(), "v1.36.4", json!({}), dir.path()).await;
    assert!(output.status.success(), "{}", words(&output));
    let dir = tempfile::tempdir().unwrap();
    let output = get(markers(), "v1.36.3", json!({}), dir.path()).await;
    assert_eq!(output.status.code(), Some(1));
    for says in ["release v1.36.3", "complete the mirror, or run a check"] {
        assert!(words(&output).contains(says), "{}", words(&output));
    }
    assert!(output.stdout.is_empty() && is_empty(dir.path()));
}

/// The version is still the newest of its minor, and the artifact that is asked for is not published any more.
#[tokio::test]
async fn a_release_without_the_artifact_leaves_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let params = json!({"artifact": "bin/linux/amd64/kubelet"});
    let output = get(markers(), "v1.37.2", params, dir.path()).await;
    assert_eq!(output.status.code(), Some(1));
    let says = "does the release have that artifact?";
    assert!(words(&output).contains(says), "{}", words(&output));
    assert!(output.stdout.is_empty() && is_empty(dir.path()));
}
