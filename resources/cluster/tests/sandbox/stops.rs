//! What stops a roll, what is said about it, and that the same put goes on when it is repaired.

use std::process::Child;

use serde_json::{Value, json};

use crate::world::objects::{daemon_set, static_pod};
use crate::world::{NEW, World, finish, stderr};

fn put(world: &World) -> Value {
    json!({"source": world.source(), "params": {"version": NEW}})
}

/// A put that has started the Job of its first node.
async fn acting(world: &World, request: &Value) -> Child {
    let child = world.spawn("out", request);
    let begun = async |world: &World| !world.jobs().await.is_empty();
    world.wait("a Job", begun).await;
    child
}

fn assert_says(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "{part}: {text}");
    }
}

/// The same put once more: it ends well, and every node is new and takes pods. Returns the evidence.
async fn goes_on(world: &World) -> Value {
    let output = world.run("out", &put(world)).await;
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert_eq!(world.versions().await, [NEW; 2]);
    assert_eq!(world.cordoned().await, [""; 0]);
    assert_eq!(world.jobs().await.len(), 2, "one Job per node");
    let made: Value = serde_json::from_slice(&output.stdout).unwrap();
    let get = json!({"source": world.source(), "version": made["version"]});
    let got = world.run("in", &get).await;
    assert_eq!(got.status.code(), Some(0), "{}", stderr(&got));
    let file = world.dir.path().join("work/roll.json");
    serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_budgets_on_one_pod_are_named_before_any_node_is_changed() {
    let world = World::small().await;
    world.add_second_budget().await;
    let output = world.run("out", &put(&world)).await;
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    let parts = [
        "of Deployment shop/web is selected by more than one PDB (web, web-too)",
        "Make the selectors disjoint, or delete one PDB.",
        "no node was changed",
    ];
    assert_says(&stderr(&output), &parts);
    assert!(output.stdout.is_empty());
    assert_eq!(
        (world.cordoned().await.len(), world.jobs().await.len()),
        (0, 0)
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_act_that_may_not_begin_stops_the_roll_before_any_node_is_changed() {
    let world = World::small().await;
    let role = "/apis/rbac.authorization.k8s.io/v1/namespaces/trireme-system/roles/trireme";
    let without_jobs = json!({"rules": [
        {"apiGroups": ["batch"], "resources": ["jobs"], "verbs": ["list", "watch", "delete"]},
        {"apiGroups": [""], "resources": ["configmaps"], "verbs": ["create", "get", "update"]},
        {"apiGroups": ["coordination.k8s.io"], "resources": ["leases"], "verbs": ["create", "get", "update"]},
    ]});
    world.patch(role, &without_jobs).await;
    let output = world.run("out", &put(&world)).await;
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    let parts = [
        "No node is left cordoned.",
        "node w-b (az-b): the API refused it (cordoning",
        "its Job may not start",
        "cannot create resource \"jobs\"",
    ];
    assert_says(&stderr(&output), &parts);
    assert_eq!(world.cordoned().await, [""; 0]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_budget_that_comes_during_the_roll_stops_it_between_two_nodes() {
    let world = World::small_with_jobs_that_wait().await;
    let child = acting(&world, &put(&world)).await;
    world.add_second_budget().await;
    let ending = world.end_jobs(0);
    let output = finish(child).await;
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    let parts = [
        "node w-a (az-a): pod shop/web-",
        "is selected by more than one PDB (web, web-too)",
        "No node is left cordoned.",
    ];
    assert_says(&stderr(&output), &parts);
    assert_eq!(
        (world.finished().await, world.cordoned().await.len()),
        (1, 0)
    );
    world.remove_budget("web-too").await;
    goes_on(&world).await;
    ending.abort();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_act_that_fails_is_told_with_its_exit_code_and_tried_again_when_repaired() {
    let world = World::small_with_jobs_that_wait().await;
    let broken = world.end_jobs(3);
    let output = world.run("out", &put(&world)).await;
    broken.abort();
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    let parts = [
        "node w-b (az-b): Job trireme-w-b-",
        "BackoffLimitExceeded",
        "container act: exit code 3 (Error)",
        "Left cordoned: w-b.",
    ];
    assert_says(&stderr(&output), &parts);
    assert!(output.stdout.is_empty());
    assert_eq!(world.cordoned().await, ["w-b"]);
    world.next_second().await;
    let repaired = world.end_jobs(0);
    let evidence = goes_on(&world).await;
    repaired.abort();
    // What the first run saw was kept; until the second run nothing was observed.
    let gaps = evidence["unwatched"].as_array().unwrap();
    let (start, stop) = (&evidence["started_at"], &gaps[0]["from"]);
    let first = &evidence["budgets"][0]["samples"][0]["at"];
    assert!(
        time(first) <= time(start) && time(start) < time(stop),
        "{evidence}"
    );
}

fn time(value: &Value) -> jiff::Timestamp {
    value.as_str().unwrap().parse().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_killed_run_saw_is_said_to_be_missing() {
    let world = World::small_with_jobs_that_wait().await;
    let mut child = acting(&world, &put(&world)).await;
    child.kill().unwrap();
    finish(child).await;
    world.shorten_lease().await;
    let ending = world.end_jobs(0);
    let evidence = goes_on(&world).await;
    ending.abort();
    let gap = &evidence["unwatched"][0];
    assert_eq!(gap["from"], evidence["started_at"], "{evidence}");
    let first = &evidence["budgets"][0]["samples"][0]["at"];
    assert_eq!(*first, gap["until"], "{evidence}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_never_becomes_ready_stops_the_roll_until_it_is() {
    let world = World::small_with_jobs_that_wait().await;
    let mut request = put(&world);
    request["source"]["policy"]["node_timeout"] = json!("2s");
    let child = world.spawn("out", &request);
    world
        .wait("a Job", async |world| {
            let active = |job: &k8s_openapi::api::batch::v1::Job| {
                job.status.as_ref().and_then(|status| status.ready) == Some(1)
            };
            world.jobs().await.iter().any(active)
        })
        .await;
    // It is new and not Ready before its Job has ended.
    world.set_ready("w-b", false).await;
    let ending = world.end_jobs(0);
    let output = finish(child).await;
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    let parts = [
        "node w-b (az-b): not back in service 2 s after its Job: node w-b is not Ready",
        "Left cordoned: w-b.",
    ];
    assert_says(&stderr(&output), &parts);
    assert_eq!(world.cordoned().await, ["w-b"]);
    world.set_ready("w-b", true).await;
    goes_on(&world).await;
    ending.abort();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pod_that_is_not_well_on_a_node_that_is_back_holds_the_node_until_it_is() {
    for object in [daemon_set(), static_pod("w-b")] {
        let world = World::small_with_jobs_that_wait().await;
        world.create(&object).await;
        let pod = world.running_pod("w-b", "log").await;
        let mut request = put(&world);
        request["source"]["policy"]["node_timeout"] = json!("2s");
        let child = acting(&world, &request).await;
        world.set_pod_ready(&pod, false).await;
        let ending = world.end_jobs(0);
        let output = finish(child).await;
        assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
        let lack = format!("pods on node w-b are not Ready: shop/{pod}. Left cordoned: w-b.");
        let parts = [
            "node w-b (az-b): not back in service 2 s after its Job: ",
            &lack,
        ];
        assert_says(&stderr(&output), &parts);
        assert_eq!(world.cordoned().await, ["w-b"]);
        assert_eq!(world.finished().await, 0);
        world.set_pod_ready(&pod, true).await;
        goes_on(&world).await;
        ending.abort();
    }
}

/// A DaemonSet without pods: the API refuses them, as their names would be too long.
fn barren() -> Value {
    let mut barren = daemon_set();
    barren["metadata"]["name"] = "a".repeat(253).into();
    barren
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_daemon_set_that_could_not_start_its_pods_before_is_named_and_stops_nothing() {
    let world = World::small().await;
    world.create(&barren()).await;
    let output = world.run("out", &put(&world)).await;
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let parts = [
        "cluster: pods on node w-b are not Ready: DaemonSet shop/aaa",
        "It was so before the roll and does not stop it.",
    ];
    assert_says(&stderr(&output), &parts);
    assert_eq!(world.cordoned().await, [""; 0]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_health_of_nodes_what_was_not_healthy_before_is_waited_for_and_then_stops_the_roll() {
    let world = World::small().await;
    world.create(&barren()).await;
    let mut request = put(&world);
    request["source"]["policy"]["node_timeout"] = json!("1s");
    request["source"]["policy"]["health"] = json!("nodes");
    let output = world.run("out", &request).await;
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    let parts = [
        "cluster: waiting: DaemonSet shop/aaa",
        "has no pod on node w-b (0 of 2 nodes have one)",
        "no node was changed",
    ];
    assert_says(&stderr(&output), &parts);
    assert_eq!(world.cordoned().await, [""; 0]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_on_which_a_pod_of_a_daemon_set_is_missing_is_not_given_back() {
    let world = World::small_with_jobs_that_wait().await;
    let mut request = put(&world);
    request["source"]["policy"]["node_timeout"] = json!("2s");
    let child = acting(&world, &request).await;
    world.create(&barren()).await;
    let ending = world.end_jobs(0);
    let output = finish(child).await;
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    let parts = [
        "node w-b (az-b): not back in service 2 s after its Job: DaemonSet shop/aaa",
        "has no pod on node w-b (0 of 2 nodes have one)",
        "Left cordoned: w-b.",
    ];
    assert_says(&stderr(&output), &parts);
    assert_eq!(world.cordoned().await, ["w-b"]);
    let name = "a".repeat(253);
    let uri = format!("/apis/apps/v1/namespaces/shop/daemonsets/{name}");
    world.delete(&uri).await;
    goes_on(&world).await;
    ending.abort();
}
