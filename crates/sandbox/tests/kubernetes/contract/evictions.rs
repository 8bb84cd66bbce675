//! Evictions, one by one: what the API says, and what is left of the pod and of its budget (`platform.md` has the list of
//! cases, from `eviction.go` of Kubernetes).

use serde_json::{Value, json};

use super::{Answers, JSON, MERGE, condition, told};
use crate::world::Caller;

const PODS: &str = "/api/v1/namespaces/exits/pods";
const BUDGETS: &str = "/apis/policy/v1/namespaces/exits/poddisruptionbudgets";

/// How the pod is that is to go. It has a neighbour that is Ready, and a finalizer, so that one can look at it afterwards.
#[derive(Clone, Copy, PartialEq)]
enum Pod {
    Ready,
    /// Its condition `Ready` is `Unknown`: neither KWOK nor the sandbox mends that.
    Unready,
    Pending,
    Succeeded,
    Failed,
    Terminating,
}

/// Name, the pod, the budget over the two (`null`: none), the query, and the `deleteOptions`. `REVISION` and `UID` stand for
/// those of the pod.
type Trial = (&'static str, Pod, Value, &'static str, Value);

fn both_must_stay() -> Value {
    json!({"minAvailable": 2})
}

fn one_may_go() -> Value {
    json!({"minAvailable": 1})
}

#[rustfmt::skip]
fn trials() -> Vec<Trial> {
    let policy = |least: i64, policy: &str| json!({"minAvailable": least, "unhealthyPodEvictionPolicy": policy});
    let revision = |revision: &str| json!({"preconditions": {"resourceVersion": revision}});
    let uid = |uid: &str| json!({"preconditions": {"uid": uid}});
    let dry = || json!({"dryRun": ["All"]});
    let none = || Value::Null;
    vec![
        ("granted", Pod::Ready, one_may_go(), "", none()),
        ("refused", Pod::Ready, both_must_stay(), "", none()),
        ("refused for ever", Pod::Ready, json!({"maxUnavailable": 0}), "", none()),
        ("no budget", Pod::Ready, Value::Null, "", none()),
        ("rehearsed by the query", Pod::Ready, one_may_go(), "?dryRun=All", none()),
        ("rehearsed by the body", Pod::Ready, one_may_go(), "", dry()),
        ("rehearsed by both", Pod::Ready, one_may_go(), "?dryRun=All", dry()),
        ("rehearsed and refused", Pod::Ready, both_must_stay(), "", dry()),
        ("rehearsed of an unready one", Pod::Unready, one_may_go(), "?dryRun=All", none()),
        ("of this uid", Pod::Ready, one_may_go(), "", uid("UID")),
        ("of another uid", Pod::Ready, one_may_go(), "", uid("no-such-uid")),
        ("of another uid, refused", Pod::Ready, both_must_stay(), "", uid("no-such-uid")),
        ("of another uid, no budget", Pod::Ready, Value::Null, "", uid("no-such-uid")),
        ("of another uid, rehearsed", Pod::Ready, one_may_go(), "?dryRun=All", uid("no-such-uid")),
        ("at this revision", Pod::Ready, one_may_go(), "", revision("REVISION")),
        ("at another revision", Pod::Ready, one_may_go(), "", revision("1")),
        ("at another revision, unready", Pod::Unready, one_may_go(), "", revision("1")),
        ("at this revision, unready", Pod::Unready, one_may_go(), "", revision("REVISION")),
        ("unready, enough others", Pod::Unready, one_may_go(), "", none()),
        ("unready, too few others", Pod::Unready, both_must_stay(), "", none()),
        ("unready, if healthy, enough others", Pod::Unready, policy(1, "IfHealthyBudget"), "", none()),
        ("unready, if healthy, too few others", Pod::Unready, policy(2, "IfHealthyBudget"), "", none()),
        ("unready, always, too few others", Pod::Unready, policy(2, "AlwaysAllow"), "", none()),
        ("ready, always, too few others", Pod::Ready, policy(2, "AlwaysAllow"), "", none()),
        ("unready, nothing demanded", Pod::Unready, policy(0, "IfHealthyBudget"), "", none()),
        ("pending", Pod::Pending, both_must_stay(), "", none()),
        ("pending, rehearsed", Pod::Pending, both_must_stay(), "?dryRun=All", none()),
        ("succeeded", Pod::Succeeded, both_must_stay(), "", none()),
        ("failed", Pod::Failed, both_must_stay(), "", none()),
        ("terminating", Pod::Terminating, both_must_stay(), "", none()),
        ("terminating, of another uid", Pod::Terminating, both_must_stay(), "", uid("no-such-uid")),
        ("at once", Pod::Ready, one_may_go(), "", json!({"gracePeriodSeconds": 0})),
        ("after a while", Pod::Ready, one_may_go(), "", json!({"gracePeriodSeconds": 7})),
        ("before now", Pod::Ready, one_may_go(), "", json!({"gracePeriodSeconds": -1})),
        ("in the foreground", Pod::Ready, one_may_go(), "", json!({"propagationPolicy": "Foreground"})),
        ("orphaning", Pod::Ready, one_may_go(), "", json!({"propagationPolicy": "Orphan"})),
        ("in an unknown way", Pod::Ready, one_may_go(), "", json!({"propagationPolicy": "Nonsense"})),
        ("in two ways", Pod::Ready, one_may_go(), "", json!({"propagationPolicy": "Foreground", "orphanDependents": true})),
        ("half rehearsed", Pod::Ready, one_may_go(), "", json!({"dryRun": ["Some"]})),
        ("half rehearsed by the query", Pod::Ready, one_may_go(), "?dryRun=Some", none()),
        ("after no number", Pod::Ready, one_may_go(), "", json!({"gracePeriodSeconds": "7"})),
    ]
}

