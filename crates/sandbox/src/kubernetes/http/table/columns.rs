//! The columns of each kind, in the order of the real server (`pkg/printers/internalversion/printers.go` of Kubernetes);
//! kubectl prints them as they come.

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

fn name() -> Column {
    Column {
        format: "name",
        ..column("Name", |object, _| object::name(object).into())
    }
}

fn age() -> Column {
    column("Age", |object, now| {
        cells::since(object, "/metadata/creationTimestamp", now)
    })
}

/// The columns of a kind.
pub(super) fn of(kind: &Kind) -> Vec<Column> {
    match kind.plural {
        "events" => events(),
        "roles" | "clusterroles" => {
            let made = |object: &Value, _| text(object, "/metadata/creationTimestamp").into();
            let made = Column {
                kind: "date",
                ..column("Created At", made)
            };
            vec![name(), made]
        }
        plural => {
            let (before, after) = around_age(plural);
            let named = std::iter::once(name());
            named.chain(before).chain([age()]).chain(after).collect()
        }
    }
}

/// What stands between the name and the age, and what after it.
fn around_age(plural: &str) -> (Vec<Column>, Vec<Column>) {
    match plural {
        "pods" => pods(),
        "nodes" => nodes(),
        "services" => services(),
        "rolebindings" | "clusterrolebindings" => bindings(),
        "deployments" | "statefulsets" | "replicasets" | "daemonsets" | "jobs" => {
            (workload(plural), containers(plural))
        }
        "poddisruptionbudgets" => (budgets(), vec![]),
        "namespaces" => (
            vec![column("Status", |o, _| cells::or_none(o, "/status/phase"))],
            vec![],
        ),
        "configmaps" => (
            vec![column("Data", |o, _| cells::count(o, "/data"))],
            vec![],
        ),
        "secrets" => {
            let kind = column("Type", |o, _| cells::or_none(o, "/type"));
            (
                vec![kind, column("Data", |o, _| cells::count(o, "/data"))],
                vec![],
            )
        }
        "leases" => (
            vec![column("Holder", |o, _| {
                text(o, "/spec/holderIdentity").into()
            })],
            vec![],
        ),
        "endpointslices" => (slices(), vec![]),
        _ => (vec![], vec![]),
    }
}

fn pods() -> (Vec<Column>, Vec<Column>) {
    let before = vec![
        column("Ready", |o, _| cells::pod_ready(o)),
        column("Status", |o, _| cells::pod_status(o)),
        column("Restarts", |o, _| cells::restarts(o)),
    ];
    let after = vec![
        wide("IP", |o, _| cells::or_none(o, "/status/podIP")),
        wide("Node", |o, _| cells::or_none(o, "/spec/nodeName")),
        wide("Nominated Node", |o, _| {
            cells::or_none(o, "/status/nominatedNodeName")
        }),
        wide("Readiness Gates", |_, _| cells::NONE.into()),
    ];
    (before, after)
}

fn nodes() -> (Vec<Column>, Vec<Column>) {
    let before = vec![
        column("Status", |o, _| cells::node_status(o)),
        column("Roles", |o, _| cells::node_roles(o)),
    ];
    let after = vec![
        column("Version", |o, _| {
            text(o, "/status/nodeInfo/kubeletVersion").into()
        }),
        wide("Internal-IP", |o, _| cells::address(o, "InternalIP")),
        wide("External-IP", |o, _| cells::address(o, "ExternalIP")),
        wide("OS-Image", |o, _| {
            cells::or_unknown(o, "/status/nodeInfo/osImage")
        }),
        wide("Kernel-Version", |o, _| {
            cells::or_unknown(o, "/status/nodeInfo/kernelVersion")
        }),
        wide("Container-Runtime", |o, _| {
            cells::or_unknown(o, "/status/nodeInfo/containerRuntimeVersion")
        }),
    ];
    (before, after)
}

fn services() -> (Vec<Column>, Vec<Column>) {
    let before = vec![
        column("Type", |o, _| cells::or_none(o, "/spec/type")),
        column("Cluster-IP", |o, _| cells::or_none(o, "/spec/clusterIP")),
        column("External-IP", |_, _| cells::NONE.into()),
        column("Port(s)", |o, _| cells::ports(o, "/spec/ports", true)),
    ];
    (
        before,
        vec![wide("Selector", |o, _| cells::labels(o, "/spec/selector"))],
    )
}

