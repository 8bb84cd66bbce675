//! The cells of tables.

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::kubernetes::object::{self, condition, flag, list, number, pairs, text};

/// What the real server writes where there is nothing.
pub(super) const NONE: &str = "<none>";

pub(super) fn or_none(object: &Value, pointer: &str) -> Value {
    match text(object, pointer) {
        "" => NONE.into(),
        found => found.into(),
    }
}

pub(super) fn restarts(pod: &Value) -> Value {
    let statuses = list(pod, "/status/containerStatuses").iter();
    let restarts = statuses.filter_map(|status| number(status, "/restartCount"));
    json!(restarts.sum::<i64>().to_string())
}

/// How long ago something was.
pub(super) fn since(object: &Value, pointer: &str, now: Timestamp) -> Value {
    match text(object, pointer).parse::<Timestamp>() {
        Ok(then) => human(now.duration_since(then).as_secs()),
        Err(_) => json!("<unknown>"),
    }
}

/// From the start of a Job to its end, or until now.
pub(super) fn duration(job: &Value, now: Timestamp) -> Value {
    let at = |key: &str| text(job, &format!("/status/{key}")).parse::<Timestamp>();
    match at("startTime") {
        Ok(start) => {
            let end = at("completionTime").unwrap_or(now);
            human(end.duration_since(start).as_secs())
        }
        Err(_) => json!(""),
    }
}

/// A number of seconds in the unit that matters.
fn human(seconds: i64) -> Value {
    let shown = match seconds.max(0) {
        seconds @ ..120 => format!("{seconds}s"),
        seconds @ ..10_800 => format!("{}m", seconds / 60),
        seconds @ ..172_800 => format!("{}h", seconds / 3600),
        seconds => format!("{}d", seconds / 86_400),
    };
    json!(shown)
}

pub(super) fn pod_ready(pod: &Value) -> Value {
    let statuses = list(pod, "/status/containerStatuses");
    let ready = statuses.iter().filter(|s| flag(s, "/ready")).count();
    json!(format!("{ready}/{}", list(pod, "/spec/containers").len()))
}

pub(super) fn pod_status(pod: &Value) -> Value {
    let waits = text(pod, "/status/containerStatuses/0/state/waiting/reason");
    json!(match text(pod, "/status/phase") {
        _ if object::is_terminating(pod) => "Terminating",
        _ if !waits.is_empty() => waits,
        "Succeeded" => "Completed",
        "Failed" => "Error",
        phase => phase,
    })
}

pub(super) fn node_status(node: &Value) -> Value {
    let status = match condition(node, "Ready") {
        "True" => "Ready",
        "False" | "Unknown" => "NotReady",
        _ => "Unknown",
    };
    json!(match flag(node, "/spec/unschedulable") {
        true => format!("{status},SchedulingDisabled"),
        false => status.to_owned(),
    })
}

pub(super) fn node_roles(node: &Value) -> Value {
    let labels = pairs(node, "/metadata/labels");
    let roles = labels.keys();
    let roles: Vec<_> = roles
        .filter_map(|key| key.strip_prefix("node-role.kubernetes.io/"))
        .collect();
    if roles.is_empty() {
        return json!(NONE);
    }
    json!(roles.join(","))
}

pub(super) fn job_status(job: &Value) -> Value {
    json!(
        match (condition(job, "Complete"), condition(job, "Failed")) {
            ("True", _) => "Complete",
            (_, "True") => "Failed",
            _ => "Running",
        }
    )
}

pub(super) fn completions(job: &Value) -> Value {
    let figure = |pointer: &str| number(job, pointer).unwrap_or_default();
    let (done, wanted) = (figure("/status/succeeded"), figure("/spec/completions"));
    json!(format!("{done}/{wanted}"))
}

pub(super) fn limit(budget: &Value, pointer: &str) -> Value {
    match budget.pointer(pointer) {
        None | Some(Value::Null) => json!("N/A"),
        Some(Value::String(text)) => json!(text),
        Some(other) => json!(other.to_string()),
    }
}
