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
    let callers = Callers {
        roller: Caller::with_token(kubeconfig, token).await,
        stranger: Caller::with_token(kubeconfig, "no such token").await,
        as_roller: Caller::acting_as(kubeconfig, None, ROLLER).await,
        as_another: Caller::acting_as(kubeconfig, Some(token), "jane").await,
        as_account: Caller::acting_as(kubeconfig, Some(token), "system:serviceaccount:shop:x")
            .await,
        nameless: Caller::nameless(kubeconfig).await,
    };
    let mut answers = Answers::new();
    for (caller, name, method, path, kind, body) in questions(&callers) {
        let (code, answer) = caller.call_as(method, path, kind, body).await;
        answers.push((name.into(), told(code, &answer)));
    }
    answers
}

const WHO: &str = "/apis/authentication.k8s.io/v1/selfsubjectreviews";
const ROLLER: &str = "system:serviceaccount:shop:roller";

struct Callers {
    /// A service account without a role.
    roller: Caller,
    /// Has a token that was never issued.
    stranger: Caller,
    /// The administrator as the service account.
    as_roller: Caller,
    /// The service account as somebody.
    as_another: Caller,
    /// The service account as another.
    as_account: Caller,
    /// Sends no token.
    nameless: Caller,
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
fn questions(callers: &Callers) -> Vec<Question<'_>> {
    let Callers { roller, stranger, as_roller, as_another, as_account, nameless } = callers;
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
        (as_roller, "may not list as another", "GET", "/api/v1/nodes", JSON, Value::Null),
        (as_roller, "asks as another who it is", "POST", WHO, JSON, json!({})),
        (as_another, "may not be another", "GET", "/api/v1/nodes", JSON, Value::Null),
        (as_account, "may not be another account", "GET", "/api/v1/nodes", JSON, Value::Null),
        (nameless, "nobody may not list", "GET", "/api/v1/nodes", JSON, Value::Null),
        (nameless, "nobody may not discover", "GET", "/api", JSON, Value::Null),
        (nameless, "nobody may not ask who it is", "POST", WHO, JSON, json!({})),
        (nameless, "nobody may read the version", "GET", "/version", JSON, Value::Null),
        (nameless, "nobody may ask for health", "GET", "/livez", JSON, Value::Null),
        (roller, "may read the version", "GET", "/version", JSON, Value::Null),
    ]
}
