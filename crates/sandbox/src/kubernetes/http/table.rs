//! Tables: what `kubectl get` prints, made by the server.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::call::Call;
use crate::kubernetes::{
    kinds::Kind,
    object::{self, condition, flag, list, number, pairs, text},
};

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

/// The columns between the name and the age. `+` marks those of the wide form.
fn columns(kind: &Kind) -> &'static [&'static str] {
    match kind.plural {
        "pods" => &["Ready", "Status", "Restarts", "+IP", "+Node"],
        "nodes" => &["Status", "Roles", "Version", "+Internal-IP"],
        "namespaces" => &["Status"],
        "services" => &["Type", "Cluster-IP", "External-IP", "Port(s)"],
        "deployments" => &["Ready", "Up-to-date", "Available"],
        "statefulsets" => &["Ready"],
        "replicasets" => &["Desired", "Current", "Ready"],
        "daemonsets" => &["Desired", "Current", "Ready", "Up-to-date", "Available"],
        "jobs" => &["Status", "Completions"],
        "poddisruptionbudgets" => &["Min Available", "Max Unavailable", "Allowed Disruptions"],
        "endpointslices" => &["AddressType", "Ports", "Endpoints"],
        "configmaps" | "secrets" => &["Data"],
        "leases" => &["Holder"],
        _ => &[],
    }
}

/// The cells of those columns.
fn cells(kind: &Kind, object: &Value) -> Vec<Value> {
    let n = |pointer: &str| json!(number(object, pointer).unwrap_or_default());
    let t = |pointer: &str| match text(object, pointer) {
        "" => json!("<none>"),
        found => json!(found),
    };
    match kind.plural {
        "pods" => vec![
            pod_ready(object),
            pod_status(object),
            n("/status/containerStatuses/0/restartCount"),
            t("/status/podIP"),
            t("/spec/nodeName"),
        ],
        "nodes" => vec![
            node_status(object),
            node_roles(object),
            t("/status/nodeInfo/kubeletVersion"),
            t("/status/addresses/0/address"),
        ],
        "namespaces" => vec![t("/status/phase")],
        "services" => vec![
            t("/spec/type"),
            t("/spec/clusterIP"),
            json!("<none>"),
            ports(object, "/spec/ports", true),
        ],
        "deployments" | "statefulsets" | "replicasets" | "daemonsets" | "jobs" => {
            workload_cells(kind, object)
        }
        "poddisruptionbudgets" => vec![
            limit(object, "/spec/minAvailable"),
            limit(object, "/spec/maxUnavailable"),
            n("/status/disruptionsAllowed"),
        ],
        "endpointslices" => vec![
            t("/addressType"),
            ports(object, "/ports", false),
            endpoints(object),
        ],
        "configmaps" | "secrets" => vec![json!(
            object["data"].as_object().map_or(0, serde_json::Map::len)
        )],
        "leases" => vec![t("/spec/holderIdentity")],
        _ => vec![],
    }
}

/// The cells of what owns pods.
fn workload_cells(kind: &Kind, object: &Value) -> Vec<Value> {
    let n = |pointer: &str| json!(number(object, pointer).unwrap_or_default());
    let of = |part: &str, whole: &str| json!(format!("{}/{}", n(part), n(whole)));
    match kind.plural {
        "deployments" => vec![
            of("/status/readyReplicas", "/spec/replicas"),
            n("/status/updatedReplicas"),
            n("/status/availableReplicas"),
        ],
        "statefulsets" => vec![of("/status/readyReplicas", "/spec/replicas")],
        "replicasets" => vec![
            n("/spec/replicas"),
            n("/status/replicas"),
            n("/status/readyReplicas"),
        ],
        "daemonsets" => [
            "desiredNumberScheduled",
            "currentNumberScheduled",
            "numberReady",
            "updatedNumberScheduled",
            "numberAvailable",
        ]
        .map(|key| n(&format!("/status/{key}")))
        .into(),
        "jobs" => vec![
            job_status(object),
            of("/status/succeeded", "/spec/completions"),
        ],
        _ => vec![],
    }
}

