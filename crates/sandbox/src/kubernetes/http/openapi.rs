//! The OpenAPI documents, as far as kubectl reads them before it writes: that the server validates fields itself.

use serde_json::{Map, Value, json};

use crate::kubernetes::kinds::{KINDS, Kind};

/// The index of documents, or one of them; `rest` is the path after `/openapi/v3`.
pub(crate) fn answer(rest: &[&str]) -> Option<Value> {
    match rest {
        [] => Some(index()),
        ["api", "v1"] => document("", "v1"),
        ["apis", group, version] => document(group, version),
        _ => None,
    }
}

fn base(kind: &Kind) -> String {
    match kind.group {
        "" => format!("api/{}", kind.version),
        group => format!("apis/{group}/{}", kind.version),
    }
}

fn index() -> Value {
    let paths = KINDS.iter().map(base).map(|base| {
        let url = format!("/openapi/v3/{base}");
        (base, json!({ "serverRelativeURL": url }))
    });
    json!({"paths": paths.collect::<Map<_, _>>()})
}

fn document(group: &str, version: &str) -> Option<Value> {
    let kinds = KINDS
        .iter()
        .filter(|kind| (kind.group, kind.version) == (group, version));
    let paths: Map<_, _> = kinds.map(path).collect();
    (!paths.is_empty()).then(|| {
        json!({
            "openapi": "3.0.0",
            "info": {"title": "Kubernetes", "version": "sandbox"},
            "paths": paths, "components": {"schemas": {}},
        })
    })
}

fn path(kind: &Kind) -> (String, Value) {
    let scope = if kind.namespaced {
        "/namespaces/{namespace}"
    } else {
        ""
    };
    let path = format!("/{}{scope}/{}/{{name}}", base(kind), kind.plural);
    let parameter = |name: &str| json!({"name": name, "in": "query", "schema": {"type": "string", "uniqueItems": true}});
    let patch = json!({
        "x-kubernetes-action": "patch",
        "x-kubernetes-group-version-kind": {"group": kind.group, "version": kind.version, "kind": kind.kind},
        "parameters": [parameter("dryRun"), parameter("fieldManager"), parameter("fieldValidation")],
        "responses": {"200": {"description": "OK"}},
    });
    (path, json!({ "patch": patch }))
}
