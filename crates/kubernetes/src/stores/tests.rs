use serde_json::json;
use tokio::time::Instant;

use super::*;
use crate::fake::{BUDGETS, DAEMON_SETS, Fake, JOBS, KINDS, NODES, PODS, Watches, node, pod};

const SECOND: Duration = Duration::from_secs(1);

fn server() -> Version {
    Version::new(1, 37, 2)
}

/// A cluster of one node with one pod, and its stores.
fn small() -> (Fake, Stores) {
    let fake = Fake::new();
    fake.has(NODES, &[node("w-1", "v1.36.4", &json!({}))]);
    fake.has(PODS, &[pod("web-1", "w-1")]);
    let stores = Stores::new(&fake.cluster());
    (fake, stores)
}

/// Waits until the inventory is as `condition` says.
async fn until(stores: &Stores, condition: impl Fn(&Result<Inventory, Error>) -> bool) {
    for _ in 0..1000 {
        if condition(&stores.inventory(server())) {
            return;
        }
        stores.changed(SECOND).await;
    }
    panic!("it does not come");
}

async fn known(stores: &Stores) {
    until(stores, Result::is_ok).await;
}

/// Waits until `fake` has been asked what `condition` says, and gives all that it was asked.
async fn asked(
    fake: &Fake,
    condition: impl Fn(&crate::fake::Asked) -> bool,
) -> Vec<crate::fake::Asked> {
    let mut all = Vec::new();
    for _ in 0..1000 {
        all.extend(fake.asked());
        if all.iter().any(&condition) {
            return all;
        }
        tokio::time::sleep(SECOND / 10).await;
    }
    panic!("it is not asked");
}

fn names(inventory: &Inventory) -> Vec<String> {
    let pods = inventory.pods.values().flatten();
    pods.map(|pod| pod.name.clone()).collect()
}