pub async fn answers(admin: &Caller) -> Answers {
    admin
        .ok(
            "POST",
            "/api/v1/namespaces",
            json!({"metadata": {"name": "exits"}}),
        )
        .await;
    let trials = trials();
    for (number, trial) in trials.iter().enumerate() {
        furnish(admin, number, trial).await;
    }
    let mut answers = Answers::new();
    for (number, trial) in trials.iter().enumerate() {
        settle(admin, number, trial).await;
        answers.push((
            format!("evict: {}", trial.0),
            evict(admin, number, trial).await,
        ));
    }
    answers.extend(of_other_bodies(admin).await);
    answers.extend(in_a_namespace_that_ends(admin).await);
    answers
}

/// Names begin with a letter and have a fixed length, so that none is part of another.
fn name(number: usize) -> String {
    format!("t{number:03}")
}

fn pod(number: usize, suffix: &str, how: Pod) -> Value {
    let name = name(number);
    let mut pod = json!({
        "metadata": {"name": format!("{name}-{suffix}"), "labels": {"app": name}, "finalizers": ["trireme.test/hold"]},
        "spec": {"containers": [{"name": "web", "image": "web:1"}]},
    });
    if how == Pod::Pending {
        pod["spec"]["nodeSelector"] = json!({"there": "is-none"});
    }
    pod
}

async fn furnish(admin: &Caller, number: usize, (_, how, budget, ..): &Trial) {
    admin.ok("POST", PODS, pod(number, "goes", *how)).await;
    admin
        .ok("POST", PODS, pod(number, "stays", Pod::Ready))
        .await;
    if !budget.is_null() {
        let mut spec = budget.clone();
        spec["selector"] = json!({"matchLabels": {"app": name(number)}});
        let body = json!({"metadata": {"name": name(number)}, "spec": spec});
        admin.ok("POST", BUDGETS, body).await;
    }
}

