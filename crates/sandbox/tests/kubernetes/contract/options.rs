//! Options of a request, and metadata of an object, that must be refused: ignored, they would change what
//! the client asked for.

use serde_json::{Value, json};

use super::{Answers, JSON, MAPS, MERGE, told};
use crate::world::Caller;

/// Name, method, path below the config maps, body. `words` stands for a map that is there.
type Row = (&'static str, &'static str, &'static str, Value);

#[rustfmt::skip]
fn deletions() -> Vec<Row> {
    vec![
        ("delete in an unknown way", "DELETE", "/words?propagationPolicy=Zap", Value::Null),
        ("delete in an unknown way, by the body", "DELETE", "/words", json!({"propagationPolicy": "Zap"})),
        ("delete in two ways", "DELETE", "/words", json!({"propagationPolicy": "Orphan", "orphanDependents": true})),
        ("half rehearse a deletion", "DELETE", "/words", json!({"dryRun": ["Zap"]})),
        ("delete all wrongly", "DELETE", "/words", json!({"dryRun": ["Zap"], "propagationPolicy": "Zap"})),
        ("delete nobody in an unknown way", "DELETE", "/nobody?propagationPolicy=Zap", Value::Null),
        ("delete after no number", "DELETE", "/words?gracePeriodSeconds=x", Value::Null),
        ("delete after no number, by the body", "DELETE", "/words", json!({"gracePeriodSeconds": "7"})),
        ("delete by a list", "DELETE", "/words", json!([])),
        ("delete by a pod", "DELETE", "/words", json!({"kind": "Pod", "apiVersion": "v1"})),
        ("delete many in an unknown way", "DELETE", "?propagationPolicy=Zap", Value::Null),
        ("delete many after no number", "DELETE", "?gracePeriodSeconds=x", Value::Null),
        ("delete many by a pod", "DELETE", "", json!({"kind": "Pod", "apiVersion": "v1"})),
        ("what was not deleted", "GET", "/words", Value::Null),
        ("rehearse by the body", "DELETE", "/words", json!({"dryRun": ["All"]})),
        ("what was rehearsed to be deleted", "GET", "/words", Value::Null),
        ("a query beside a body counts for nothing", "DELETE", "/words?dryRun=All", json!({})),
        ("what was deleted all the same", "GET", "/words", Value::Null),
        ("orphan what belongs to it", "DELETE", "/orphaning?orphanDependents=true", Value::Null),
    ]
}

#[rustfmt::skip]
fn lists() -> Vec<Row> {
    vec![
        ("list no number", "GET", "?limit=x", Value::Null),
        ("list half a number", "GET", "?limit=1.5", Value::Null),
        ("list fewer than none", "GET", "?limit=-1", Value::Null),
        ("watch for no time", "GET", "?watch=1&timeoutSeconds=x", Value::Null),
        ("match no revision", "GET", "?resourceVersionMatch=Exact", Value::Null),
        ("match in an unknown way", "GET", "?resourceVersionMatch=Zap&resourceVersion=1", Value::Null),
        ("match exactly any", "GET", "?resourceVersionMatch=Exact&resourceVersion=0", Value::Null),
        ("match and go on", "GET", "?resourceVersionMatch=NotOlderThan&resourceVersion=0&continue=abc", Value::Null),
        ("watch what matches", "GET", "?watch=1&resourceVersionMatch=NotOlderThan&resourceVersion=1&timeoutSeconds=1", Value::Null),
        ("watch with what there is, unmatched", "GET", "?watch=1&sendInitialEvents=true&timeoutSeconds=1", Value::Null),
        ("list the future", "GET", "?resourceVersion=99999999", Value::Null),
    ]
}

#[rustfmt::skip]
fn metadata() -> Vec<Row> {
    let with = |key: &str, value: Value| json!({"metadata": {"name": "odd", key: value}});
    let label = |key: &str, value: &str| json!({"metadata": {"name": "odd", "labels": {key: value}}});
    let data = |key: &str, length: usize| json!({"metadata": {"name": "odd"}, "data": {key: "x".repeat(length)}});
    let long = "a".repeat(254);
    vec![
        ("a revision of one's own", "POST", "", with("resourceVersion", json!("5"))),
        ("a label with a space", "POST", "", label("a b", "c")),
        ("a label of two paths", "POST", "", label("a/b/c", "d")),
        ("a label without a name", "POST", "", label("a/", "b")),
        ("a label without its prefix", "POST", "", label("/a", "b")),
        ("a label with capitals in its prefix", "POST", "", label("A_b/c", "d")),
        ("a label that is long", "POST", "", label(&long[..64], "b")),
        ("a label with a long prefix", "POST", "", label(&format!("{long}/a"), "b")),
        ("a label with a value of words", "POST", "", label("a", "b c")),
        ("a label with a long value", "POST", "", label("a", &long[..64])),
        ("a label that is all wrong", "POST", "", label("a b", "c d")),
        ("an annotation with a space", "POST", "", with("annotations", json!({"a b": "c"}))),
        ("an annotation with a bad prefix", "POST", "", with("annotations", json!({"a_b/c": "d"}))),
        ("an annotation with capitals", "POST", "?dryRun=All", with("annotations", json!({"Example.COM/X": "c"}))),
        ("annotations beyond their size", "POST", "", with("annotations", json!({"a": "x".repeat(263_000)}))),
        ("data with a space", "POST", "", data("a b", 1)),
        ("data that climbs", "POST", "", data("..", 1)),
        ("data beyond its size", "POST", "", data("a", 1_100_000)),
        ("a long name", "POST", "", json!({"metadata": {"name": long}})),
        ("a label by a patch", "PATCH", "/others", json!({"metadata": {"labels": {"a b": "c"}}})),
        ("write what has no name", "PUT", "/others", json!({"data": {}})),
    ]
}

pub async fn answers(admin: &Caller) -> Answers {
    for name in ["words", "orphaning", "others"] {
        admin
            .ok("POST", MAPS, json!({"metadata": {"name": name}}))
            .await;
    }
    let mut answers = Answers::new();
    for (name, method, rest, body) in [deletions(), lists(), metadata()].concat() {
        let media_type = if method == "PATCH" { MERGE } else { JSON };
        let path = format!("{MAPS}{rest}");
        let (code, answer) = admin.call_as(method, &path, media_type, body).await;
        answers.push((name.into(), told(code, &answer)));
    }
    answers.extend(of_paths(admin).await);
    answers
}

async fn of_paths(admin: &Caller) -> Answers {
    let mut answers = Answers::new();
    for path in [
        "/apis/nonsense.example",
        "/api/v2",
        "/api/v1//nodes",
        "/api/v1/nodes/",
    ] {
        let (code, answer) = admin.call("GET", path, Value::Null).await;
        answers.push((path.into(), told(code, &answer)));
    }
    answers
}