/// The table of these objects.
pub(crate) fn of(kind: &Kind, objects: &[&Value], include: Include, now: Timestamp) -> Value {
    let mut definitions = vec![column("Name", "string", "name", 0)];
    for name in columns(kind) {
        let wide = name.strip_prefix('+');
        definitions.push(column(
            wide.unwrap_or(name),
            "string",
            "",
            i32::from(wide.is_some()),
        ));
    }
    definitions.push(column("Age", "string", "", 0));
    let rows = objects.iter().map(|object| {
        let mut row = vec![json!(object::name(object))];
        row.extend(cells(kind, object));
        row.push(json!(age(object, now)));
        json!({"cells": row, "object": include.part(object)})
    });
    json!({
        "kind": "Table", "apiVersion": "meta.k8s.io/v1", "metadata": {},
        "columnDefinitions": definitions, "rows": rows.collect::<Vec<_>>(),
    })
}

fn column(name: &str, kind: &str, format: &str, priority: i32) -> Value {
    json!({"name": name, "type": kind, "format": format, "description": "", "priority": priority})
}

/// The age in the unit that fits: seconds to two minutes, minutes to three hours, hours to two days, days.
fn age(object: &Value, now: Timestamp) -> String {
    let created: Result<Timestamp, _> = text(object, "/metadata/creationTimestamp").parse();
    let Ok(created) = created else {
        return "<unknown>".into();
    };
    let seconds = now.duration_since(created).as_secs().max(0);
    match seconds {
        0..120 => format!("{seconds}s"),
        120..10_800 => format!("{}m", seconds / 60),
        10_800..172_800 => format!("{}h", seconds / 3600),
        _ => format!("{}d", seconds / 86_400),
    }
}

fn pod_ready(pod: &Value) -> Value {
    let statuses = list(pod, "/status/containerStatuses");
    let ready = statuses.iter().filter(|s| flag(s, "/ready")).count();
    json!(format!("{ready}/{}", list(pod, "/spec/containers").len()))
}

fn pod_status(pod: &Value) -> Value {
    match text(pod, "/status/phase") {
        _ if object::is_terminating(pod) => json!("Terminating"),
        "Succeeded" => json!("Completed"),
        "Failed" => json!("Error"),
        phase => json!(phase),
    }
}

fn node_status(node: &Value) -> Value {
    let mut status = match condition(node, "Ready") {
        "True" => "Ready".to_owned(),
        "False" | "Unknown" => "NotReady".to_owned(),
        _ => "Unknown".to_owned(),
    };
    if flag(node, "/spec/unschedulable") {
        status.push_str(",SchedulingDisabled");
    }
    json!(status)
}

fn node_roles(node: &Value) -> Value {
    let labels = pairs(node, "/metadata/labels");
    let roles = labels.keys();
    let roles: Vec<_> = roles
        .filter_map(|key| key.strip_prefix("node-role.kubernetes.io/"))
        .collect();
    if roles.is_empty() {
        return json!("<none>");
    }
    json!(roles.join(","))
}

fn job_status(job: &Value) -> Value {
    json!(
        match (condition(job, "Complete"), condition(job, "Failed")) {
            ("True", _) => "Complete",
            (_, "True") => "Failed",
            _ => "Running",
        }
    )
}

fn limit(budget: &Value, pointer: &str) -> Value {
    match budget.pointer(pointer) {
        None | Some(Value::Null) => json!("N/A"),
        Some(Value::String(text)) => json!(text),
        Some(other) => json!(other.to_string()),
    }
}

fn ports(object: &Value, pointer: &str, with_protocol: bool) -> Value {
    let ports = list(object, pointer).iter().map(|port| {
        let number = number(port, "/port").unwrap_or_default();
        if with_protocol {
            format!("{number}/{}", text(port, "/protocol"))
        } else {
            number.to_string()
        }
    });
    json!(ports.collect::<Vec<_>>().join(","))
}

fn endpoints(slice: &Value) -> Value {
    let addresses = list(slice, "/endpoints")
        .iter()
        .map(|endpoint| text(endpoint, "/addresses/0"));
    json!(addresses.collect::<Vec<_>>().join(","))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kubernetes::kinds::KINDS;

    #[test]
    fn every_row_has_a_cell_for_every_column() {
        for kind in KINDS {
            let table = of(
                kind,
                &[&json!({})],
                Include::Metadata,
                Timestamp::UNIX_EPOCH,
            );
            let columns = list(&table, "/columnDefinitions").len();
            assert_eq!(
                list(&table, "/rows/0/cells").len(),
                columns,
                "{}",
                kind.plural
            );
        }
    }
}
