//! However a put ends, what it says of cordoned nodes is true, and what it cannot know it says it does not know.

use std::io::{BufRead, BufReader, Read};
use std::process::Output;

use k8s_openapi::api::coordination::v1::Lease;
use kube::Api;
use kube::api::{Patch, PatchParams};
use serde_json::{Value, json};
use tokio::task::JoinHandle;

use crate::proxy::{At, Proxy, Strike, Weather};
use crate::world::{NEW, World, finish, stderr, terminate};

fn put(proxy: &Proxy) -> Value {
    let (server, token) = proxy.server();
    json!({
        "source": {
            "server": server, "token": token,
            "act": {"image": "registry.example/node-act:1"},
        },
        "params": {"version": NEW},
    })
}

async fn before(world: &World) -> Proxy {
    Proxy::start(&world.kubeconfig).await
}

/// The put is struck at its first cordon and gets SIGTERM then.
async fn terminated_at_the_cordon(how: Strike, then: Weather) -> (World, Output) {
    let world = World::small().await;
    let proxy = before(&world).await;
    proxy.strike(At::First("cordon"), how, then);
    let child = world.spawn("out", &put(&proxy));
    let struck = async |_: &World| proxy.writes().iter().any(|write| write.kind == "cordon");
    world.wait("the cordon", struck).await;
    terminate(&child);
    let output = finish(child).await;
    (world, output)
}

