//! Creating, changing, deleting, listing and watching.

use futures_util::TryStreamExt;
use k8s_openapi::api::core::v1::ConfigMap;
use kube::{
    Api,
    api::{ListParams, WatchEvent, WatchParams},
};
use serde_json::{Value, json};

use trireme_sandbox::kubernetes::Api as Server;

use crate::world::{Caller, World, options};

const MAPS: &str = "/api/v1/namespaces/shop/configmaps";

fn map(name: &str) -> Value {
    json!({"metadata": {"name": name}, "data": {"a": "1"}})
}

#[tokio::test]
async fn a_stale_write_is_a_conflict_and_an_equal_one_changes_nothing() {
    let world = World::start().await;
    let created = world.admin.ok("POST", MAPS, map("one")).await;
    let path = format!("{MAPS}/one");
    let same = world.admin.ok("PUT", &path, created.clone()).await;
    assert_eq!(same, created);
    world.admin.merge(&path, json!({"data": {"a": "2"}})).await;
    let (code, answer) = world.admin.call("PUT", &path, created).await;
    assert_eq!((code, &answer["reason"]), (409, &json!("Conflict")));
    let message = "Operation cannot be fulfilled on configmaps \"one\": the object has been modified; please apply your changes to the latest version and try again";
    assert_eq!(answer["message"], message);
}

#[rustfmt::skip]
#[tokio::test]
async fn refusals_have_the_codes_and_reasons_of_the_real_server() {
    let world = World::start().await;
    world.admin.ok("POST", MAPS, map("one")).await;
    let big = json!({"metadata": {"name": "big"}, "data": {"a": "x".repeat(3 << 20)}});
    for (method, path, body, code, reason) in [
        ("POST", MAPS, map("one"), 409, "AlreadyExists"),
        ("GET", "/api/v1/namespaces/shop/configmaps/two", Value::Null, 404, "NotFound"),
        ("POST", MAPS, map("Wrong_Name"), 422, "Invalid"),
        ("POST", MAPS, json!({"metadata": {}}), 422, "Invalid"),
        ("POST", MAPS, json!({"metadata": {"name": "x"}, "data": 7}), 400, "BadRequest"),
        ("POST", MAPS, json!({"kind": "Secret", "metadata": {"name": "x"}}), 400, "BadRequest"),
        ("POST", "/api/v1/namespaces/none/configmaps", map("x"), 404, "NotFound"),
        ("POST", "/api/v1/namespaces/shop/replicationcontrollers", map("x"), 404, "NotFound"),
        ("POST", "/api/v1/namespaces/shop/configmaps/one", map("x"), 405, "MethodNotAllowed"),
        ("POST", MAPS, big, 413, "RequestEntityTooLarge"),
        ("GET", "/api/v1/namespaces/shop/pods?fieldSelector=spec.color%3Dred", Value::Null, 400, "BadRequest"),
    ] {
        let (found, answer) = world.admin.call(method, path, body).await;
        assert_eq!(
            (found, answer["reason"].as_str().unwrap_or_default()),
            (code, reason),
            "{method} {path}: {answer}"
        );
        assert_eq!(answer["kind"], "Status");
    }
}

#[tokio::test]
async fn the_status_is_written_apart_from_the_rest() {
    let world = World::with_web(1).await;
    let web = "/apis/apps/v1/namespaces/shop/deployments/web";
    let before = world.admin.get(web).await;
    let patch = json!({"metadata": {"labels": {"x": "y"}}, "status": {"collisionCount": 5}});
    let after = world.admin.merge(web, patch).await;
    assert_eq!(after["status"].get("collisionCount"), None);
    assert_eq!(
        after["metadata"]["generation"],
        before["metadata"]["generation"]
    );
    let scaled = world
        .admin
        .merge(web, json!({"spec": {"replicas": 2}}))
        .await;
    assert_eq!(scaled["metadata"]["generation"], 2);
    let node = world.admin.merge("/api/v1/nodes/w-a/status", json!({"spec": {"unschedulable": true}, "status": {"nodeInfo": {"kubeletVersion": "v1.37.2"}}})).await;
    assert_eq!(node["spec"].get("unschedulable"), None);
    assert_eq!(node["status"]["nodeInfo"]["kubeletVersion"], "v1.37.2");
}

#[tokio::test]
async fn a_long_list_comes_in_pages() {
    let world = World::start().await;
    for n in 0..7 {
        world.admin.ok("POST", MAPS, map(&format!("m-{n}"))).await;
    }
    let mut names = Vec::new();
    let mut path = format!("{MAPS}?limit=3");
    for left in [4, 1, 0] {
        let page = world.admin.get(&path).await;
        names.extend(
            page["items"]
                .as_array()
                .unwrap()
                .iter()
                .map(|item| item["metadata"]["name"].to_string()),
        );
        let metadata = &page["metadata"];
        assert_eq!(
            metadata["remainingItemCount"].as_i64().unwrap_or_default(),
            left
        );
        path = format!(
            "{MAPS}?limit=3&continue={}",
            metadata["continue"].as_str().unwrap_or_default()
        );
    }
    assert_eq!(names.len(), 7);
    let (code, _) = world
        .admin
        .call("GET", &format!("{MAPS}?continue=nonsense"), Value::Null)
        .await;
    assert_eq!(code, 400);
}

