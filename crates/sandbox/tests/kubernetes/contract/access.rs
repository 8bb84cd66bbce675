//! What somebody without any role is told.

use serde_json::{Value, json};

use super::{Answers, BUDGETS, JSON, MAPS, MERGE, PODS, told};
use crate::world::{Caller, eviction};

/// Makes a service account with a token of its own, and asks as it for what it may not have.
pub async fn answers(admin: &Caller, kubeconfig: &str) -> Answers {
    let accounts = "/api/v1/namespaces/shop/serviceaccounts";
    admin
        .ok("POST", accounts, json!({"metadata": {"name": "roller"}}))
        .await;
    let token = admin
        .ok(
            "POST",
            &format!("{accounts}/roller/token"),
            json!({"spec": {}}),
        )
        .await;
    let token = token["status"]["token"].as_str().unwrap_or_default();
    let roller = Caller::with_token(kubeconfig, token).await;
    let stranger = Caller::with_token(kubeconfig, "nobody's token").await;
    let mut answers = Answers::new();
    for (caller, name, method, path, kind, body) in questions(&roller, &stranger) {
        let (code, answer) = caller.call_as(method, path, kind, body).await;
        answers.push((name.into(), told(code, &answer)));
    }
    answers
}

type Question<'a> = (
    &'a Caller,
    &'static str,
    &'static str,
    &'static str,
    &'static str,
    Value,
);

#[rustfmt::skip]
fn questions<'a>(roller: &'a Caller, stranger: &'a Caller) -> Vec<Question<'a>> {
    let empty = || json!({"metadata": {"name": "x"}});
    vec![
        (stranger, "an unknown token", "GET", MAPS, JSON, Value::Null),
        (roller, "may not list", "GET", "/api/v1/nodes", JSON, Value::Null),
        (roller, "may not list in a namespace", "GET", BUDGETS, JSON, Value::Null),
        (roller, "may not list one name", "GET", "/api/v1/nodes?fieldSelector=metadata.name%3Dw-a", JSON, Value::Null),
        (roller, "may not watch", "GET", "/api/v1/pods?watch=1", JSON, Value::Null),
        (roller, "may not get", "GET", "/apis/apps/v1/namespaces/shop/deployments/web", JSON, Value::Null),
        (roller, "may not get the namespace", "GET", "/api/v1/namespaces/shop", JSON, Value::Null),
        (roller, "may not create", "POST", MAPS, JSON, empty()),
        (roller, "may not update", "PUT", "/api/v1/nodes/w-a", JSON, empty()),
        (roller, "may not patch", "PATCH", "/api/v1/nodes/w-a", MERGE, json!({})),
        (roller, "may not patch the status", "PATCH", "/api/v1/nodes/w-a/status", MERGE, json!({})),
        (roller, "may not scale", "GET", "/apis/apps/v1/namespaces/shop/deployments/web/scale", JSON, Value::Null),
        (roller, "may not evict", "POST", "/api/v1/namespaces/shop/pods/nobody/eviction", JSON, eviction("nobody")),
        (roller, "may not delete", "DELETE", "/api/v1/namespaces/shop/pods/nobody", JSON, Value::Null),
        (roller, "may not delete all", "DELETE", PODS, JSON, Value::Null),
        (roller, "may not know what is not served", "GET", "/api/v1/namespaces/shop/nonsense", JSON, Value::Null),
        (roller, "may not read a path", "GET", "/metrics", JSON, Value::Null),
        (roller, "may read the version", "GET", "/version", JSON, Value::Null),
    ]
}
