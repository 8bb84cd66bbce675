//! The three steps in a container with nothing in it: no temporary folder, a read-only root, an unknown user.

use serde_json::json;
use tokio::task::block_in_place;
use trireme_peers::concourse::bare::answer;

use crate::world::{NEW, World};

const PROGRAM: &str = env!("CARGO_BIN_EXE_trireme-cluster");

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cluster_is_rolled() {
    let world = World::small().await;
    let folder = || tempfile::tempdir().unwrap();
    let call = |step: &str, request: &serde_json::Value, dir: &std::path::Path| {
        block_in_place(|| answer(PROGRAM, step, request, dir))
    };
    let put = json!({"source": world.source(), "params": {"version": NEW}});
    let put = call("out", &put, folder().path());
    assert!(world.versions().await.iter().all(|version| version == NEW));
    let request = json!({"source": world.source(), "version": put["version"]});
    let check = call("check", &request, folder().path());
    assert_eq!(check, json!([put["version"]]));
    let dir = folder();
    let get = call("in", &request, dir.path());
    assert_eq!(get["version"], put["version"]);
    let state = std::fs::read_to_string(dir.path().join("state")).unwrap();
    assert_eq!(state, "done");
}
