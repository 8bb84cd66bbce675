//! Tables: what `kubectl get` prints, made by the server.

mod cells;
mod columns;

use jiff::Timestamp;
use serde_json::{Value, json};

use self::columns::Column;
use super::call::Call;
use crate::kubernetes::kinds::Kind;

/// Whether the client asks for a table.
pub(crate) fn wanted(accept: &str) -> bool {
    accept.contains("as=Table")
}

/// What of the object comes along with its row.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Include {
    Nothing,
    Metadata,
    Object,
}

impl Include {
    /// As the query has it; the metadata unless told otherwise.
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
    let columns = columns::of(kind);
    let rows = objects.iter().map(|object| {
        let cells = columns.iter().map(|column| (column.cell)(object, now));
        json!({"cells": cells.collect::<Vec<_>>(), "object": include.part(object)})
    });
    json!({
        "kind": "Table", "apiVersion": "meta.k8s.io/v1", "metadata": {},
        "columnDefinitions": columns.iter().map(Column::definition).collect::<Vec<_>>(),
        "rows": rows.collect::<Vec<_>>(),
    })
}