/// Waits until the pods are as the trial wants them, and the budget has counted them so.
async fn settle(admin: &Caller, number: usize, (_, how, budget, ..): &Trial) {
    let name = name(number);
    let (goes, stays) = (
        format!("{PODS}/{name}-goes"),
        format!("{PODS}/{name}-stays"),
    );
    let ready = |pod: &Value| condition(pod, "Ready")["status"] == "True";
    admin.until(&stays, ready).await;
    if *how != Pod::Pending {
        admin.until(&goes, ready).await;
    }
    let status = match how {
        Pod::Ready | Pod::Pending => Value::Null,
        Pod::Unready => {
            json!({"conditions": [{"type": "Ready", "status": "Unknown", "reason": "Test"}]})
        }
        Pod::Succeeded => json!({"phase": "Succeeded"}),
        Pod::Failed => json!({"phase": "Failed"}),
        Pod::Terminating => {
            admin.ok("DELETE", &goes, Value::Null).await;
            Value::Null
        }
    };
    if !status.is_null() {
        let patch = json!({"status": status}).to_string().into_bytes();
        let patch_type = "application/strategic-merge-patch+json";
        let (code, answer) = admin
            .send("PATCH", &format!("{goes}/status"), patch_type, patch)
            .await;
        assert_eq!(code, 200, "{answer}");
    }
    if !budget.is_null() {
        let healthy = match how {
            Pod::Ready => 2,
            // Its condition Ready is still True.
            Pod::Succeeded | Pod::Failed => 2,
            Pod::Unready | Pod::Pending | Pod::Terminating => 1,
        };
        let counted = |budget: &Value| budget["status"]["currentHealthy"] == healthy;
        admin.until(&format!("{BUDGETS}/{name}"), counted).await;
    }
}

async fn evict(admin: &Caller, number: usize, (_, _, budget, query, options): &Trial) -> Value {
    let name = name(number);
    let path = format!("{PODS}/{name}-goes");
    let before = admin.get(&path).await["metadata"].clone();
    let mut body = json!({"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": format!("{name}-goes")}});
    if !options.is_null() {
        body["deleteOptions"] = options.clone();
    }
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let (uid, revision) = (text(&before["uid"]), text(&before["resourceVersion"]));
    let body = body
        .to_string()
        .replace("UID", &uid)
        .replace("REVISION", &revision);
    let answer = post(admin, &format!("{path}/eviction{query}"), body).await;
    let pod = of_pod(&admin.get(&path).await);
    let budget = of_budget(admin, &name, budget, pod["goes"] == true).await;
    let told = json!({"answer": answer, "left": {"pod": pod, "budget": budget}}).to_string();
    let mut told = told
        .replace(&uid, "UID")
        .replace(&format!("({revision})"), "(REVISION)");
    told = told.replace(&name, "NAME");
    serde_json::from_str(&told).unwrap_or_default()
}

async fn post(admin: &Caller, path: &str, body: String) -> Value {
    let answer = admin.exchange("POST", path, JSON, body.into_bytes()).await;
    let after = answer
        .headers()
        .get("retry-after")
        .and_then(|value| value.to_str().ok());
    let body = serde_json::from_slice(answer.body()).unwrap_or_default();
    let mut told = told(answer.status().as_u16(), &body);
    told["retry after"] = json!(after);
    told
}

/// Whether it is being deleted, and why. (How long it is given differs from one instant to the next: KWOK ends it.)
fn of_pod(pod: &Value) -> Value {
    let target = condition(pod, "DisruptionTarget");
    json!({
        "goes": pod["metadata"]["deletionTimestamp"].is_string(),
        "target": [target["status"], target["reason"], target["message"]],
    })
}

/// What the budget allows once the controller has seen a pod go: until then the grant of its eviction counts, which is listed in
/// `disruptedPods` and ends as the controller meets the pod's deletion.
async fn of_budget(admin: &Caller, name: &str, budget: &Value, goes: bool) -> Value {
    if budget.is_null() {
        return Value::Null;
    }
    let counted = |budget: &Value| {
        let granted = budget["status"]["disruptedPods"].as_object();
        !goes || granted.is_none_or(serde_json::Map::is_empty)
    };
    let status = admin.until(&format!("{BUDGETS}/{name}"), counted).await["status"].take();
    json!({"allowed": status["disruptionsAllowed"], "desired": status["desiredHealthy"]})
}

