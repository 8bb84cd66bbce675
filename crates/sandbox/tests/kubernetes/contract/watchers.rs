//! Lists in pages and the watches that go on from them, of each kind that a roller keeps a store of, as kube's `watcher` asks
//! for them.

use std::collections::BTreeMap;

use futures_util::{StreamExt, future::join_all};
use kube::{
    Api, ResourceExt,
    api::{ApiResource, DynamicObject, GroupVersionKind},
    runtime::watcher::{self, Event},
};
use serde_json::{Value, json};
use tokio::sync::Notify;

use super::Answers;
use crate::world::{Caller, DEADLINE, node};

/// A kind: group, version, name, plural, and a body without its name and labels that no controller makes anything of.
struct Kind {
    gvk: (&'static str, &'static str, &'static str),
    plural: &'static str,
    body: Value,
}

const PICKED: &str = "labelSelector=set%3Dseen";

fn kinds() -> Vec<Kind> {
    let nowhere = json!({"nodeSelector": {"there": "is-none"}, "containers": [{"name": "x", "image": "x:1"}]});
    let mut once = nowhere.clone();
    once["restartPolicy"] = "Never".into();
    let labels = json!({"app": "nowhere"});
    let template = json!({"metadata": {"labels": labels}, "spec": nowhere});
    let selector = json!({"matchLabels": labels});
    let of = |group, version, kind, plural, body| Kind {
        gvk: (group, version, kind),
        plural,
        body,
    };
    vec![
        of("", "v1", "Node", "nodes", node("x")),
        of("", "v1", "Pod", "pods", json!({"spec": nowhere})),
        of(
            "policy",
            "v1",
            "PodDisruptionBudget",
            "poddisruptionbudgets",
            json!({"spec": {"minAvailable": 1, "selector": selector}}),
        ),
        of(
            "batch",
            "v1",
            "Job",
            "jobs",
            json!({"spec": {"suspend": true, "template": {"spec": once}}}),
        ),
        of(
            "apps",
            "v1",
            "DaemonSet",
            "daemonsets",
            json!({"spec": {"selector": selector, "template": template}}),
        ),
    ]
}

impl Kind {
    fn path(&self) -> String {
        let home = match self.plural {
            "nodes" => "",
            _ => "/namespaces/seen",
        };
        match self.gvk {
            ("", version, _) => format!("/api/{version}{home}/{}", self.plural),
            (group, version, _) => format!("/apis/{group}/{version}{home}/{}", self.plural),
        }
    }

    async fn create(&self, admin: &Caller, name: &str) {
        let mut body = self.body.clone();
        body["metadata"] = json!({"name": name, "labels": {"set": "seen"}});
        admin.ok("POST", &self.path(), body).await;
    }

