//! Writes that say from which version they were made: on any other they fail and change nothing.

use serde_json::{Value, json};

use super::{Answers, JSON, MERGE, told};
use crate::world::Caller;

const NODE: &str = "/api/v1/nodes/w-b";
const LEASES: &str = "/apis/coordination.k8s.io/v1/namespaces/shop/leases";
const STRATEGIC: &str = "application/strategic-merge-patch+json";
const OPERATIONS: &str = "application/json-patch+json";

/// Name, what is patched, media type, patch. Each of them asks for a label `zone-done` that the node must not get.
type Row = (&'static str, String, &'static str, Value);

#[rustfmt::skip]
fn stale_patches() -> Vec<Row> {
    let patch = |revision: Value| json!({"metadata": {"resourceVersion": revision, "labels": {"zone-done": "yes"}}, "spec": {"unschedulable": true}});
    let of = |query: &str| format!("{NODE}{query}");
    let replace = json!([
        {"op": "replace", "path": "/metadata/resourceVersion", "value": "1"},
        {"op": "add", "path": "/metadata/labels/zone-done", "value": "yes"},
    ]);
    let test = json!([
        {"op": "test", "path": "/metadata/resourceVersion", "value": "1"},
        {"op": "add", "path": "/metadata/labels/zone-done", "value": "yes"},
    ]);
    let uid = json!([
        {"op": "test", "path": "/metadata/uid", "value": "another"},
        {"op": "add", "path": "/metadata/labels/zone-done", "value": "yes"},
    ]);
    let another = json!({"metadata": {"uid": "another", "labels": {"zone-done": "yes"}}});
    vec![
        ("merge at an old revision", of(""), MERGE, patch(json!("1"))),
        ("merge at a revision to come", of(""), MERGE, patch(json!("99999999"))),
        ("rehearse a merge at an old revision", of("?dryRun=All"), MERGE, patch(json!("1"))),
        ("merge strategically at an old revision", of(""), STRATEGIC, patch(json!("1"))),
        ("merge a status at an old revision", of("/status"), MERGE, patch(json!("1"))),
        ("merge nothing at an old revision", of(""), MERGE, json!({"metadata": {"resourceVersion": "1"}})),
        ("replace the revision by an old one", of(""), OPERATIONS, replace),
        ("test for an old revision", of(""), OPERATIONS, test),
        ("test for another uid", of(""), OPERATIONS, uid),
        ("merge into another uid", of(""), MERGE, another),
    ]
}

pub async fn answers(admin: &Caller) -> Answers {
    let mut answers = Answers::new();
    let uid = admin.get(NODE).await["metadata"]["uid"].clone();
    for (name, path, media_type, patch) in stale_patches() {
        let (code, answer) = admin.call_as("PATCH", &path, media_type, patch).await;
        let node = admin.get(NODE).await;
        let changed = node["metadata"]["labels"]["zone-done"].is_string()
            || node["spec"]["unschedulable"] == true;
        let same = node["metadata"]["uid"] == uid;
        let all = json!({"answer": told(code, &answer), "changed": changed, "same": same});
        answers.push((name.into(), all));
    }
    answers.extend(at_the_right_revision(admin).await);
    answers.extend(of_leases(admin).await);
    answers
}

/// The node's controllers write it, too: who comes between makes this a conflict, after which one looks again.
async fn at_the_right_revision(admin: &Caller) -> Answers {
    let mut answers = Answers::new();
    for (name, revision) in [
        ("merge at this revision", "THIS"),
        ("merge at revision 0", "0"),
        ("merge at an empty revision", ""),
    ] {
        let told = loop {
            let now = admin.get(NODE).await["metadata"]["resourceVersion"].clone();
            let now = now.as_str().unwrap_or_default();
            let revision = revision.replace("THIS", now);
            let patch = json!({"metadata": {"resourceVersion": revision, "annotations": {"test/last": name}}});
            let (code, answer) = admin.call_as("PATCH", NODE, MERGE, patch).await;
            let newer = answer["metadata"]["resourceVersion"] != now;
            if code != 409 {
                break json!({"answer": told(code, &answer), "newer": newer, "written": answer["metadata"]["annotations"]["test/last"]});
            }
        };
        answers.push((name.into(), told));
    }
    answers
}

/// A Lease is replaced only by who says what it replaces.
async fn of_leases(admin: &Caller) -> Answers {
    let lease = |revision: Value| {
        json!({
            "metadata": {"name": "roller", "resourceVersion": revision},
            "spec": {"holderIdentity": "a", "leaseDurationSeconds": 10, "leaseTransitions": 3,
                "acquireTime": "2026-01-01T00:00:00.250000Z", "renewTime": "2026-01-01T00:00:01.500000Z"},
        })
    };
    let created = admin.ok("POST", LEASES, lease(Value::Null)).await;
    let mut answers: Answers = vec![("a new lease".into(), created["spec"].clone())];
    let path = format!("{LEASES}/roller");
    let this = created["metadata"]["resourceVersion"].clone();
    for (name, revision) in [
        ("replace a lease of no revision", Value::Null),
        ("replace a lease of revision 0", json!("0")),
        ("replace a lease of an old revision", json!("1")),
        ("replace the lease", this.clone()),
        ("merge a lease of an old revision", json!("1")),
    ] {
        let mut body = lease(revision);
        body["spec"]["leaseTransitions"] = 4.into();
        let (method, media_type) = if name.starts_with("merge") {
            ("PATCH", MERGE)
        } else {
            ("PUT", JSON)
        };
        let (code, answer) = admin.call_as(method, &path, media_type, body).await;
        let transitions = admin.get(&path).await["spec"]["leaseTransitions"].clone();
        let all = json!({"answer": told(code, &answer), "transitions": transitions});
        answers.push((name.into(), all));
    }
    answers
}