/// What is no proper eviction, or says it in another way, of a pod that no budget lets go.
async fn of_other_bodies(admin: &Caller) -> Answers {
    const NUMBER: usize = 900;
    let trial = ("bodies", Pod::Ready, both_must_stay(), "", Value::Null);
    furnish(admin, NUMBER, &trial).await;
    settle(admin, NUMBER, &trial).await;
    let pod = format!("{}-goes", name(NUMBER));
    let path = format!("{PODS}/{pod}/eviction");
    let metadata = json!({"name": pod});
    let of = |version: &str, kind: &str| {
        json!({"apiVersion": version, "kind": kind, "metadata": metadata}).to_string()
    };
    let mut elsewhere =
        json!({"apiVersion": "policy/v1", "kind": "Eviction", "metadata": metadata});
    elsewhere["metadata"]["namespace"] = "shop".into();
    let mut strange = json!({"apiVersion": "policy/v1", "kind": "Eviction", "metadata": metadata});
    strange["color"] = "red".into();
    let bodies = [
        ("policy/v1", of("policy/v1", "Eviction")),
        ("policy/v1beta1", of("policy/v1beta1", "Eviction")),
        ("policy/v2", of("policy/v2", "Eviction")),
        ("the core group", of("v1", "Eviction")),
        ("a pod", of("v1", "Pod")),
        ("only a name", json!({"metadata": metadata}).to_string()),
        ("an empty object", "{}".into()),
        ("nothing", String::new()),
        ("no JSON", "evict".into()),
        ("a list", "[]".into()),
        (
            "a number for a name",
            r#"{"apiVersion":"policy/v1","kind":"Eviction","metadata":{"name":1}}"#.into(),
        ),
        ("one of another namespace", elsewhere.to_string()),
        ("one with an unknown field", strange.to_string()),
    ];
    let unnamed = |answer: Value| {
        let told = answer.to_string().replace(&pod, "POD");
        serde_json::from_str(&told).unwrap_or_default()
    };
    let mut answers = Answers::new();
    for (what, body) in bodies {
        let answer = post(admin, &path, body).await;
        answers.push((format!("evict by {what}"), unnamed(answer)));
    }
    let strictly = format!("{path}?fieldValidation=Strict");
    let answer = post(admin, &strictly, strange.to_string()).await;
    answers.push(("evict strictly".into(), unnamed(answer)));
    for method in ["GET", "PUT", "PATCH", "DELETE"] {
        let (code, answer) = admin.call_as(method, &path, MERGE, json!({})).await;
        answers.push((format!("{method} of an eviction"), told(code, &answer)));
    }
    answers
}

/// A namespace that is being deleted refuses evictions: its pods are deleted with it.
async fn in_a_namespace_that_ends(admin: &Caller) -> Answers {
    let home = "/api/v1/namespaces/ending";
    admin
        .ok(
            "POST",
            "/api/v1/namespaces",
            json!({"metadata": {"name": "ending"}}),
        )
        .await;
    admin
        .ok(
            "POST",
            &format!("{home}/pods"),
            pod(901, "goes", Pod::Ready),
        )
        .await;
    admin.ok("DELETE", home, Value::Null).await;
    admin
        .until(home, |home| home["status"]["phase"] == "Terminating")
        .await;
    let mut answers = Answers::new();
    for (what, query) in [
        ("evict as the namespace ends", ""),
        ("rehearse as the namespace ends", "?dryRun=All"),
    ] {
        let name = format!("{}-goes", name(901));
        let path = format!("{home}/pods/{name}/eviction{query}");
        let body =
            json!({"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": name}});
        answers.push((what.into(), post(admin, &path, body.to_string()).await));
    }
    answers
}
