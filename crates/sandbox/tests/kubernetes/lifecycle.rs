//! What the cluster does by itself.

use serde_json::{Value, json};

use crate::world::{World, eviction};

#[tokio::test]
async fn replicas_are_spread_over_the_zones() {
    let world = World::with_web(3).await;
    let mut nodes: Vec<_> = world
        .pods()
        .await
        .iter()
        .map(|pod| pod["spec"]["nodeName"].to_string())
        .collect();
    nodes.sort();
    nodes.dedup();
    assert_eq!(nodes.len(), 3, "{nodes:?}");
}

#[tokio::test]
async fn a_cordoned_node_gets_no_new_pods_and_an_evicted_pod_comes_back_elsewhere() {
    let world = World::with_web(3).await;
    world
        .admin
        .merge(
            "/api/v1/nodes/w-a",
            json!({"spec": {"unschedulable": true}}),
        )
        .await;
    let pods = world.pods().await;
    let pod = pods
        .iter()
        .find(|pod| pod["spec"]["nodeName"] == "w-a")
        .unwrap();
    let name = pod["metadata"]["name"].as_str().unwrap();
    let path = format!("/api/v1/namespaces/shop/pods/{name}");
    world
        .admin
        .ok("POST", &format!("{path}/eviction"), eviction(name))
        .await;
    world
        .admin
        .until(&path, |answer| answer["code"] == 404)
        .await;
    let web = "/apis/apps/v1/namespaces/shop/deployments/web";
    world
        .admin
        .until(web, |web| web["status"]["availableReplicas"] == 3)
        .await;
    let left = world.pods().await;
    assert!(
        left.iter().all(|pod| pod["spec"]["nodeName"] != "w-a"),
        "{left:#?}"
    );
}

fn job(annotations: Value) -> Value {
    let template = json!({
        "metadata": {"annotations": annotations},
        "spec": {"nodeName": "w-b", "restartPolicy": "Never", "containers": [{"name": "act", "image": "act:1"}]},
    });
    json!({"metadata": {"name": "act"}, "spec": {"backoffLimit": 0, "template": template}})
}

#[tokio::test]
async fn a_job_pinned_to_a_cordoned_node_runs_there_and_completes() {
    let world = World::start().await;
    world
        .admin
        .merge(
            "/api/v1/nodes/w-b",
            json!({"spec": {"unschedulable": true}}),
        )
        .await;
    let jobs = "/apis/batch/v1/namespaces/shop/jobs";
    world.admin.ok("POST", jobs, job(json!({}))).await;
    let done = |job: &Value| {
        job["status"]["succeeded"] == 1 && job["status"]["conditions"][1]["type"] == "Complete"
    };
    world.admin.until(&format!("{jobs}/act"), done).await;
    let pods = world
        .admin
        .get("/api/v1/namespaces/shop/pods?labelSelector=job-name%3Dact")
        .await;
    assert_eq!(pods["items"][0]["spec"]["nodeName"], "w-b");
    assert_eq!(pods["items"][0]["status"]["phase"], "Succeeded");
}

#[tokio::test]
async fn a_job_told_to_fail_fails() {
    let world = World::start().await;
    let jobs = "/apis/batch/v1/namespaces/shop/jobs";
    let fail = json!({"trireme.dev/sandbox-outcome": "fail"});
    world.admin.ok("POST", jobs, job(fail)).await;
    let failed = |job: &Value| {
        job["status"]["failed"] == 1
            && job["status"]["conditions"][1]["reason"] == "BackoffLimitExceeded"
    };
    world.admin.until(&format!("{jobs}/act"), failed).await;
}

#[tokio::test]
async fn stateful_pods_come_in_order_and_daemons_on_every_node() {
    let world = World::start().await;
    world
        .admin
        .merge(
            "/api/v1/nodes/w-c",
            json!({"spec": {"unschedulable": true}}),
        )
        .await;
    let mut body = crate::world::web(3);
    body["metadata"]["name"] = "db".into();
    body["spec"]["serviceName"] = "db".into();
    let path = "/apis/apps/v1/namespaces/shop/statefulsets";
    world.admin.ok("POST", path, body.clone()).await;
    world
        .admin
        .until(&format!("{path}/db"), |db| {
            db["status"]["readyReplicas"] == 3
        })
        .await;
    let pods = world.pods().await;
    let mut created: Vec<_> = pods
        .iter()
        .map(|pod| {
            (
                pod["metadata"]["resourceVersion"].clone().to_string().len(),
                pod["metadata"]["name"].to_string(),
            )
        })
        .collect();
    created.sort();
    assert_eq!(created.len(), 3);
    world
        .admin
        .ok("DELETE", &format!("{path}/db"), Value::Null)
        .await;
    body["metadata"]["name"] = "agent".into();
    body["spec"].as_object_mut().unwrap().remove("replicas");
    body["spec"].as_object_mut().unwrap().remove("serviceName");
    let path = "/apis/apps/v1/namespaces/shop/daemonsets";
    world.admin.ok("POST", path, body).await;
    let ready = |agent: &Value| {
        agent["status"]["numberReady"] == 3 && agent["status"]["desiredNumberScheduled"] == 3
    };
    world.admin.until(&format!("{path}/agent"), ready).await;
}

