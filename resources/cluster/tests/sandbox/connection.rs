//! What the source says of the way to the API, and what `debug` shows of it.

use serde_json::{Value, json};

use crate::world::{NEW, World, stderr};

fn check_with(world: &World, key: &str, value: Value) -> Value {
    let mut source = world.source();
    source["version"] = json!(NEW);
    source[key] = value;
    json!({"source": source, "version": null})
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn debug_shows_every_request() {
    let world = World::small().await;
    let shows = |said: &str| {
        let of_nodes = |line: &str| {
            line.starts_with("request: GET https://127.0.0.1:")
                && line.contains("/api/v1/nodes?… 200 ")
                && line.ends_with(" ms")
        };
        said.lines().any(of_nodes)
    };
    for debug in [true, false] {
        let output = world
            .run("check", &check_with(&world, "debug", json!(debug)))
            .await;
        let said = stderr(&output);
        assert!(output.status.success(), "{said}");
        assert_eq!(shows(&said), debug, "{said}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn certificates_beside_a_kubeconfig_are_refused_and_not_passed_over() {
    let world = World::small().await;
    let request = check_with(&world, "ca_certs", json!(["-----BEGIN CERTIFICATE-----"]));
    let output = world.run("check", &request).await;
    assert_eq!(output.status.code(), Some(78), "{}", stderr(&output));
    assert!(stderr(&output).contains("which has its certificates"));
}