    fn api(&self, admin: &Caller) -> Api<DynamicObject> {
        let (group, version, kind) = self.gvk;
        let gvk = GroupVersionKind::gvk(group, version, kind);
        let resource = ApiResource::from_gvk_with_plural(&gvk, self.plural);
        match self.plural {
            "nodes" => Api::all_with(admin.0.clone(), &resource),
            _ => Api::namespaced_with(admin.0.clone(), "seen", &resource),
        }
    }
}

pub async fn answers(admin: &Caller) -> Answers {
    let home = json!({"metadata": {"name": "seen"}});
    admin.ok("POST", "/api/v1/namespaces", home).await;
    let kinds = kinds();
    let told = join_all(kinds.iter().map(|kind| of_kind(admin, kind))).await;
    let names = kinds.iter().map(|kind| format!("store of {}", kind.plural));
    names.zip(told).collect()
}

/// The answer of a server that no longer knows its first changes to a watch of each kind from then on.
pub async fn late_answers(admin: &Caller) -> Answers {
    let mut answers = Answers::new();
    for kind in kinds() {
        let path = format!(
            "{}?watch=1&timeoutSeconds=60&resourceVersion=1",
            kind.path()
        );
        let (code, events) = admin.lines(&path, 1).await;
        let object = &events[0]["object"];
        let told = json!({"code": code, "type": events[0]["type"], "told": object["code"], "reason": object["reason"]});
        answers.push((format!("watch {} from too long ago", kind.plural), told));
    }
    answers
}

async fn of_kind(admin: &Caller, kind: &Kind) -> Value {
    for name in ["s-b", "s-c", "s-d"] {
        kind.create(admin, name).await;
    }
    let (pages, revision) = pages(admin, kind).await;
    let resumed = resumed(admin, kind, &revision).await;
    let bookmarks = bookmarks(admin, kind).await;
    let watcher = watched(admin, kind).await;
    json!({"pages": pages, "resumed": resumed, "bookmarks": bookmarks, "watcher": watcher})
}

/// Between the pages of a list one comes before the first and one after the last: neither is in the list, nor later than its
/// revision is lost.
async fn pages(admin: &Caller, kind: &Kind) -> (Value, String) {
    let path = format!("{}?{PICKED}&limit=2", kind.path());
    let first = admin.get(&path).await;
    let token = first["metadata"]["continue"].as_str().unwrap_or_default();
    kind.create(admin, "s-a").await;
    kind.create(admin, "s-e").await;
    let second = admin.get(&format!("{path}&continue={token}")).await;
    let revision = first["metadata"]["resourceVersion"].clone();
    let any = admin.get(&format!("{path}&resourceVersion=0")).await;
    let both = format!("{path}&resourceVersion=1&continue={token}");
    let (code, both) = admin.call("GET", &both, Value::Null).await;
    let exact = format!(
        "{}?{PICKED}&resourceVersionMatch=Exact&resourceVersion=",
        kind.path()
    );
    let exact = admin
        .get(&format!("{exact}{}", revision.as_str().unwrap_or_default()))
        .await;
    let told = json!({
        "first": names(&first), "second": names(&second), "left": first["metadata"]["remainingItemCount"],
        "more": [first["metadata"]["continue"].is_string(), second["metadata"]["continue"].is_string()],
        "of one time": second["metadata"]["resourceVersion"] == revision,
        "whole at any revision": names(&any).len() > 2, "at that revision": names(&exact),
        "a revision and a token": [json!(code), both["message"].clone()],
    });
    (told, revision.as_str().unwrap_or_default().to_owned())
}

fn names(list: &Value) -> Vec<Value> {
    let items = list["items"].as_array().into_iter().flatten();
    items.map(|item| item["metadata"]["name"].clone()).collect()
}

/// A watch from the revision of the list shows the two that were created between its pages, and no other as new.
async fn resumed(admin: &Caller, kind: &Kind, revision: &str) -> Vec<Value> {
    let path = format!(
        "{}?{PICKED}&watch=1&timeoutSeconds=60&resourceVersion={revision}",
        kind.path()
    );
    let two = |lines: &[Value]| added(lines).len() >= 2;
    let (_, lines) = admin.lines_until(&path, two).await;
    added(&lines)
}

fn added(lines: &[Value]) -> Vec<Value> {
    let added = lines.iter().filter(|line| line["type"] == "ADDED");
    added
        .map(|line| line["object"]["metadata"]["name"].clone())
        .collect()
}

/// A watch with bookmarks has one shortly before its end, and a watch from there shows nothing again. (The real server
/// sends none when nothing of the kind changed since the watch began.)
async fn bookmarks(admin: &Caller, kind: &Kind) -> Value {
    let from = |revision: &str, seconds: u32| {
        let watch = "watch=1&allowWatchBookmarks=true";
        format!(
            "{}?{PICKED}&{watch}&timeoutSeconds={seconds}&resourceVersion={revision}",
            kind.path()
        )
    };
    let list = admin.get(&format!("{}?{PICKED}", kind.path())).await;
    let revision = list["metadata"]["resourceVersion"].clone();
    let revision = revision.as_str().unwrap_or_default();
    kind.create(admin, "s-f").await;
    let begun = Notify::new();
    let path = from(revision, 5);
    let reading = admin.lines_until(&path, |lines| {
        if !lines.is_empty() {
            begun.notify_one();
        }
        lines.iter().any(is_bookmark)
    });
    let changing = async {
        begun.notified().await;
        let annotations = json!({"metadata": {"annotations": {"test/changed": "yes"}}});
        let path = format!("{}/s-f", kind.path());
        admin.merge(&path, annotations).await
    };
    let ((_, lines), _) = tokio::join!(reading, changing);
    let mark = lines.iter().find(|line| is_bookmark(line));
    let mark = mark.cloned().unwrap_or_default();
    let marked = mark["object"]["metadata"]["resourceVersion"].as_str();
    let marked = marked.unwrap_or_default();
    let number = |text: &str| text.parse::<u64>().unwrap_or_default();
    let (_, again) = admin.lines(&from(marked, 1), usize::MAX).await;
    json!({
        "bookmark of": mark["object"]["kind"], "later": number(marked) > number(revision),
        "new": added(&lines), "new again": added(&again),
    })
}

fn is_bookmark(line: &Value) -> bool {
    line["type"] == "BOOKMARK"
}

/// What kube's watcher makes of it, in pages of two and over watches of a second.
async fn watched(admin: &Caller, kind: &Kind) -> Value {
    let config = watcher::Config::default()
        .labels("set=seen")
        .page_size(2)
        .timeout(1);
    let mut events = watcher::watcher(kind.api(admin), config).boxed();
    let (mut lists, mut listed) = (0, Vec::new());
    // Of later events the first of each name: controllers may write the objects at any time.
    let mut later: BTreeMap<String, &str> = BTreeMap::new();
    let watching = async {
        while let Some(event) = events.next().await {
            match event {
                Ok(Event::Init) => listed.clear(),
                Ok(Event::InitApply(object)) => listed.push(object.name_any()),
                Ok(Event::InitDone) => {
                    lists += 1;
                    kind.create(admin, "s-late").await;
                }
                Ok(Event::Apply(object)) if object.name_any() == "s-late" => {
                    if later.insert("s-late".into(), "applied").is_none() {
                        let path = format!("{}/s-late", kind.path());
                        admin.ok("DELETE", &path, Value::Null).await;
                    }
                }
                Ok(Event::Delete(object)) => {
                    later.insert(object.name_any(), "deleted");
                    return;
                }
                Ok(Event::Apply(_)) => {}
                // The server is busy: the watcher goes on by itself.
                Err(_) => {}
            }
        }
    };
    let ended = tokio::time::timeout(DEADLINE, watching).await;
    ended.expect("the watcher sees the object go");
    json!({"lists": lists, "listed": listed, "later": later})
}
