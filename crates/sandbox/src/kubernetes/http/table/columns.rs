//! The columns that `kubectl get` shows of the kinds that one looks at during a roll, in the order of the real server
//! (`pkg/printers/internalversion/printers.go` of Kubernetes). Every other kind has its name and its age.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::cells;
use crate::kubernetes::{
    kinds::Kind,
    object::{self, number, text},
};

type Cell = fn(&Value, Timestamp) -> Value;

/// A column, and how its cells are made.
pub(super) struct Column {
    name: &'static str,
    kind: &'static str,
    format: &'static str,
    /// Shown by `-o wide` alone.
    wide: bool,
    pub cell: Cell,
}

impl Column {
    pub fn definition(&self) -> Value {
        json!({
            "name": self.name, "type": self.kind, "format": self.format, "description": "",
            "priority": i32::from(self.wide),
        })
    }
}

fn column(name: &'static str, cell: Cell) -> Column {
    Column {
        name,
        kind: "string",
        format: "",
        wide: false,
        cell,
    }
}

fn whole(name: &'static str, cell: Cell) -> Column {
    Column {
        kind: "integer",
        ..column(name, cell)
    }
}

fn wide(name: &'static str, cell: Cell) -> Column {
    Column {
        wide: true,
        ..column(name, cell)
    }
}

/// The columns of a kind.
pub(super) fn of(kind: &Kind) -> Vec<Column> {
    let name = Column {
        format: "name",
        ..column("Name", |object, _| object::name(object).into())
    };
    let age = column("Age", |object, now| {
        cells::since(object, "/metadata/creationTimestamp", now)
    });
    let before = before_age(kind.plural);
    let after = after_age(kind.plural);
    let first = std::iter::once(name);
    first.chain(before).chain([age]).chain(after).collect()
}

#[rustfmt::skip]
fn before_age(plural: &str) -> Vec<Column> {
    match plural {
        "nodes" => vec![
            column("Status", |o, _| cells::node_status(o)),
            column("Roles", |o, _| cells::node_roles(o)),
        ],
        "pods" => vec![
            column("Ready", |o, _| cells::pod_ready(o)),
            column("Status", |o, _| cells::pod_status(o)),
            column("Restarts", |o, _| cells::restarts(o)),
        ],
        "deployments" => vec![
            column("Ready", |o, _| of_all(o, "/status/readyReplicas", "/spec/replicas")),
            column("Up-to-date", |o, _| figure(o, "/status/updatedReplicas")),
            column("Available", |o, _| figure(o, "/status/availableReplicas")),
        ],
        "statefulsets" => vec![
            column("Ready", |o, _| of_all(o, "/status/readyReplicas", "/spec/replicas")),
        ],
        "daemonsets" => vec![
            whole("Desired", |o, _| figure(o, "/status/desiredNumberScheduled")),
            whole("Current", |o, _| figure(o, "/status/currentNumberScheduled")),
            whole("Ready", |o, _| figure(o, "/status/numberReady")),
            whole("Up-to-date", |o, _| figure(o, "/status/updatedNumberScheduled")),
            whole("Available", |o, _| figure(o, "/status/numberAvailable")),
            column("Node Selector", |o, _| cells::labels(o, "/spec/template/spec/nodeSelector")),
        ],
        "jobs" => vec![
            column("Status", |o, _| cells::job_status(o)),
            column("Completions", |o, _| of_all(o, "/status/succeeded", "/spec/completions")),
            column("Duration", cells::duration),
        ],
        "poddisruptionbudgets" => vec![
            column("Min Available", |o, _| cells::limit(o, "/spec/minAvailable")),
            column("Max Unavailable", |o, _| cells::limit(o, "/spec/maxUnavailable")),
            whole("Allowed Disruptions", |o, _| figure(o, "/status/disruptionsAllowed")),
        ],
        "leases" => vec![column("Holder", |o, _| text(o, "/spec/holderIdentity").into())],
        "namespaces" => vec![column("Status", |o, _| cells::or_none(o, "/status/phase"))],
        _ => vec![],
    }
}

#[rustfmt::skip]
fn after_age(plural: &str) -> Vec<Column> {
    match plural {
        "nodes" => vec![
            column("Version", |o, _| text(o, "/status/nodeInfo/kubeletVersion").into()),
            wide("Internal-IP", |o, _| cells::address(o, "InternalIP")),
            wide("External-IP", |o, _| cells::address(o, "ExternalIP")),
            wide("OS-Image", |o, _| cells::or_unknown(o, "/status/nodeInfo/osImage")),
            wide("Kernel-Version", |o, _| cells::or_unknown(o, "/status/nodeInfo/kernelVersion")),
            wide("Container-Runtime", |o, _| cells::or_unknown(o, "/status/nodeInfo/containerRuntimeVersion")),
        ],
        "pods" => vec![
            wide("IP", |o, _| cells::or_none(o, "/status/podIP")),
            wide("Node", |o, _| cells::or_none(o, "/spec/nodeName")),
            wide("Nominated Node", |o, _| cells::or_none(o, "/status/nominatedNodeName")),
            wide("Readiness Gates", |_, _| cells::NONE.into()),
        ],
        _ => vec![],
    }
}

fn figure(object: &Value, pointer: &str) -> Value {
    number(object, pointer).unwrap_or_default().into()
}

fn of_all(object: &Value, part: &str, all: &str) -> Value {
    json!(format!("{}/{}", figure(object, part), figure(object, all)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kubernetes::kinds::KINDS;

    #[test]
    fn an_empty_object_of_any_kind_has_a_row() {
        for kind in KINDS {
            let columns = of(kind);
            assert_eq!(columns[0].name, "Name", "{}", kind.plural);
            for column in columns {
                let cell = (column.cell)(&json!({}), Timestamp::UNIX_EPOCH);
                let shown = cell.is_string() || cell.is_number();
                assert!(shown, "{} {}", kind.plural, column.name);
            }
        }
    }
}
