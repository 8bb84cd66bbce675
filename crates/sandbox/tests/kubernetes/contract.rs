//! The same requests to the sandbox and to a real control plane must get the same answers.

mod access;
mod budgets;
mod conditional;
mod deletions;
mod evictions;
mod lines;
mod options;
mod tables;
mod watchers;
mod watches;

use std::{fs, path::Path, time::Duration};

use jiff::SignedDuration;
use serde_json::{Value, json};
use trireme_peers::ControlPlane;
use trireme_sandbox::kubernetes::{Api, FaultOptions, KubernetesOptions};

use crate::world::{Caller, eviction, node, options, web};

const MERGE: &str = "application/merge-patch+json";
const JSON: &str = "application/json";
const MAPS: &str = "/api/v1/namespaces/shop/configmaps";
const PODS: &str = "/api/v1/namespaces/shop/pods";
const BUDGETS: &str = "/apis/policy/v1/namespaces/shop/poddisruptionbudgets";

/// Name, method, path, media type, body. `POD` stands for the name of a pod of `web`.
type Case = (&'static str, &'static str, String, &'static str, Value);

/// The requests and the answers to them, in their order.
type Answers = Vec<(String, Value)>;

#[rustfmt::skip]
fn cases() -> Vec<Case> {
    let map = json!({"metadata": {"name": "one"}, "data": {"a": "1"}});
    let at = |base: &str, rest: &str| format!("{base}{rest}");
    let review = json!({"spec": {"resourceAttributes": {"verb": "get", "resource": "nodes"}}});
    let stale = json!({"metadata": {"name": "one", "resourceVersion": "1"}, "data": {}});
    let operations = json!([{"op": "test", "path": "/data/a", "value": "no"}]);
    vec![
        ("create", "POST", MAPS.into(), JSON, map.clone()),
        ("create again", "POST", MAPS.into(), JSON, map),
        ("read what is not there", "GET", at(MAPS, "/two"), JSON, Value::Null),
        ("write over a newer one", "PUT", at(MAPS, "/one"), JSON, stale),
        ("merge", "PATCH", at(MAPS, "/one"), MERGE, json!({"data": {"a": "2"}})),
        ("a patch whose test fails", "PATCH", at(MAPS, "/one"), "application/json-patch+json", operations),
        ("delete with another uid", "DELETE", at(MAPS, "/one"), JSON, json!({"preconditions": {"uid": "x"}})),
        ("delete", "DELETE", at(MAPS, "/one"), JSON, Value::Null),
        ("no namespace", "POST", "/api/v1/namespaces/none/configmaps".into(), JSON, json!({"metadata": {"name": "x"}})),
        ("no name", "POST", MAPS.into(), JSON, json!({"metadata": {}})),
        ("bad name", "POST", MAPS.into(), JSON, json!({"metadata": {"name": "Bad_Name"}})),
        ("no such resource", "GET", "/api/v1/namespaces/shop/nonsense".into(), JSON, Value::Null),
        ("post to an object", "POST", at(MAPS, "/one"), JSON, json!({"metadata": {"name": "one"}})),
        ("unknown field selector", "GET", at(PODS, "?fieldSelector=spec.color%3Dred"), JSON, Value::Null),
        ("rehearse an eviction", "POST", at(PODS, "/POD/eviction?dryRun=All"), JSON, eviction("POD")),
        ("evict", "POST", at(PODS, "/POD/eviction"), JSON, eviction("POD")),
        ("evict by another name", "POST", at(PODS, "/POD/eviction"), JSON, eviction("other")),
        ("evict nobody", "POST", at(PODS, "/nobody/eviction"), JSON, eviction("nobody")),
        ("a second budget", "POST", BUDGETS.into(), JSON, budget("second", json!({"maxUnavailable": 1}))),
        ("evict under two budgets", "POST", at(PODS, "/POD/eviction"), JSON, eviction("POD")),
        ("both limits", "POST", BUDGETS.into(), JSON, budget("both", json!({"maxUnavailable": 1, "minAvailable": 1}))),
        ("more than all", "POST", BUDGETS.into(), JSON, budget("more", json!({"minAvailable": "101%"}))),
        ("no such group", "GET", "/apis/nonsense.example/v1/things".into(), JSON, Value::Null),
        ("no such version", "GET", "/apis/apps/v2/deployments".into(), JSON, Value::Null),
        ("no such subresource", "GET", at(PODS, "/POD/nonsense"), JSON, Value::Null),
        ("put to a collection", "PUT", MAPS.into(), JSON, json!({"metadata": {"name": "one"}})),
        ("delete all namespaces", "DELETE", "/api/v1/namespaces".into(), JSON, Value::Null),
        ("read an eviction", "GET", at(PODS, "/POD/eviction"), JSON, Value::Null),
        ("another media type", "POST", MAPS.into(), "text/plain", json!({"metadata": {"name": "two"}})),
        ("rehearse a creation", "POST", at(MAPS, "?dryRun=All"), JSON, json!({"metadata": {"name": "two"}})),
        ("what was rehearsed", "GET", at(MAPS, "/two"), JSON, Value::Null),
        ("rehearse in part", "POST", at(MAPS, "?dryRun=Some"), JSON, json!({"metadata": {"name": "two"}})),
        ("unreadable selector", "GET", at(MAPS, "?labelSelector=%3D%3D"), JSON, Value::Null),
        ("watch from no revision", "GET", at(MAPS, "?watch=1&resourceVersion=x"), JSON, Value::Null),
        ("list at no revision", "GET", at(MAPS, "?resourceVersion=x"), JSON, Value::Null),
        ("drop a budget", "DELETE", at(BUDGETS, "/all"), JSON, Value::Null),
        ("drop the other", "DELETE", at(BUDGETS, "/second"), JSON, Value::Null),
        ("evict another uid", "POST", at(PODS, "/POD/eviction"), JSON, precise_eviction("no-such-uid")),
        ("evict what no budget covers", "POST", at(PODS, "/POD/eviction"), JSON, eviction("POD")),
        ("ask for access", "POST", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews".into(), JSON, review),
    ]
}

fn precise_eviction(uid: &str) -> Value {
    let mut body = eviction("POD");
    body["deleteOptions"] = json!({"preconditions": {"uid": uid}});
    body
}

fn budget(name: &str, mut spec: Value) -> Value {
    spec["selector"] = json!({"matchLabels": {"app": "web"}});
    json!({"metadata": {"name": name}, "spec": spec})
}

/// Makes the same small world through the API; gives the name of a pod.
async fn furnish(admin: &Caller) -> String {
    for zone in ["a", "b", "c"] {
        admin.ok("POST", "/api/v1/nodes", node(zone)).await;
    }
    let shop = json!({"metadata": {"name": "shop"}});
    admin.ok("POST", "/api/v1/namespaces", shop).await;
    let deployments = "/apis/apps/v1/namespaces/shop/deployments";
    admin.ok("POST", deployments, web(3)).await;
    let ready = |web: &Value| web["status"]["availableReplicas"] == 3;
    admin.until(&format!("{deployments}/web"), ready).await;
    let all = budget("all", json!({"minAvailable": "100%"}));
    admin.ok("POST", BUDGETS, all).await;
    let seen = |budget: &Value| budget["status"]["currentHealthy"] == 3;
    admin.until(&format!("{BUDGETS}/all"), seen).await;
    let pods = admin.get(PODS).await;
    let name = pods["items"][0]["metadata"]["name"].as_str();
    name.unwrap_or_default().to_owned()
}

/// What must agree: the code, and of a refusal its words; of a success only its kind.
fn told(code: u16, answer: &Value) -> Value {
    let told = if code < 300 {
        json!({"kind": answer["kind"], "status": answer["status"]["allowed"], "who": answer["status"]["userInfo"]["username"]})
    } else {
        json!({"reason": answer["reason"], "message": answer["message"], "details": answer["details"]})
    };
    json!({"code": code, "told": told})
}

/// The condition of this type; null when there is none.
fn condition(object: &Value, kind: &str) -> Value {
    let conditions = object["status"]["conditions"].as_array();
    let mut found = conditions
        .into_iter()
        .flatten()
        .filter(|condition| condition["type"] == kind);
    found.next().cloned().unwrap_or_default()
}

async fn single_answers(admin: &Caller, pod: &str) -> Answers {
    let mut all = Answers::new();
    for (name, method, path, media_type, body) in cases() {
        let body: Value =
            serde_json::from_str(&body.to_string().replace("POD", pod)).unwrap_or_default();
        let (code, answer) = admin
            .call_as(method, &path.replace("POD", pod), media_type, body)
            .await;
        let told = told(code, &answer).to_string().replace(pod, "POD");
        all.push((name.into(), serde_json::from_str(&told).unwrap_or_default()));
    }
    all
}

/// Furnishes a server and asks it everything.
async fn answers(kubeconfig: &str) -> Answers {
    let admin = Caller::new(kubeconfig).await;
    let pod = furnish(&admin).await;
    let mut all = single_answers(&admin, &pod).await;
    all.extend(watches::answers(&admin).await);
    all.extend(access::answers(&admin, kubeconfig).await);
    all.extend(budgets::answers(&admin).await);
    all.extend(evictions::answers(&admin).await);
    all.extend(options::answers(&admin).await);
    all.extend(tables::answers(&admin).await);
    all.extend(conditional::answers(&admin).await);
    all.extend(deletions::answers(&admin).await);
    all.extend(watchers::answers(&admin).await);
    all
}

async fn late_answers(admin: &Caller) -> Answers {
    let mut all = watches::late_answers(admin).await;
    all.extend(watchers::late_answers(admin).await);
    all
}

async fn blocking<T, E>(work: impl FnOnce() -> Result<T, E> + Send + 'static) -> T
where
    T: Send + 'static,
    E: std::fmt::Debug + Send + 'static,
{
    let done = tokio::task::spawn_blocking(work).await;
    done.expect("the work ends")
        .expect("the control plane runs")
}

/// The answers of a sandbox that no longer knows its first changes.
async fn ours(options: impl FnOnce(&Path) -> KubernetesOptions) -> Answers {
    let dir = tempfile::tempdir().expect("a folder");
    let log = json!({"format": 1, "oldest": 100, "objects": 0});
    fs::write(dir.path().join("objects.jsonl"), format!("{log}\n")).expect("a file");
    let api = Api::start(options(dir.path())).await.expect("an API");
    api.begin_faults();
    let kubeconfig = api.admin_kubeconfig().expect("a kubeconfig");
    let mut all = answers(&kubeconfig).await;
    all.extend(late_answers(&Caller::new(&kubeconfig).await).await);
    all
}

/// With a clock that is five minutes behind, and troubles. No answer of a write gets lost: one could not be asked for again.
fn untidy(dir: &Path) -> KubernetesOptions {
    KubernetesOptions {
        clock_ahead: SignedDuration::from_mins(-5),
        faults: Some(FaultOptions {
            loses_answers: false,
            longest_delay: Duration::from_millis(50),
            ..FaultOptions::busy(7)
        }),
        ..options(dir)
    }
}

async fn theirs() -> Answers {
    let mut plane = blocking(ControlPlane::start).await;
    let kubeconfig = plane.admin_kubeconfig();
    let mut all = answers(&kubeconfig).await;
    let _plane = blocking(move || plane.restart_api_server().map(|()| plane)).await;
    all.extend(late_answers(&Caller::new(&kubeconfig).await).await);
    all
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_sandbox_tidy_and_untidy_answers_as_the_real_api_server() {
    let (tidy, untidy, theirs) = tokio::join!(ours(options), ours(untidy), theirs());
    let mut differing = Vec::new();
    for (mode, ours) in [("tidy", tidy), ("untidy", untidy)] {
        assert_eq!(ours.len(), theirs.len(), "{mode}");
        for ((name, ours), (_, theirs)) in ours.iter().zip(&theirs) {
            if comparable(name, ours) != comparable(name, theirs) {
                differing.push(format!("{name}\n  {mode}: {ours}\n  theirs: {theirs}"));
            }
        }
    }
    assert!(differing.is_empty(), "{}", differing.join("\n"));
}

/// The words of these cannot agree: they name uids, revisions or media types, or come from a parser of selectors or of JSON.
const OTHER_WORDS: [&str; 18] = [
    "another media type",
    "delete with another uid",
    "delete a Job of another uid",
    "evict another uid",
    "unreadable selector",
    "delete by a list",
    "delete by a pod",
    "delete many by a pod",
    "delete after no number, by the body",
    "list the future",
    "evict: after no number",
    "evict by policy/v2",
    "evict by the core group",
    "evict by a pod",
    "evict by nothing",
    "evict by no JSON",
    "evict by a list",
    "evict by a number for a name",
];

/// An answer without the parts that cannot agree. A refused impersonation names a right (`impersonate-on`) that is newer than the
/// sandbox.
fn comparable(name: &str, answer: &Value) -> Value {
    let mut answer = answer.clone();
    for pointer in ["/told/message", "/answer/told/message"] {
        if let Some(words) = answer.pointer_mut(pointer)
            && OTHER_WORDS.contains(&name)
        {
            words.take();
        }
    }
    if ["may not be another", "may not be another account"].contains(&name) {
        answer["told"].take();
    }
    answer
}
