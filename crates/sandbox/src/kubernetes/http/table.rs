//! Tables: what `kubectl get` prints, made by the server. The kinds that one looks at during a roll have the columns of the real
//! server (`pkg/printers/internalversion/printers.go` of Kubernetes); every other kind has its name and its age.

mod cells;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::call::Call;
use crate::kubernetes::{
    kinds::Kind,
    object::{self, number, text},
};

/// Whether the client asks for a table.
pub(crate) fn wanted(accept: &str) -> bool {
    accept.contains("as=Table")
}

/// The part of the object in its row.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Include {
    Nothing,
    Metadata,
    Object,
}

impl Include {
    /// As the query says; by default the metadata.
    pub fn of(call: &Call) -> Self {
        match call.query("includeObject") {
            "None" => Self::Nothing,
            "Object" => Self::Object,
            _ => Self::Metadata,
        }
    }

    fn part(self, object: &Value) -> Value {
        match self {
            Self::Nothing => Value::Null,
            Self::Object => object.clone(),
            Self::Metadata => json!({
                "kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1",
                "metadata": object["metadata"],
            }),
        }
    }
}

/// The table of these objects.
pub(crate) fn of(kind: &Kind, objects: &[&Value], include: Include, now: Timestamp) -> Value {
    let columns = columns(kind.plural);
    let rows = objects.iter().map(|object| {
        let cells = columns.iter().map(|(.., cell)| cell(object, now));
        json!({"cells": cells.collect::<Vec<_>>(), "object": include.part(object)})
    });
    let definitions = columns.iter().map(|(name, kind, wide, _)| {
        let format = if *name == NAME.0 { "name" } else { "" };
        json!({"name": name, "type": kind, "format": format, "description": "", "priority": i32::from(*wide)})
    });
    json!({
        "kind": "Table", "apiVersion": "meta.k8s.io/v1", "metadata": {},
        "columnDefinitions": definitions.collect::<Vec<_>>(), "rows": rows.collect::<Vec<_>>(),
    })
}

/// Name, type, whether only `-o wide` shows it, and how its cells are made.
type Column = (
    &'static str,
    &'static str,
    bool,
    fn(&Value, Timestamp) -> Value,
);

const NAME: Column = ("Name", "string", false, |o, _| object::name(o).into());
const AGE: Column = ("Age", "string", false, |o, now| {
    cells::since(o, "/metadata/creationTimestamp", now)
});

#[rustfmt::skip]
fn columns(plural: &str) -> Vec<Column> {
    match plural {
        "nodes" => vec![
            NAME,
            ("Status", "string", false, |o, _| cells::node_status(o)),
            ("Roles", "string", false, |o, _| cells::node_roles(o)),
            AGE,
            ("Version", "string", false, |o, _| text(o, "/status/nodeInfo/kubeletVersion").into()),
        ],
        "pods" => vec![
            NAME,
            ("Ready", "string", false, |o, _| cells::pod_ready(o)),
            ("Status", "string", false, |o, _| cells::pod_status(o)),
            ("Restarts", "string", false, |o, _| cells::restarts(o)),
            AGE,
            ("IP", "string", true, |o, _| cells::or_none(o, "/status/podIP")),
            ("Node", "string", true, |o, _| cells::or_none(o, "/spec/nodeName")),
            ("Nominated Node", "string", true, |_, _| cells::NONE.into()),
            ("Readiness Gates", "string", true, |_, _| cells::NONE.into()),
        ],
        "jobs" => vec![
            NAME,
            ("Status", "string", false, |o, _| cells::job_status(o)),
            ("Completions", "string", false, |o, _| cells::completions(o)),
            ("Duration", "string", false, cells::duration),
            AGE,
        ],
        "poddisruptionbudgets" => vec![
            NAME,
            ("Min Available", "string", false, |o, _| cells::limit(o, "/spec/minAvailable")),
            ("Max Unavailable", "string", false, |o, _| cells::limit(o, "/spec/maxUnavailable")),
            ("Allowed Disruptions", "integer", false, |o, _| number(o, "/status/disruptionsAllowed").unwrap_or_default().into()),
            AGE,
        ],
        _ => vec![NAME, AGE],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kubernetes::kinds::KINDS;

    #[test]
    fn an_empty_object_of_any_kind_has_a_row() {
        for kind in KINDS {
            for (name, kind, _, cell) in columns(kind.plural) {
                let cell = cell(&json!({}), Timestamp::UNIX_EPOCH);
                assert!(cell.is_string() || kind == "integer", "{name}: {cell}");
            }
        }
    }
}
