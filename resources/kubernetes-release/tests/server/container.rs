//! The steps in a container with nothing in it: no temporary folder, a read-only root, an unknown user.

use serde_json::json;
use trireme_peers::concourse::bare::answer;

use crate::{serve, with};

const PROGRAM: &str = env!("CARGO_BIN_EXE_trireme-kubernetes-release");

/// There is no `put` that could do anything.
#[tokio::test(flavor = "multi_thread")]
async fn a_release_is_found_and_written_with_an_artifact() {
    let server = serve(with("/v1.36.4/bin/linux/amd64/kubeadm", 200, "program")).await;
    let source = json!({"release_server": server});
    let dir = tempfile::tempdir().unwrap();
    let check = answer(PROGRAM, "check", &json!({"source": source}), dir.path());
    assert_eq!(check, json!([{"version": "v1.37.2", "channel": "stable"}]));
    let version = json!({"version": "v1.36.4", "channel": "stable"});
    let params = json!({"artifact": "bin/linux/amd64/kubeadm"});
    let request = json!({"source": source, "version": version, "params": params});
    let get = answer(PROGRAM, "in", &request, dir.path());
    assert_eq!(get["version"], version);
    let read = |name: &str| std::fs::read_to_string(dir.path().join(name)).unwrap();
    assert_eq!(
        (read("version"), read("artifact/kubeadm")),
        ("v1.36.4".into(), "program".into())
    );
}
