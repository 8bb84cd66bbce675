//! Small audit logs, each with one fault.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::judge::{
    Objection, Verdict,
    audit::{Case, judge},
};

pub(crate) const US: &str = "system:serviceaccount:trireme-system:trireme";
const ADMIN: &str = "admin";

pub(crate) fn event(user: &str, verb: &str, on: &Value, code: u16) -> Value {
    json!({
        "kind": "Event", "apiVersion": "audit.k8s.io/v1", "level": "Metadata", "stage": "ResponseComplete",
        "requestURI": "/api", "verb": verb, "user": {"username": user}, "objectRef": on, "responseStatus": {"code": code},
    })
}

fn token() -> Value {
    let on = json!({"resource": "serviceaccounts", "subresource": "token", "namespace": "trireme-system", "name": "trireme"});
    event(ADMIN, "create", &on, 201)
}

fn pod(subresource: &str) -> Value {
    json!({"resource": "pods", "namespace": "shop", "name": "web-1", "subresource": subresource})
}

fn eviction(user: &str) -> Value {
    event(user, "create", &pod("eviction"), 201)
}

fn patch() -> Value {
    event(
        US,
        "patch",
        &json!({"resource": "nodes", "name": "w-a1"}),
        200,
    )
}

/// A roll of one node with one pod.
fn good() -> Vec<Value> {
    let mut rehearsed = eviction(US);
    rehearsed["requestURI"] = "/api/v1/namespaces/shop/pods/web-1/eviction?dryRun=All".into();
    let jobs = json!({"resource": "jobs", "namespace": "trireme-system", "name": "act"});
    let theirs = event("system:kube-controller-manager", "delete", &pod(""), 200);
    vec![
        token(),
        event(US, "list", &json!({"resource": "pods"}), 200),
        rehearsed,
        patch(),
        eviction(US),
        theirs,
        event(US, "create", &jobs, 201),
        event(US, "delete", &jobs, 200),
        patch(),
    ]
}

fn verdict(events: &[Value]) -> Verdict {
    let log: String = events.iter().map(|event| format!("{event}\n")).collect();
    on(&log)
}

fn on(log: &str) -> Verdict {
    let rolled = BTreeSet::from(["w-a1".to_owned()]);
    let case = Case {
        identity: US,
        rolled: &rolled,
        evictions: 1,
    };
    judge(log, &case)
}

fn with(at: usize, planted: Value) -> Verdict {
    let mut events = good();
    events.insert(at, planted);
    verdict(&events)
}

fn without(at: usize) -> Verdict {
    let mut events = good();
    events.remove(at);
    verdict(&events)
}

/// The first objection is that something was not seen, and says this.
fn unseen(verdict: Verdict, words: &str) {
    assert!(
        matches!(&verdict, Err(Objection::Unseen(why)) if why.contains(words)),
        "{words}: {verdict:?}"
    );
}

fn broken(verdict: Verdict, words: &str) {
    assert!(
        matches!(&verdict, Err(Objection::Broken(why)) if why.contains(words)),
        "{words}: {verdict:?}"
    );
}

#[test]
fn a_roll_by_evictions_alone_is_let_pass() {
    assert_eq!(verdict(&good()), Ok(()));
}

#[test]
fn a_deletion_of_pods_or_of_what_owns_them_is_found_wherever_it_stands() {
    for (verb, on) in [
        ("delete", pod("")),
        (
            "deletecollection",
            json!({"resource": "pods", "namespace": "shop"}),
        ),
        (
            "delete",
            json!({"resource": "replicasets", "namespace": "shop", "name": "web"}),
        ),
        (
            "deletecollection",
            json!({"resource": "jobs", "namespace": "trireme-system"}),
        ),
        ("delete", json!({"resource": "namespaces", "name": "shop"})),
        ("delete", json!({"resource": "nodes", "name": "w-a1"})),
        (
            "patch",
            json!({"resource": "pods", "namespace": "shop", "name": "web-1"}),
        ),
        (
            "patch",
            json!({"resource": "nodes", "name": "w-a1", "subresource": "status"}),
        ),
    ] {
        for at in 1..=good().len() {
            broken(with(at, event(US, verb, &on, 200)), verb);
        }
    }
}

#[test]
fn what_another_did_in_its_name_is_its_own() {
    let mut planted = event(ADMIN, "delete", &pod(""), 200);
    planted["impersonatedUser"] = json!({"username": US});
    broken(with(3, planted), "delete");
}

#[test]
fn a_right_that_it_lacked_is_found() {
    broken(
        with(3, event(US, "list", &json!({"resource": "secrets"}), 403)),
        "403",
    );
}

#[test]
fn a_log_that_is_empty_or_cut_off_or_unreadable_is_no_witness() {
    unseen(on(""), "empty");
    let whole: String = good().iter().map(|event| format!("{event}\n")).collect();
    unseen(on(&whole[..whole.len() - 20]), "cut off");
    unseen(
        on(&whole.replacen("\"user\"", "\"usr\"", 1)),
        "line 1 is no event",
    );
    unseen(on(&format!("{whole}[]\n")), "line 10 is no event");
}

#[test]
fn a_log_that_was_rotated_is_no_witness() {
    for lost in 1..good().len() {
        unseen(verdict(&good()[lost..]), "rotated");
    }
    let mut late = good();
    late.rotate_left(1);
    unseen(verdict(&late), "rotated");
}

#[test]
fn a_log_that_lacks_the_beginning_or_the_end_of_a_node_is_no_witness() {
    unseen(without(3), "1 writes of node w-a1");
    unseen(without(8), "1 writes of node w-a1");
}

#[test]
fn a_log_without_our_evictions_is_no_witness() {
    unseen(without(4), "0 evictions by");
    let mut refused = good();
    refused[4]["responseStatus"]["code"] = 429.into();
    unseen(verdict(&refused), "0 evictions by");
}

#[test]
fn a_log_of_another_identity_is_no_witness() {
    let text = Value::from(good()).to_string();
    let text = text.replace(US, "system:serviceaccount:trireme-system:other");
    let other: Vec<Value> = serde_json::from_str(&text).expect("events");
    unseen(verdict(&other), "rotated, or is of another");
    let mut evicted_by_another = good();
    evicted_by_another[4] = eviction("somebody");
    unseen(
        verdict(&evicted_by_another),
        "pods were evicted by {\"somebody\"}",
    );
}