/// The sandbox keeps ten thousand changes, the real server the changes of some minutes.
#[tokio::test]
async fn a_page_of_a_time_that_is_forgotten_is_410_with_a_token_for_the_rest() {
    let world = World::start().await;
    for name in ["a", "b", "c"] {
        world.admin.ok("POST", MAPS, map(name)).await;
    }
    let first = world.admin.get(&format!("{MAPS}?limit=2")).await;
    let token = first["metadata"]["continue"].as_str().unwrap().to_owned();
    world.admin.ok("POST", MAPS, map("later")).await;
    let World { api, admin, dir } = world;
    drop(admin);
    api.stop().await;
    forget_changes(dir.path());
    let api = Server::start(options(dir.path())).await.unwrap();
    let admin = Caller::new(&api.admin_kubeconfig().unwrap()).await;
    let path = format!("{MAPS}?limit=2&continue={token}");
    let (code, expired) = admin.call("GET", &path, Value::Null).await;
    assert_eq!((code, &expired["reason"]), (410, &json!("Expired")));
    let token = expired["metadata"]["continue"].as_str().unwrap();
    let rest = admin.get(&format!("{MAPS}?continue={token}")).await;
    assert_eq!(rest["items"][0]["metadata"]["name"], "c");
    let exact = format!("{MAPS}?resourceVersionMatch=Exact&resourceVersion=1");
    let (code, expired) = admin.call("GET", &exact, Value::Null).await;
    assert_eq!((code, &expired["reason"]), (410, &json!("Expired")));
}

/// Makes the log of a world that is down begin with the objects as they are.
fn forget_changes(dir: &std::path::Path) {
    let path = dir.join("objects.jsonl");
    let text = std::fs::read_to_string(&path).unwrap();
    let lines: Vec<Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let mut objects = std::collections::BTreeMap::new();
    for line in &lines[1..] {
        let metadata = &line["object"]["metadata"];
        let key = [&line["kind"], &metadata["namespace"], &metadata["name"]].map(Value::to_string);
        match line["change"].as_str() {
            Some("DELETED") => objects.remove(&key),
            _ => objects.insert(key, line),
        };
    }
    let revision = lines.last().unwrap()["object"]["metadata"]["resourceVersion"].as_str();
    let oldest: u64 = revision.unwrap().parse().unwrap();
    let header = json!({"format": 1, "oldest": oldest, "objects": objects.len()});
    let all = std::iter::once(&header).chain(objects.into_values());
    let text: String = all.map(|line| format!("{line}\n")).collect();
    std::fs::write(path, text).unwrap();
}

#[tokio::test]
async fn a_watch_tells_what_enters_and_leaves_its_selection() {
    let world = World::start().await;
    let maps: Api<ConfigMap> = Api::namespaced(world.admin.0.clone(), "shop");
    let revision = maps
        .list(&ListParams::default())
        .await
        .unwrap()
        .metadata
        .resource_version
        .unwrap();
    let params = WatchParams::default().labels("tier=front").timeout(20);
    let mut events = Box::pin(maps.watch(&params, &revision).await.unwrap());
    world.admin.ok("POST", MAPS, map("other")).await;
    world.admin.ok("POST", MAPS, map("mine")).await;
    let mine = format!("{MAPS}/mine");
    world
        .admin
        .merge(&mine, json!({"metadata": {"labels": {"tier": "front"}}}))
        .await;
    world.admin.merge(&mine, json!({"data": {"a": "2"}})).await;
    world
        .admin
        .merge(&mine, json!({"metadata": {"labels": {"tier": null}}}))
        .await;
    let mut seen = Vec::new();
    while seen.len() < 3 {
        seen.push(match events.try_next().await.unwrap().unwrap() {
            WatchEvent::Added(_) => "added",
            WatchEvent::Modified(_) => "modified",
            WatchEvent::Deleted(_) => "deleted",
            other => panic!("{other:?}"),
        });
    }
    assert_eq!(seen, ["added", "modified", "deleted"]);
}

#[tokio::test]
async fn deletion_heeds_preconditions_dry_run_and_finalizers() {
    let world = World::start().await;
    world.admin.ok("POST", MAPS, map("one")).await;
    let path = format!("{MAPS}/one");
    let other = json!({"preconditions": {"uid": "other"}});
    let (code, _) = world.admin.call("DELETE", &path, other).await;
    assert_eq!(code, 409);
    world
        .admin
        .ok("DELETE", &format!("{path}?dryRun=All"), Value::Null)
        .await;
    world
        .admin
        .merge(
            &path,
            json!({"metadata": {"finalizers": ["example.com/hold"]}}),
        )
        .await;
    let held = world.admin.ok("DELETE", &path, Value::Null).await;
    assert!(held["metadata"]["deletionTimestamp"].is_string());
    world
        .admin
        .merge(&path, json!({"metadata": {"finalizers": []}}))
        .await;
    let (code, _) = world.admin.call("GET", &path, Value::Null).await;
    assert_eq!(code, 404);
}
