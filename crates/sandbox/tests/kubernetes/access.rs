//! Who may what.

use serde_json::{Value, json};
use trireme_sandbox::kubernetes::Api;

use crate::world::{Caller, World};

const ROLLER: &str = "system:serviceaccount:shop:roller";

async fn roller(api: &Api) -> Caller {
    Caller::new(&api.kubeconfig_for(ROLLER).unwrap()).await
}

async fn grant(world: &World, rules: Value) {
    let role = json!({"metadata": {"name": "roller"}, "rules": rules});
    let binding = json!({
        "metadata": {"name": "roller"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "roller"},
        "subjects": [{"kind": "ServiceAccount", "namespace": "shop", "name": "roller"}],
    });
    let base = "/apis/rbac.authorization.k8s.io/v1";
    world
        .admin
        .ok("POST", &format!("{base}/clusterroles"), role)
        .await;
    world
        .admin
        .ok("POST", &format!("{base}/clusterrolebindings"), binding)
        .await;
}

#[tokio::test]
async fn without_a_role_everything_but_discovery_is_forbidden_in_the_real_words() {
    let world = World::start().await;
    let roller = roller(&world.api).await;
    let (code, answer) = roller
        .call(
            "GET",
            "/apis/apps/v1/namespaces/shop/deployments/web",
            Value::Null,
        )
        .await;
    assert_eq!((code, &answer["reason"]), (403, &json!("Forbidden")));
    let message = format!(
        "deployments.apps \"web\" is forbidden: User \"{ROLLER}\" cannot get resource \"deployments\" in API group \"apps\" in the namespace \"shop\""
    );
    assert_eq!(answer["message"], message);
    let (code, answer) = roller.call("GET", "/api/v1/nodes", Value::Null).await;
    assert_eq!(code, 403);
    let message = format!(
        "nodes is forbidden: User \"{ROLLER}\" cannot list resource \"nodes\" in API group \"\" at the cluster scope"
    );
    assert_eq!(answer["message"], message);
    roller.get("/apis").await;
}

#[tokio::test]
async fn a_role_gives_what_it_names_and_subresources_apart() {
    let world = World::with_web(1).await;
    grant(&world, json!([{"apiGroups": [""], "resources": ["pods/eviction", "nodes"], "verbs": ["create", "patch"]}])).await;
    let roller = roller(&world.api).await;
    roller
        .merge(
            "/api/v1/nodes/w-a",
            json!({"spec": {"unschedulable": true}}),
        )
        .await;
    let pod = world.pods().await[0]["metadata"]["name"]
        .as_str()
        .unwrap()
        .to_owned();
    let path = format!("/api/v1/namespaces/shop/pods/{pod}");
    let (code, _) = roller.call("DELETE", &path, Value::Null).await;
    assert_eq!(code, 403);
    let (code, _) = roller
        .call_as(
            "PATCH",
            "/api/v1/nodes/w-a/status",
            "application/merge-patch+json",
            json!({"status": {}}),
        )
        .await;
    assert_eq!(code, 403);
    roller
        .ok(
            "POST",
            &format!("{path}/eviction"),
            crate::world::eviction(&pod),
        )
        .await;
}

#[tokio::test]
async fn a_review_says_what_would_be_allowed() {
    let world = World::start().await;
    grant(
        &world,
        json!([{"apiGroups": [""], "resources": ["nodes"], "verbs": ["get"]}]),
    )
    .await;
    let roller = roller(&world.api).await;
    for (verb, allowed) in [("get", true), ("delete", false)] {
        let review = json!({"spec": {"resourceAttributes": {"verb": verb, "resource": "nodes"}}});
        let answer = roller
            .ok(
                "POST",
                "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews",
                review,
            )
            .await;
        assert_eq!(answer["status"]["allowed"], allowed, "{verb}");
    }
    let who = roller
        .ok(
            "POST",
            "/apis/authentication.k8s.io/v1/selfsubjectreviews",
            json!({}),
        )
        .await;
    assert_eq!(who["status"]["userInfo"]["username"], ROLLER);
}

#[tokio::test]
async fn an_unknown_token_is_401() {
    let world = World::start().await;
    let kubeconfig = world.api.kubeconfig_for(ROLLER).unwrap();
    let wrong = kubeconfig.replace("sandbox-", "forged-");
    let wrong = wrong.replace("\"forged-admin\"", "\"x\"");
    let (code, answer) = Caller::new(&wrong)
        .await
        .call("GET", "/version", Value::Null)
        .await;
    assert_eq!((code, &answer["reason"]), (401, &json!("Unauthorized")));
}

/// As in the real server: health and version need no credentials, the rest does.
#[tokio::test]
async fn who_sends_no_token_is_anonymous() {
    let world = World::start().await;
    let kubeconfig = world.api.admin_kubeconfig().unwrap();
    let nobody = Caller::nameless(&kubeconfig).await;
    for (path, expected) in [
        ("/version", 200),
        ("/readyz", 200),
        ("/api", 403),
        ("/api/v1/nodes", 403),
    ] {
        let (code, answer) = nobody.call("GET", path, Value::Null).await;
        assert_eq!(code, expected, "{path}: {answer}");
        if code == 403 {
            let message = answer["message"].as_str().unwrap();
            assert!(
                message.contains("User \"system:anonymous\" cannot"),
                "{message}"
            );
        }
    }
}

#[tokio::test]
async fn a_service_account_token_is_its_account() {
    let world = World::start().await;
    let path = "/api/v1/namespaces/shop/serviceaccounts";
    world
        .admin
        .ok("POST", path, json!({"metadata": {"name": "roller"}}))
        .await;
    let answer = world
        .admin
        .ok("POST", &format!("{path}/roller/token"), json!({"spec": {}}))
        .await;
    let token = answer["status"]["token"].as_str().unwrap();
    let kubeconfig = world.api.admin_kubeconfig().unwrap();
    let caller = Caller::with_token(&kubeconfig, token).await;
    let who = caller
        .ok(
            "POST",
            "/apis/authentication.k8s.io/v1/selfsubjectreviews",
            json!({}),
        )
        .await;
    assert_eq!(who["status"]["userInfo"]["username"], ROLLER);
}

#[tokio::test]
async fn one_acts_as_another_only_with_the_right_to() {
    let world = World::start().await;
    let admin = world.api.admin_kubeconfig().unwrap();
    let roller = world.api.kubeconfig_for(ROLLER).unwrap();
    let names = json!(["jane"]);
    grant(&world, json!([{"apiGroups": [""], "resources": ["users"], "verbs": ["impersonate"], "resourceNames": names}])).await;
    for (kubeconfig, user, words) in [
        (
            &admin,
            ROLLER,
            "\"system:serviceaccount:shop:roller\" cannot list",
        ),
        (&roller, "jane", "\"jane\" cannot list"),
        (
            &roller,
            "sandbox-admin",
            "cannot impersonate resource \"users\"",
        ),
        (
            &roller,
            "system:serviceaccount:shop:x",
            "cannot impersonate resource \"serviceaccounts\"",
        ),
    ] {
        let caller = Caller::acting_as(kubeconfig, None, user).await;
        let (code, answer) = caller.call("GET", "/api/v1/nodes", Value::Null).await;
        assert_eq!(code, 403, "{user}: {answer}");
        assert!(
            answer["message"].as_str().unwrap().contains(words),
            "{answer}"
        );
    }
}