const PERHAPS: &str = "w-a may still be cordoned: its last update was not confirmed.";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn terminated_at_a_cordon_without_answer_it_says_that_the_node_may_be_cordoned() {
    for (how, then) in [
        (Strike::Before, Weather::Fair),
        (Strike::Before, Weather::Silent),
    ] {
        let (_world, output) = terminated_at_the_cordon(how, then).await;
        let said = stderr(&output);
        assert_eq!(output.status.code(), Some(75), "{how:?}, {then:?}: {said}");
        assert!(said.contains(PERHAPS), "{how:?}, {then:?}: {said}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn terminated_at_a_cordon_that_its_watch_shows_it_names_the_node_for_certain() {
    for (how, then) in [
        (Strike::After, Weather::Fair),
        (Strike::After, Weather::Silent),
        (Strike::Answered, Weather::Silent),
    ] {
        let (world, output) = terminated_at_the_cordon(how, then).await;
        let said = stderr(&output);
        assert_eq!(output.status.code(), Some(75), "{how:?}, {then:?}: {said}");
        let certain = ". Left cordoned: w-a.\n";
        assert!(said.contains(certain), "{how:?}, {then:?}: {said}");
        assert_eq!(world.cordoned().await, ["w-a"]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_api_that_goes_away_right_after_a_cordon_leaves_a_node_that_is_named() {
    let world = World::small().await;
    let proxy = before(&world).await;
    proxy.strike(At::First("cordon"), Strike::Answered, Weather::Away);
    let mut request = put(&proxy);
    request["source"]["policy"] = json!({"api_timeout": "1s"});
    let output = world.run("out", &request).await;
    let said = stderr(&output);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains(". Left cordoned: w-a.\n"), "{said}");
    assert_eq!(world.cordoned().await, ["w-a"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn terminated_while_the_api_hangs_it_names_the_node_that_it_knows_of() {
    let world = World::small_with_jobs_that_wait().await;
    let proxy = before(&world).await;
    let child = world.spawn("out", &put(&proxy));
    world
        .wait("a Job", async |world| !world.jobs().await.is_empty())
        .await;
    proxy.set(Weather::Silent);
    world
        .wait("a request", async |_| proxy.has_kept_back())
        .await;
    terminate(&child);
    let output = finish(child).await;
    let said = stderr(&output);
    assert_eq!(output.status.code(), Some(75), "{said}");
    assert!(said.contains(". Left cordoned: w-a.\n"), "{said}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn terminated_before_any_answer_it_says_that_it_does_not_know() {
    let world = World::small().await;
    let proxy = before(&world).await;
    proxy.set(Weather::Silent);
    let child = world.spawn("out", &put(&proxy));
    world
        .wait("a request", async |_| proxy.has_kept_back())
        .await;
    terminate(&child);
    let output = finish(child).await;
    let said = stderr(&output);
    assert_eq!(output.status.code(), Some(75), "{said}");
    let unknown = "it is not known whether an earlier roll left a node cordoned";
    assert!(said.contains(unknown), "{said}");
}

/// A world in which a put was killed right after its first cordon.
async fn with_a_cordon_of_a_killed_put() -> World {
    let world = World::small().await;
    let proxy = before(&world).await;
    proxy.strike(At::First("cordon"), Strike::After, Weather::Silent);
    let mut child = world.spawn("out", &put(&proxy));
    world
        .wait("the cordon", async |world| {
            !world.cordoned().await.is_empty()
        })
        .await;
    child.kill().unwrap();
    finish(child).await;
    world.shorten_lease().await;
    world
}

/// Another roller has the Lease.
async fn claim(world: &World, spec: &Value) {
    let leases: Api<Lease> = Api::namespaced(world.admin.clone(), "trireme-system");
    let patch = Patch::Merge(json!({"spec": spec}));
    let params = PatchParams::default();
    let claimed = leases.patch("trireme-roller", &params, &patch).await;
    claimed.unwrap();
}

/// Another roller that is alive.
async fn take_the_lease(world: &World) -> JoinHandle<()> {
    let leases: Api<Lease> = Api::namespaced(world.admin.clone(), "trireme-system");
    claim(world, &json!({"holderIdentity": "another"})).await;
    let params = PatchParams::default();
    tokio::spawn(async move {
        for count in 1.. {
            let renewal = Patch::Merge(json!({"spec": {"leaseTransitions": count}}));
            let renewed = leases.patch("trireme-roller", &params, &renewal).await;
            renewed.unwrap();
            tokio::task::yield_now().await;
        }
    })
}

const CORDONED: &str = "cluster: cordoned by a roll that has not ended: w-a;";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_put_that_cannot_begin_names_what_a_killed_one_left_cordoned() {
    let world = with_a_cordon_of_a_killed_put().await;
    let request = |key: &str, value: Value| {
        let mut request = json!({"source": world.source(), "params": {"version": NEW}});
        *request.pointer_mut(key).unwrap() = value;
        request
    };
    let scan = world.dir.path().join("work/scan");
    std::fs::create_dir_all(&scan).unwrap();
    let digest = format!("sha256:{}", "ab".repeat(32));
    let denied = json!({"format": 1, "digest": digest, "verdict": "deny"});
    std::fs::write(scan.join("verdict.json"), denied.to_string()).unwrap();
    let image = format!("registry.example/node-act@{digest}");
    let params = json!({"version": NEW, "verdicts": ["scan"]});
    let mut unproven = request("/params", params);
    unproven["source"]["act"]["image"] = json!(image);
    for (what, code, request) in [
        ("a denied image", 2, unproven),
        (
            "two versions",
            78,
            request(
                "/params",
                json!({"version": NEW, "version_file": "version"}),
            ),
        ),
        ("no act", 78, request("/source/act", Value::Null)),
        (
            "no file",
            1,
            request("/params", json!({"version_file": "release/version"})),
        ),
    ] {
        let output = world.run("out", &request).await;
        let said = stderr(&output);
        assert_eq!(output.status.code(), Some(code), "{what}: {said}");
        assert!(said.contains(CORDONED), "{what}: {said}");
    }
    let other = take_the_lease(&world).await;
    let output = world
        .run("out", &request("/params/version", json!(NEW)))
        .await;
    other.abort();
    let said = stderr(&output);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("another roller is at work"), "{said}");
    assert!(said.contains(CORDONED), "{said}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn terminated_while_it_watches_another_roller_it_ends_and_leaves_the_lease_alone() {
    let world = with_a_cordon_of_a_killed_put().await;
    let dead = json!({"holderIdentity": "another", "leaseDurationSeconds": 50});
    claim(&world, &dead).await;
    let request = json!({"source": world.source(), "params": {"version": NEW}});
    let mut child = world.spawn("out", &request);
    let mut stderr = BufReader::new(child.stderr.take().unwrap());
    let mut said = String::new();
    while !said.contains("held by another; watching") {
        assert_ne!(stderr.read_line(&mut said).unwrap(), 0, "{said}");
    }
    terminate(&child);
    stderr.read_to_string(&mut said).unwrap();
    let status = child.wait().unwrap();
    assert_eq!(status.code(), Some(75), "{said}");
    assert!(
        said.contains("interrupted; run the same put again"),
        "{said}"
    );
    assert!(said.contains(CORDONED), "{said}");
    assert!(world.is_held().await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_put_that_cannot_begin_says_nothing_of_cordons_where_there_are_none() {
    let world = World::small().await;
    let request = json!({"source": world.source(), "params": {}});
    let output = world.run("out", &request).await;
    assert_eq!(output.status.code(), Some(78), "{}", stderr(&output));
    assert!(!stderr(&output).contains("cordoned"), "{}", stderr(&output));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_of_a_killed_put_whose_pods_can_never_go_is_given_back_and_nothing_is_left() {
    let world = with_a_cordon_of_a_killed_put().await;
    world.allow_no_eviction(2).await;
    let mut request = json!({"source": world.source(), "params": {"version": NEW}});
    request["source"]["policy"]["drain_timeout"] = json!("1s");
    let output = world.run("out", &request).await;
    let said = stderr(&output);
    assert_eq!(output.status.code(), Some(1), "{said}");
    for part in [
        "node w-a (az-a): not empty after 1 s; still there: shop/web-",
        ". No node is left cordoned.",
    ] {
        assert!(said.contains(part), "{part}: {said}");
    }
    assert_eq!(world.cordoned().await, [""; 0]);
}
