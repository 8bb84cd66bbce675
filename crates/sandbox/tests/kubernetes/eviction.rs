//! Disruption budgets and evictions, case by case (`eviction.go` of Kubernetes).

use serde_json::{Value, json};

use crate::world::{World, eviction};

fn path(pod: &Value) -> String {
    let name = pod["metadata"]["name"].as_str().unwrap();
    format!("/api/v1/namespaces/shop/pods/{name}/eviction")
}

async fn evict(world: &World, pod: &Value) -> (u16, Value) {
    let body = eviction(pod["metadata"]["name"].as_str().unwrap());
    world.admin.call("POST", &path(pod), body).await
}

async fn cordon_all(world: &World, cordoned: bool) {
    for node in ["w-a", "w-b", "w-c"] {
        let patch = json!({"spec": {"unschedulable": cordoned}});
        world
            .admin
            .merge(&format!("/api/v1/nodes/{node}"), patch)
            .await;
    }
}

#[tokio::test]
async fn a_budget_allows_one_then_refuses_until_the_pod_is_replaced() {
    let world = World::with_web(3).await;
    world.with_budget("web", json!({"maxUnavailable": 1})).await;
    let pods = world.pods().await;
    // No node takes the replacement, so the budget stays exhausted for as long as this test looks.
    cordon_all(&world, true).await;
    let (code, answer) = evict(&world, &pods[0]).await;
    assert_eq!((code, &answer["status"]), (201, &json!("Success")));
    let (code, answer) = evict(&world, &pods[1]).await;
    assert_eq!(code, 429, "{answer}");
    assert_eq!(answer["reason"], "TooManyRequests");
    let cause = &answer["details"]["causes"][0];
    assert_eq!(cause["reason"], "DisruptionBudget");
    assert_eq!(
        cause["message"],
        "The disruption budget web needs 2 healthy pods and has 2 currently"
    );
    assert!(answer["details"]["retryAfterSeconds"].is_null());
    cordon_all(&world, false).await;
    let budget = "/apis/policy/v1/namespaces/shop/poddisruptionbudgets/web";
    let recovered = |budget: &Value| {
        budget["status"]["currentHealthy"] == 3 && budget["status"]["disruptionsAllowed"] == 1
    };
    world.admin.until(budget, recovered).await;
    let (code, answer) = evict(&world, &pods[1]).await;
    assert_eq!(code, 201, "{answer}");
}

#[tokio::test]
async fn a_rehearsal_asks_the_budget_and_changes_nothing() {
    let world = World::with_web(2).await;
    let before = world.with_budget("web", json!({"maxUnavailable": 1})).await;
    let pods = world.pods().await;
    for pod in &pods {
        let body = eviction(pod["metadata"]["name"].as_str().unwrap());
        let (code, answer) = world
            .admin
            .call("POST", &format!("{}?dryRun=All", path(pod)), body)
            .await;
        assert_eq!(code, 201, "{answer}");
    }
    let after = world
        .admin
        .get("/apis/policy/v1/namespaces/shop/poddisruptionbudgets/web")
        .await;
    assert_eq!(before, after);
    assert_eq!(world.pods().await, pods);
}

#[tokio::test]
async fn two_budgets_over_a_pod_are_an_error_that_no_retry_heals() {
    let world = World::with_web(2).await;
    world.with_budget("one", json!({"maxUnavailable": 1})).await;
    world.with_budget("two", json!({"maxUnavailable": 1})).await;
    let (code, answer) = evict(&world, &world.pods().await[0]).await;
    assert_eq!(code, 500);
    let message = "This pod has more than one PodDisruptionBudget, which the eviction subresource does not support.";
    assert_eq!(answer["message"], message);
}

#[tokio::test]
async fn a_budget_that_allows_nothing_refuses_even_when_all_are_healthy() {
    let world = World::with_web(2).await;
    world
        .with_budget("web", json!({"minAvailable": "100%"}))
        .await;
    let (code, answer) = evict(&world, &world.pods().await[0]).await;
    assert_eq!(code, 429);
    let message = &answer["details"]["causes"][0]["message"];
    assert_eq!(
        message,
        "The disruption budget web needs 2 healthy pods and has 2 currently"
    );
}

#[tokio::test]
async fn an_unready_pod_may_go_while_enough_others_are_healthy_or_when_always_allowed() {
    for (spec, expected) in [
        (json!({"minAvailable": 2}), 201),
        (json!({"minAvailable": 3}), 429),
        (
            json!({"minAvailable": 3, "unhealthyPodEvictionPolicy": "AlwaysAllow"}),
            201,
        ),
    ] {
        let world = World::with_web(3).await;
        world.with_budget("web", spec.clone()).await;
        let pod = world.pods().await.remove(0);
        let status = format!(
            "/api/v1/namespaces/shop/pods/{}/status",
            pod["metadata"]["name"].as_str().unwrap()
        );
        let condition = json!({"type": "Ready", "status": "False", "reason": "Test"});
        let patch = json!({"status": {"conditions": [condition]}});
        world.admin.merge(&status, patch).await;
        let budget = "/apis/policy/v1/namespaces/shop/poddisruptionbudgets/web";
        world
            .admin
            .until(budget, |budget| budget["status"]["currentHealthy"] == 2)
            .await;
        let (code, answer) = evict(&world, &pod).await;
        assert_eq!(code, expected, "{spec}: {answer}");
    }
}

#[tokio::test]
async fn the_names_in_path_and_body_must_agree() {
    let world = World::with_web(1).await;
    let pod = world.pods().await.remove(0);
    let (code, answer) = world
        .admin
        .call("POST", &path(&pod), eviction("another"))
        .await;
    assert_eq!(code, 400);
    assert_eq!(
        answer["message"],
        "name in URL does not match name in Eviction object"
    );
}

#[tokio::test]
async fn percentages_count_against_the_scale_of_the_owner_and_round_up() {
    let world = World::with_web(7).await;
    let budget = world
        .with_budget("web", json!({"minAvailable": "50%"}))
        .await;
    assert_eq!(budget["status"]["desiredHealthy"], 4);
    assert_eq!(budget["status"]["expectedPods"], 7);
    assert_eq!(budget["status"]["disruptionsAllowed"], 3);
    assert_eq!(
        budget["status"]["conditions"][0]["reason"],
        "SufficientPods"
    );
}
