//! A roll from its beginning to its end, and what stops it.

use std::time::Duration;

use crate::world::{NEW, OLD, World, finish, stderr, terminate};
use jiff::SignedDuration;
use serde_json::{Value, json};

fn put(world: &World) -> Value {
    json!({"source": world.source(), "params": {"version": NEW}})
}

async fn check(world: &World, version: Value) -> Value {
    let mut source = world.source();
    source["version"] = json!(NEW);
    let output = world
        .run("check", &json!({"source": source, "version": version}))
        .await;
    assert!(output.status.success(), "{}", stderr(&output));
    serde_json::from_slice(&output.stdout).unwrap()
}

async fn all_done(world: &World) {
    assert_eq!(world.versions().await, [NEW; 5]);
    assert_eq!(world.cordoned().await, [""; 0]);
    assert_eq!(world.finished().await, 5);
    assert_eq!(world.jobs().await.len(), 5, "one Job per node");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cluster_is_rolled_and_stays_finished() {
    let world = World::start().await;
    let due = check(&world, Value::Null).await;
    assert_eq!((&due[0]["from"], &due[0]["to"]), (&json!(OLD), &json!(NEW)));
    let output = world.run("out", &put(&world)).await;
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    all_done(&world).await;
    let made: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(made["version"]["blueprint"], due[0]["blueprint"]);
    assert_eq!(
        check(&world, made["version"].clone()).await,
        json!([made["version"]])
    );
    assert_eq!(check(&world, Value::Null).await, json!([made["version"]]));

    let got = world
        .run(
            "in",
            &json!({"source": world.source(), "version": made["version"]}),
        )
        .await;
    assert_eq!(got.status.code(), Some(0), "{}", stderr(&got));
    let read =
        |name: &str| std::fs::read_to_string(world.dir.path().join("work").join(name)).unwrap();
    assert_eq!(read("state"), "done");
    let evidence: Value = serde_json::from_str(&read("roll.json")).unwrap();
    let nodes = evidence["nodes"].as_array().unwrap();
    let order: Vec<_> = nodes
        .iter()
        .map(|node| node["name"].as_str().unwrap())
        .collect();
    assert_eq!(order, ["cp-a", "w-b1", "w-b2", "w-a1", "w-a2"]);
    let samples = evidence["budgets"][0]["samples"].as_array().unwrap();
    assert!(
        samples
            .iter()
            .all(|sample| sample["current"].as_i64() >= sample["desired"].as_i64())
    );

    let again = world.run("out", &put(&world)).await;
    assert_eq!(again.status.code(), Some(0));
    assert!(
        stderr(&again).contains("nothing to do"),
        "{}",
        stderr(&again)
    );
    all_done(&world).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_clock_that_differs_from_the_api_servers_changes_nothing_about_a_roll() {
    for ahead_ms in [-300_000, -6_000, -700, 700, 6_000, 300_000] {
        let ahead = SignedDuration::from_millis(ahead_ms);
        let world = World::small_with_clock_ahead(ahead).await;
        let output = world.run("out", &put(&world)).await;
        let said = format!("{ahead_ms} ms: {}", stderr(&output));
        assert_eq!(output.status.code(), Some(0), "{said}");
        assert_eq!(world.versions().await, [NEW; 2], "{said}");
        assert_eq!(world.jobs().await.len(), 2, "one Job per node: {said}");
        let cordons = said.matches(": cordoning, ").count();
        assert_eq!(cordons, 2, "each node once: {said}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_at_each_kind_of_write_it_goes_on_and_disturbs_no_node_twice() {
    let world = World::start().await;
    for kind in 0..4 {
        let before = world.finished().await;
        let mut child = world.spawn("out", &put(&world));
        world
            .wait("a write", async |world| match kind {
                0 => !world.cordoned().await.is_empty(),
                1 => world.pods_leaving().await,
                2 => world.jobs().await.len() > before,
                _ => world.finished().await > before,
            })
            .await;
        child.kill().unwrap();
        finish(child).await;
    }
    let output = world.run("out", &put(&world)).await;
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    all_done(&world).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn terminated_it_stops_at_a_safe_point_says_so_and_can_go_on() {
    let world = World::start().await;
    let child = world.spawn("out", &put(&world));
    world
        .wait("a cordon", async |world| !world.cordoned().await.is_empty())
        .await;
    terminate(&child);
    let output = finish(child).await;
    assert_eq!(output.status.code(), Some(75), "{}", stderr(&output));
    for name in world.cordoned().await {
        assert!(
            stderr(&output).contains(&name),
            "{name} is not said: {}",
            stderr(&output)
        );
    }
    let output = world.run("out", &put(&world)).await;
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    all_done(&world).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_roller_is_kept_out_and_changes_nothing() {
    let world = World::small_with_jobs_that_wait().await;
    let first = world.spawn("out", &put(&world));
    world
        .wait("a Job", async |world| !world.jobs().await.is_empty())
        .await;
    // It would be a roll of its own.
    let mut second = put(&world);
    second["source"]["policy"]["canary"] = json!(2);
    let output = world.run("out", &second).await;
    let text = stderr(&output);
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(text.contains("another roller is at work"), "{text}");
    assert!(output.stdout.is_empty());
    assert_eq!(world.jobs().await.len(), 1);
    let ending = world.end_jobs(0);
    let first = finish(first).await;
    ending.abort();
    assert_eq!(first.status.code(), Some(0), "{}", stderr(&first));
    assert_eq!(world.versions().await, [NEW; 2]);
    let made: Value = serde_json::from_slice(&first.stdout).unwrap();
    assert_eq!(check(&world, Value::Null).await, json!([made["version"]]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_budget_that_never_allows_is_named_before_any_node_is_changed() {
    let world = World::start().await;
    world.allow_no_eviction(4).await;
    let output = world.run("out", &put(&world)).await;
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    let text = stderr(&output);
    for part in [
        "PDB shop/web of Deployment shop/web never allows an eviction",
        "Raise the replicas",
        "no node was changed",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert!(output.stdout.is_empty());
    assert_eq!(
        (world.cordoned().await.len(), world.jobs().await.len()),
        (0, 0)
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_never_comes_back_stops_the_roll_and_is_named() {
    let mut world = World::start().await;
    world.stop_actor();
    let mut request = put(&world);
    request["source"]["policy"]["node_timeout"] = json!("2s");
    let output = world.run("out", &request).await;
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    assert!(
        stderr(&output).contains("Left cordoned: cp-a."),
        "{}",
        stderr(&output)
    );
    assert_eq!(world.cordoned().await, ["cp-a"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_api_that_goes_away_during_the_drain_is_waited_for() {
    let mut world = World::start().await;
    let child = world.spawn("out", &put(&world));
    world
        .wait("an eviction", async |world| world.pods_leaving().await)
        .await;
    world.restart_api_after(Duration::from_secs(2)).await;
    let output = finish(child).await;
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    all_done(&world).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_api_that_stays_away_ends_the_roll_with_the_cordoned_nodes_named() {
    let mut world = World::start().await;
    let mut request = put(&world);
    request["source"]["policy"]["api_timeout"] = json!("2s");
    let child = world.spawn("out", &request);
    world
        .wait("an eviction", async |world| world.pods_leaving().await)
        .await;
    let away = world.restart_api_after(Duration::from_secs(12));
    let (output, ()) = tokio::join!(finish(child), away);
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    let cordoned = world.cordoned().await;
    assert!(
        stderr(&output).contains(&format!("Left cordoned: {}", cordoned.join(", "))),
        "{}",
        stderr(&output)
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_check_needs_no_right_to_pods() {
    let world = World::start().await;
    let uri = "/apis/rbac.authorization.k8s.io/v1/clusterroles/trireme";
    let rules = json!([
        {"apiGroups": [""], "resources": ["nodes"], "verbs": ["list"]},
        {"apiGroups": ["policy"], "resources": ["poddisruptionbudgets"], "verbs": ["list"]},
    ]);
    world.patch(uri, &json!({"rules": rules})).await;
    assert_eq!(check(&world, Value::Null).await[0]["to"], NEW);
}