#[tokio::test]
async fn endpoints_are_the_ready_pods_and_lose_one_as_its_deletion_begins() {
    let world = World::with_web(2).await;
    let service = json!({"metadata": {"name": "web"}, "spec": {"selector": {"app": "web"}, "ports": [{"port": 80}]}});
    world
        .admin
        .ok("POST", "/api/v1/namespaces/shop/services", service)
        .await;
    let slices = "/apis/discovery.k8s.io/v1/namespaces/shop/endpointslices";
    let ready = |list: &Value| {
        let endpoints = list["items"][0]["endpoints"]
            .as_array()
            .cloned()
            .unwrap_or_default();
        endpoints
            .iter()
            .filter(|e| e["conditions"]["ready"] == true)
            .count()
    };
    world.admin.until(slices, |list| ready(list) == 2).await;
    world
        .admin
        .merge(
            "/apis/apps/v1/namespaces/shop/deployments/web",
            json!({"spec": {"replicas": 1}}),
        )
        .await;
    world.admin.until(slices, |list| ready(list) == 1).await;
}

#[tokio::test]
async fn pods_on_a_node_that_is_away_are_unready_until_it_is_back() {
    let world = World::with_web(3).await;
    let status = |is: &str| json!({"status": {"conditions": [{"type": "Ready", "status": is}]}});
    let web = "/apis/apps/v1/namespaces/shop/deployments/web";
    world
        .admin
        .merge("/api/v1/nodes/w-a/status", status("False"))
        .await;
    world
        .admin
        .until(web, |web| web["status"]["readyReplicas"] == 2)
        .await;
    world
        .admin
        .merge("/api/v1/nodes/w-a/status", status("True"))
        .await;
    world
        .admin
        .until(web, |web| web["status"]["readyReplicas"] == 3)
        .await;
}

#[tokio::test]
async fn a_new_template_replaces_every_pod() {
    let world = World::with_web(2).await;
    let image = json!({"spec": {"template": {"spec": {"containers": [{"name": "web", "image": "web:2"}]}}}});
    let web = "/apis/apps/v1/namespaces/shop/deployments/web";
    world.admin.merge(web, image).await;
    let replaced = |web: &Value| {
        let status = &web["status"];
        [
            &status["replicas"],
            &status["updatedReplicas"],
            &status["availableReplicas"],
        ] == [2, 2, 2]
    };
    world.admin.until(web, replaced).await;
    let pods = "/api/v1/namespaces/shop/pods";
    let all_new = |pods: &Value| {
        let mut pods = pods["items"].as_array().unwrap().iter();
        pods.all(|pod| pod["spec"]["containers"][0]["image"] == "web:2")
    };
    world.admin.until(pods, all_new).await;
}

#[tokio::test]
async fn a_namespace_takes_everything_in_it_along() {
    let world = World::with_web(2).await;
    world
        .admin
        .ok("DELETE", "/api/v1/namespaces/shop", Value::Null)
        .await;
    world
        .admin
        .until("/api/v1/namespaces/shop", |answer| answer["code"] == 404)
        .await;
    assert_eq!(world.pods().await.len(), 0);
}

#[tokio::test]
async fn the_server_is_as_old_as_its_oldest_control_plane_node() {
    let world = World::start().await;
    for (name, version) in [
        ("cp-a", "v1.37.2"),
        ("cp-b", "v1.36.10"),
        ("cp-c", "v1.37.0"),
    ] {
        let mut node = crate::world::node("x");
        node["metadata"] =
            json!({"name": name, "labels": {"node-role.kubernetes.io/control-plane": ""}});
        node["status"]["nodeInfo"]["kubeletVersion"] = version.into();
        world.admin.ok("POST", "/api/v1/nodes", node).await;
    }
    let version = world.admin.get("/version").await;
    assert_eq!(
        (&version["gitVersion"], &version["minor"]),
        (&json!("v1.36.10"), &json!("36"))
    );
}
