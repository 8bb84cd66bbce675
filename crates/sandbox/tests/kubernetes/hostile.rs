//! What a hostile client sends is refused, and neither the server nor its controllers end by it.

use serde_json::{Value, json};
use trireme_sandbox::kubernetes::Api;

use crate::world::{Caller, World, options, web};

const MAPS: &str = "/api/v1/namespaces/shop/configmaps";
const JSON: &str = "application/json";

/// An object in an object, so many levels deep.
fn deep(levels: usize) -> String {
    format!("{}1{}", "{\"a\":".repeat(levels), "}".repeat(levels))
}

fn named(name: &str, more: &str) -> String {
    format!("{{\"metadata\":{{\"name\":\"{name}\"}},\"more\":{more}}}")
}

#[tokio::test]
async fn bodies_that_are_no_objects_are_400() {
    let world = World::start().await;
    for (what, kind, body) in [
        ("half an object", JSON, "{\"metadata\":".to_owned()),
        ("a list", JSON, "[]".into()),
        ("no UTF-8", JSON, "\u{0}\u{fffd}".into()),
        ("deep brackets", JSON, "[".repeat(1 << 20)),
        ("a deep object", JSON, deep(10_000)),
        (
            "an object deeper than the log",
            JSON,
            named("deep", &deep(110)),
        ),
        (
            "no protobuf",
            "application/vnd.kubernetes.protobuf",
            "k8s\u{0}\u{7f}\u{7f}".into(),
        ),
    ] {
        let (code, answer) = world
            .admin
            .send("POST", MAPS, kind, body.into_bytes())
            .await;
        assert!([400, 415].contains(&code), "{what}: {code} {answer}");
        assert_eq!(answer["kind"], "Status", "{what}");
    }
}

#[tokio::test]
async fn paths_that_climb_name_nothing() {
    let world = World::start().await;
    for (method, path) in [
        ("GET", "/../../etc/passwd"),
        ("GET", "/api/v1/namespaces/../../etc/passwd"),
        ("GET", "/api/v1/namespaces/shop/configmaps/.."),
        ("PUT", "/api/v1/namespaces/shop/configmaps/.."),
        ("POST", "/api/v1/namespaces/%2e%2e%2f%2e%2e/configmaps"),
        ("GET", "/openapi/v3/../../x"),
        ("GET", "/api/v1/namespaces/%ff/configmaps/x"),
    ] {
        let body = if method == "GET" {
            Value::Null
        } else {
            json!({"metadata": {"name": ".."}})
        };
        let (code, answer) = world.admin.call(method, path, body).await;
        assert!(
            (400..500).contains(&code),
            "{method} {path}: {code} {answer}"
        );
    }
}

/// A world that took what is as deep as is allowed, also in several steps, comes back.
#[tokio::test]
async fn a_deep_object_does_not_keep_a_world_from_its_restart() {
    let world = World::start().await;
    let body = named("deep", &deep(90)).into_bytes();
    let (code, answer) = world.admin.send("POST", MAPS, JSON, body).await;
    assert_eq!(code, 201, "{answer}");
    let path = "/more".to_owned() + &"/a".repeat(90);
    let value: Value = serde_json::from_str(&deep(90)).unwrap();
    let patch = json!([{"op": "add", "path": path, "value": value}]);
    let one = format!("{MAPS}/deep");
    let (code, answer) = world
        .admin
        .call_as("PATCH", &one, "application/json-patch+json", patch)
        .await;
    assert_eq!(code, 400, "{answer}");
    let World { api, admin, dir } = world;
    drop(admin);
    api.stop().await;
    let api = Api::start(options(dir.path())).await.unwrap();
    let admin = Caller::new(&api.admin_kubeconfig().unwrap()).await;
    admin.get(&one).await;
}

#[tokio::test]
async fn numbers_out_of_all_bounds_stop_no_controller() {
    let world = World::with_web(1).await;
    let pod = world.pods().await.remove(0);
    let path = format!(
        "/api/v1/namespaces/shop/pods/{}",
        pod["metadata"]["name"].as_str().unwrap()
    );
    // Without it the pod could be gone before it is deleted again.
    let held = json!({"metadata": {"finalizers": ["trireme.test/hold"]}});
    world.admin.merge(&path, held).await;
    world
        .admin
        .ok("DELETE", &path, json!({"gracePeriodSeconds": i64::MAX}))
        .await;
    world
        .admin
        .ok("DELETE", &path, json!({"gracePeriodSeconds": i64::MIN}))
        .await;
    let web = "/apis/apps/v1/namespaces/shop/deployments/web";
    let huge = format!("{}%", i64::MAX);
    let limits = json!({"maxSurge": huge, "maxUnavailable": huge});
    world
        .admin
        .merge(
            web,
            json!({"spec": {"strategy": {"rollingUpdate": limits}}}),
        )
        .await;
    let budgets = "/apis/policy/v1/namespaces/shop/poddisruptionbudgets";
    let spec = json!({"maxUnavailable": huge, "selector": {"matchLabels": {"app": "web"}}});
    let budget = json!({"metadata": {"name": "web"}, "spec": spec});
    let (code, answer) = world.admin.call("POST", budgets, budget).await;
    assert_eq!(code, 422, "{answer}");
    world
        .admin
        .merge(web, json!({"spec": {"replicas": 2}}))
        .await;
    world
        .admin
        .until(web, |web| web["status"]["availableReplicas"] == 2)
        .await;
}

/// Pods and ReplicaSets have longer names than what they belong to, and what a template says of them may be refused.
#[tokio::test]
async fn a_workload_whose_pods_cannot_be_made_stops_no_other() {
    let world = World::start().await;
    let of = |plural: &str| format!("/apis/apps/v1/namespaces/shop/{plural}");
    for plural in ["deployments", "statefulsets", "daemonsets"] {
        let mut long = web(1);
        long["metadata"]["name"] = "a".repeat(253).into();
        let path = of(plural);
        world.admin.ok("POST", &path, long).await;
    }
    world.admin.ok("POST", &of("deployments"), web(1)).await;
    let path = format!("{}/web", of("deployments"));
    world
        .admin
        .until(&path, |web| web["status"]["availableReplicas"] == 1)
        .await;
    let mut odd = web(1);
    odd["metadata"]["name"] = "odd".into();
    odd["spec"]["template"]["metadata"]["labels"]["a"] = "b c".into();
    let (code, answer) = world.admin.call("POST", &of("deployments"), odd).await;
    assert_eq!(code, 422, "{answer}");
}
