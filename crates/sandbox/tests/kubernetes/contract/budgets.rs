//! Budgets that cannot be computed, and evictions with the UID of another pod.

use serde_json::{Value, json};

use super::{Answers, BUDGETS, budget, condition, precise_eviction, told};
use crate::world::{Caller, eviction};

const DAEMONS: &str = "/apis/apps/v1/namespaces/shop/daemonsets";
const PODS: &str = "/api/v1/namespaces/shop/pods";

pub async fn answers(admin: &Caller) -> Answers {
    let mut answers = Answers::new();
    answers.extend(of_another_uid(admin).await);
    answers.extend(of_a_budget_that_cannot_be_computed(admin).await);
    answers
}

/// The budget `web` allows one; what does an eviction that names another uid leave of it, and of the pod?
async fn of_another_uid(admin: &Caller) -> Answers {
    let path = format!("{BUDGETS}/web");
    admin
        .ok("POST", BUDGETS, budget("web", json!({"maxUnavailable": 1})))
        .await;
    admin
        .until(&path, |budget| budget["status"]["disruptionsAllowed"] == 1)
        .await;
    let pod = first_pod(admin, "web").await;
    let body = precise_eviction("no-such-uid")
        .to_string()
        .replace("POD", &pod);
    let body = serde_json::from_str(&body).unwrap_or_default();
    let (code, mut answer) = admin
        .call("POST", &format!("{PODS}/{pod}/eviction"), body)
        .await;
    answer["message"] = Value::Null;
    let told = told(code, &answer).to_string().replace(&pod, "POD");
    let left = admin.get(&path).await["status"].clone();
    let granted = left["disruptedPods"]
        .as_object()
        .is_some_and(|granted| granted.contains_key(&pod));
    let pod = admin.get(&format!("{PODS}/{pod}")).await;
    let of_pod = json!({"goes": pod["metadata"]["deletionTimestamp"].is_string(), "marked": condition(&pod, "DisruptionTarget")});
    admin.ok("DELETE", &path, Value::Null).await;
    vec![
        ("evict another uid under a budget".into(), told.into()),
        (
            "the budget after it".into(),
            json!({"allowed": left["disruptionsAllowed"], "granted": granted}),
        ),
        ("the pod after it".into(), of_pod),
    ]
}

/// `maxUnavailable` over the pods of a DaemonSet, which has no scale: the controller never observes such a budget.
async fn of_a_budget_that_cannot_be_computed(admin: &Caller) -> Answers {
    let template = json!({
        "metadata": {"labels": {"app": "agent"}},
        "spec": {"containers": [{"name": "agent", "image": "agent:1"}]},
    });
    let spec = json!({"selector": {"matchLabels": {"app": "agent"}}, "template": template});
    admin
        .ok(
            "POST",
            DAEMONS,
            json!({"metadata": {"name": "agent"}, "spec": spec}),
        )
        .await;
    admin
        .until(&format!("{DAEMONS}/agent"), |agent| {
            agent["status"]["numberReady"] == 3
        })
        .await;
    let mut agents = budget("agents", json!({"maxUnavailable": 1}));
    agents["spec"]["selector"] = json!({"matchLabels": {"app": "agent"}});
    admin.ok("POST", BUDGETS, agents).await;
    let failed = |budget: &Value| condition(budget, "DisruptionAllowed")["reason"] == "SyncFailed";
    let seen = admin.until(&format!("{BUDGETS}/agents"), failed).await;
    let mut allowed = condition(&seen, "DisruptionAllowed");
    allowed["lastTransitionTime"] = Value::Null;
    let pod = first_pod(admin, "agent").await;
    let (code, answer) = admin
        .call("POST", &format!("{PODS}/{pod}/eviction"), eviction(&pod))
        .await;
    let status = json!({
        "observed": seen["status"]["observedGeneration"], "allowed": seen["status"]["disruptionsAllowed"],
        "condition": allowed,
    });
    vec![
        ("a budget that cannot be computed".into(), status),
        ("evict under a stale budget".into(), told(code, &answer)),
    ]
}

/// The name of the first pod that is not being deleted.
async fn first_pod(admin: &Caller, app: &str) -> String {
    let pods = admin
        .get(&format!("{PODS}?labelSelector=app%3D{app}"))
        .await;
    let pods = pods["items"].as_array().into_iter().flatten();
    let mut staying = pods.filter(|pod| pod["metadata"]["deletionTimestamp"].is_null());
    let first = staying.next().cloned().unwrap_or_default();
    first["metadata"]["name"]
        .as_str()
        .unwrap_or_default()
        .to_owned()
}