#[tokio::test(start_paused = true)]
async fn every_kind_is_listed_page_by_page_and_watched_once() {
    let fake = Fake::new();
    fake.has(NODES, &[node("w-1", "v1.36.4", &json!({}))]);
    let pods: Vec<_> = (0..1201)
        .map(|at| pod(&format!("web-{at}"), "w-1"))
        .collect();
    fake.has(PODS, &pods);
    let stores = Stores::new(&fake.cluster());
    known(&stores).await;
    assert_eq!(stores.inventory(server()).unwrap().pods["w-1"].len(), 1201);
    stores.changed(SECOND * 30).await;
    stores.changed(SECOND * 20).await;
    let asked = fake.asked();
    for path in KINDS {
        let of_kind = || asked.iter().filter(|asked| asked.path == path);
        let lists = of_kind().filter(|asked| !asked.is_watch()).count();
        assert_eq!(lists, if path == PODS { 3 } else { 1 }, "{path}");
        let watches: Vec<_> = of_kind().filter(|asked| asked.is_watch()).collect();
        assert_eq!(watches.len(), 1, "{path}");
        assert_eq!(watches[0].parameter("resourceVersion").unwrap(), "100");
        assert_eq!(watches[0].parameter("timeoutSeconds").unwrap(), "60");
        let selector = watches[0].parameter("labelSelector");
        assert_eq!(selector.is_some(), path == JOBS, "{path}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_watch_that_ends_is_resumed_where_it_was() {
    let (fake, stores) = small();
    known(&stores).await;
    asked(&fake, |asked| asked.path == PODS && asked.is_watch()).await;
    let mut second = pod("web-2", "w-1");
    second["metadata"]["resourceVersion"] = json!("207");
    fake.send(PODS, "ADDED", &second);
    until(&stores, |now| {
        now.as_ref().is_ok_and(|now| names(now).len() == 2)
    })
    .await;
    fake.end(PODS);
    let asked = asked(&fake, |asked| asked.path == PODS && asked.is_watch()).await;
    let of_pods: Vec<_> = asked.iter().filter(|asked| asked.path == PODS).collect();
    assert_eq!(of_pods.len(), 1, "{of_pods:?}");
    assert_eq!(of_pods[0].parameter("resourceVersion").unwrap(), "207");
    assert_eq!(
        names(&stores.inventory(server()).unwrap()),
        ["web-1", "web-2"]
    );
}

#[tokio::test(start_paused = true)]
async fn a_version_that_has_expired_is_listed_anew_and_unknown_until_then() {
    let (fake, stores) = small();
    known(&stores).await;
    asked(&fake, |asked| asked.path == PODS && asked.is_watch()).await;
    fake.has(PODS, &[pod("web-9", "w-1")]);
    let gone = json!({"kind": "Status", "code": 410, "reason": "Expired", "message": "too old resource version"});
    fake.send(PODS, "ERROR", &gone);
    until(&stores, |now| {
        now.as_ref().is_ok_and(|now| names(now) == ["web-9"])
    })
    .await;
    let lists = fake.asked().into_iter();
    let lists = lists.filter(|asked| asked.path == PODS && !asked.is_watch());
    assert_eq!(lists.count(), 1);
}

#[tokio::test(start_paused = true)]
async fn nothing_is_known_before_every_kind_is_listed() {
    let fake = Fake::new();
    fake.has(DAEMON_SETS, &[json!({"metadata": {"namespace": 7}})]);
    let stores = Stores::new(&fake.cluster());
    stores.changed(SECOND).await;
    assert!(stores.nodes().is_ok());
    let error = stores.inventory(server()).unwrap_err();
    assert!(error.may_pass(), "{error}");
    assert!(error.to_string().contains("DaemonSets"), "{error}");
    fake.has(DAEMON_SETS, &[]);
    known(&stores).await;
}

#[tokio::test(start_paused = true)]
async fn a_watch_that_is_broken_for_long_is_unknown_and_recovers() {
    let (fake, stores) = small();
    known(&stores).await;
    asked(&fake, |asked| asked.path == BUDGETS && asked.is_watch()).await;
    fake.watches(BUDGETS, Watches::Refused(503));
    fake.end(BUDGETS);
    let begun = Instant::now();
    until(&stores, Result::is_err).await;
    // By the paused clock.
    assert!(
        (10..16).contains(&begun.elapsed().as_secs()),
        "{:?}",
        begun.elapsed()
    );
    let error = stores.inventory(server()).unwrap_err();
    assert!(error.may_pass());
    for part in [
        "the state of PodDisruptionBudgets",
        "watch PodDisruptionBudgets",
        "503",
    ] {
        assert!(error.to_string().contains(part), "{part}: {error}");
    }
    fake.watches(BUDGETS, Watches::Work);
    known(&stores).await;
}

#[tokio::test(start_paused = true)]
async fn a_right_that_is_missing_is_named() {
    let fake = Fake::new();
    fake.watches(DAEMON_SETS, Watches::Refused(403));
    let stores = Stores::new(&fake.cluster());
    let lasting =
        |now: &Result<Inventory, Error>| now.as_ref().is_err_and(|error| !error.may_pass());
    until(&stores, lasting).await;
    let error = stores.inventory(server()).unwrap_err().to_string();
    assert!(
        error.starts_with("Cannot watch DaemonSets: the API answered 403"),
        "{error}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_watch_that_says_nothing_for_long_is_unknown() {
    let (fake, stores) = small();
    known(&stores).await;
    let begun = Instant::now();
    asked(&fake, |asked| asked.path == NODES && asked.is_watch()).await;
    fake.watches(NODES, Watches::Silent);
    until(&stores, Result::is_err).await;
    assert!(
        (74..80).contains(&begun.elapsed().as_secs()),
        "{:?}",
        begun.elapsed()
    );
    let error = stores.inventory(server()).unwrap_err().to_string();
    assert!(
        error.contains("the state of nodes") && error.contains("sent nothing"),
        "{error}"
    );
    fake.watches(NODES, Watches::Work);
    known(&stores).await;
}

#[tokio::test(start_paused = true)]
async fn quiet_watches_stay_known() {
    let (fake, stores) = small();
    known(&stores).await;
    for _ in 0..300 {
        stores.changed(SECOND).await;
        assert!(stores.inventory(server()).is_ok());
    }
    // This server does not end them; the client begins each anew after 65 s.
    let watches = fake.asked().into_iter().filter(|asked| asked.is_watch());
    let count = watches.count();
    assert!((20..40).contains(&count), "{count}");
}

#[tokio::test(start_paused = true)]
async fn a_server_that_ends_every_watch_at_once_is_not_flooded() {
    let fake = Fake::new();
    fake.watches(NODES, Watches::EndAtOnce);
    let stores = Stores::new(&fake.cluster());
    tokio::time::sleep(SECOND * 20).await;
    let watches = fake.asked().into_iter();
    let count = watches
        .filter(|asked| asked.path == NODES && asked.is_watch())
        .count();
    assert!((15..22).contains(&count), "{count}");
    drop(stores);
}

#[tokio::test(start_paused = true)]
async fn only_what_matters_of_a_change_wakes() {
    let (fake, stores) = small();
    known(&stores).await;
    asked(&fake, |asked| asked.path == PODS && asked.is_watch()).await;
    while fake.asked().iter().any(|asked| asked.is_watch()) {
        stores.changed(SECOND).await;
    }
    stores.changed(SECOND).await;
    let longest = SECOND * 5;
    let mut changed = pod("web-1", "w-1");
    changed["metadata"]["resourceVersion"] = json!("208");
    changed["status"]["message"] = json!("of no interest");
    fake.send(PODS, "MODIFIED", &changed);
    let mut heartbeat = node("w-1", "v1.36.4", &json!({}));
    heartbeat["metadata"]["resourceVersion"] = json!("209");
    fake.send(NODES, "MODIFIED", &heartbeat);
    let begun = Instant::now();
    stores.changed(longest).await;
    assert_eq!(begun.elapsed(), longest);
    // A write to the node needs its version.
    assert_eq!(stores.nodes().unwrap()["w-1"].resource_version, "209");
    changed["status"]["conditions"][0]["status"] = json!("False");
    fake.send(PODS, "MODIFIED", &changed);
    let begun = Instant::now();
    stores.changed(longest).await;
    assert_eq!(begun.elapsed(), DEBOUNCE);
}

#[tokio::test(start_paused = true)]
async fn a_node_that_cannot_be_read_is_named() {
    let fake = Fake::new();
    let broken = json!({crate::names::ROLL: "{"});
    fake.has(NODES, &[node("w-1", "v1.36.4", &broken)]);
    let stores = Stores::new(&fake.cluster());
    let lasting =
        |now: &Result<Inventory, Error>| now.as_ref().is_err_and(|error| !error.may_pass());
    until(&stores, lasting).await;
    let error = stores.inventory(server()).unwrap_err().to_string();
    assert!(
        error.starts_with("annotation trireme.dev/roll of node w-1"),
        "{error}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_node_that_has_not_reported_yet_is_waited_for() {
    let fake = Fake::new();
    fake.has(NODES, &[node("w-1", "", &json!({}))]);
    let stores = Stores::new(&fake.cluster());
    until(&stores, |_| {
        stores
            .nodes()
            .is_err_and(|error| error.to_string().contains("w-1"))
    })
    .await;
    assert!(stores.inventory(server()).unwrap_err().may_pass());
    asked(&fake, |asked| asked.path == NODES && asked.is_watch()).await;
    fake.send(NODES, "MODIFIED", &node("w-1", "v1.36.4", &json!({})));
    known(&stores).await;
}