fn bindings() -> (Vec<Column>, Vec<Column>) {
    let role = |o: &Value, _| {
        json!(format!(
            "{}/{}",
            text(o, "/roleRef/kind"),
            text(o, "/roleRef/name")
        ))
    };
    let after = vec![
        wide("Users", |o, _| cells::subjects(o, "User")),
        wide("Groups", |o, _| cells::subjects(o, "Group")),
        wide("ServiceAccounts", |o, _| {
            cells::subjects(o, "ServiceAccount")
        }),
    ];
    (vec![column("Role", role)], after)
}

fn budgets() -> Vec<Column> {
    vec![
        column("Min Available", |o, _| {
            cells::limit(o, "/spec/minAvailable")
        }),
        column("Max Unavailable", |o, _| {
            cells::limit(o, "/spec/maxUnavailable")
        }),
        whole("Allowed Disruptions", |o, _| {
            figure(o, "/status/disruptionsAllowed")
        }),
    ]
}

fn slices() -> Vec<Column> {
    vec![
        column("AddressType", |o, _| cells::or_none(o, "/addressType")),
        column("Ports", |o, _| cells::ports(o, "/ports", false)),
        column("Endpoints", |o, _| cells::endpoints(o)),
    ]
}

fn figure(object: &Value, pointer: &str) -> Value {
    number(object, pointer).unwrap_or_default().into()
}

fn of_all(object: &Value, part: &str, all: &str) -> Value {
    json!(format!("{}/{}", figure(object, part), figure(object, all)))
}

fn workload(plural: &str) -> Vec<Column> {
    let ready = || {
        column("Ready", |o, _| {
            of_all(o, "/status/readyReplicas", "/spec/replicas")
        })
    };
    match plural {
        "deployments" => vec![
            ready(),
            column("Up-to-date", |o, _| figure(o, "/status/updatedReplicas")),
            column("Available", |o, _| figure(o, "/status/availableReplicas")),
        ],
        "statefulsets" => vec![ready()],
        "replicasets" => vec![
            whole("Desired", |o, _| figure(o, "/spec/replicas")),
            whole("Current", |o, _| figure(o, "/status/replicas")),
            whole("Ready", |o, _| figure(o, "/status/readyReplicas")),
        ],
        "daemonsets" => vec![
            whole("Desired", |o, _| {
                figure(o, "/status/desiredNumberScheduled")
            }),
            whole("Current", |o, _| {
                figure(o, "/status/currentNumberScheduled")
            }),
            whole("Ready", |o, _| figure(o, "/status/numberReady")),
            whole("Up-to-date", |o, _| {
                figure(o, "/status/updatedNumberScheduled")
            }),
            whole("Available", |o, _| figure(o, "/status/numberAvailable")),
            column("Node Selector", |o, _| {
                cells::labels(o, "/spec/template/spec/nodeSelector")
            }),
        ],
        _ => vec![
            column("Status", |o, _| cells::job_status(o)),
            column("Completions", |o, _| {
                of_all(o, "/status/succeeded", "/spec/completions")
            }),
            column("Duration", cells::duration),
        ],
    }
}

fn containers(plural: &str) -> Vec<Column> {
    let mut columns = vec![
        wide("Containers", |o, _| cells::containers(o, "/name")),
        wide("Images", |o, _| cells::containers(o, "/image")),
    ];
    if plural != "statefulsets" {
        columns.push(wide("Selector", |o, _| {
            cells::labels(o, "/spec/selector/matchLabels")
        }));
    }
    columns
}

fn events() -> Vec<Column> {
    vec![
        column("Last Seen", |o, now| cells::since(o, "/lastTimestamp", now)),
        column("Type", |o, _| text(o, "/type").into()),
        column("Reason", |o, _| text(o, "/reason").into()),
        column("Object", |o, _| cells::involved(o)),
        wide("Subobject", |o, _| {
            text(o, "/involvedObject/fieldPath").into()
        }),
        wide("Source", |o, _| cells::source(o)),
        column("Message", |o, _| text(o, "/message").trim().into()),
        wide("First Seen", |o, now| {
            cells::since(o, "/firstTimestamp", now)
        }),
        wide("Count", |o, _| figure(o, "/count")),
        Column {
            wide: true,
            ..name()
        },
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kubernetes::kinds::KINDS;

    #[test]
    fn an_empty_object_of_any_kind_has_a_row() {
        for kind in KINDS {
            let columns = of(kind);
            assert!(
                columns.iter().any(|column| column.name == "Name"),
                "{}",
                kind.plural
            );
            for column in columns {
                let cell = (column.cell)(&json!({}), Timestamp::UNIX_EPOCH);
                assert!(
                    cell.is_string() || cell.is_number(),
                    "{} {}",
                    kind.plural,
                    column.name
                );
            }
        }
    }
}
