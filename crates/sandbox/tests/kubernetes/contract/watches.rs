//! Watches: the events in their order, and the answer to a client that comes back too late.

use serde_json::{Value, json};

use super::{Answers, MAPS, MERGE};
use crate::world::Caller;

/// Some changes of config maps and of one that a selector picks, then watches of them from before on.
pub async fn answers(admin: &Caller) -> Answers {
    let before = admin.get(MAPS).await["metadata"]["resourceVersion"].clone();
    let before = before.as_str().unwrap_or_default();
    make_changes(admin).await;
    let from = format!("{MAPS}?watch=1&timeoutSeconds=60&resourceVersion={before}");
    let front = format!("{from}&labelSelector=tier%3Dfront");
    let named = format!("{from}&fieldSelector=metadata.name%3Dsecond");
    let initial = format!(
        "{MAPS}?watch=1&timeoutSeconds=60&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true&labelSelector=tier"
    );
    watch_all(
        admin,
        &[
            ("watch all", &from, 6),
            ("watch what a label picks", &front, 3),
            ("watch one name", &named, 2),
            ("watch with what there is", &initial, 2),
        ],
    )
    .await
}

/// The answer of a server that no longer knows its first changes to a watch from then on.
pub async fn late_answers(admin: &Caller) -> Answers {
    let old = format!("{MAPS}?watch=1&timeoutSeconds=60&resourceVersion=1");
    watch_all(admin, &[("watch from too long ago", &old, 1)]).await
}

/// Reads so many lines of each.
async fn watch_all(admin: &Caller, watches: &[(&str, &str, usize)]) -> Answers {
    let mut answers = Answers::new();
    for &(name, path, lines) in watches {
        let (code, events) = admin.lines(path, lines).await;
        let told: Vec<_> = events.iter().map(told).collect();
        let all = json!({"code": code, "events": told, "in order": in_order(&events)});
        answers.push((name.into(), all));
    }
    answers
}

async fn make_changes(admin: &Caller) {
    let (first, second) = (format!("{MAPS}/first"), format!("{MAPS}/second"));
    for name in ["first", "second"] {
        let map = json!({"metadata": {"name": name}, "data": {"a": "1"}});
        admin.ok("POST", MAPS, map).await;
    }
    let tier = |tier: Value| json!({"metadata": {"labels": {"tier": tier}}});
    for patch in [
        tier("front".into()),
        json!({"data": {"a": "2"}}),
        tier("back".into()),
    ] {
        let (code, answer) = admin.call_as("PATCH", &first, MERGE, patch).await;
        assert_eq!(code, 200, "{answer}");
    }
    admin.ok("DELETE", &second, Value::Null).await;
}

/// Of an event its type and what it is about; of an error what it says, but for the revision that each server is at.
fn told(event: &Value) -> Value {
    let object = &event["object"];
    let message = object["message"].as_str().unwrap_or_default();
    json!({
        "type": event["type"], "kind": object["kind"], "name": object["metadata"]["name"],
        "labels": object["metadata"]["labels"], "annotations": object["metadata"]["annotations"],
        "data": object["data"], "code": object["code"], "reason": object["reason"],
        "message": message.split('(').next(),
    })
}

/// Whether each event has a newer revision than the one before it.
fn in_order(events: &[Value]) -> bool {
    let revision = |event: &Value| {
        let text = event["object"]["metadata"]["resourceVersion"].as_str();
        text.and_then(|text| text.parse::<u64>().ok())
    };
    events.is_sorted_by_key(revision)
}
