//! The cells of tables.

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::kubernetes::object::{self, condition, flag, list, number, pairs, text};

/// What the real server writes where there is nothing.
pub(super) const NONE: &str = "<none>";

fn or(otherwise: &str, found: &str) -> Value {
    if found.is_empty() {
        otherwise.into()
    } else {
        found.into()
    }
}

pub(super) fn or_none(object: &Value, pointer: &str) -> Value {
    or(NONE, text(object, pointer))
}

pub(super) fn or_unknown(object: &Value, pointer: &str) -> Value {
    or("<unknown>", text(object, pointer))
}

/// How many fields there are.
pub(super) fn count(object: &Value, pointer: &str) -> Value {
    let fields = object.pointer(pointer).and_then(Value::as_object);
    fields.map_or(0, serde_json::Map::len).into()
}

/// `a=b,c=d`
pub(super) fn labels(object: &Value, pointer: &str) -> Value {
    let pairs = pairs(object, pointer);
    let pairs: Vec<String> = pairs
        .iter()
        .map(|(key, value)| format!("{key}={value}"))
        .collect();
    or(NONE, &pairs.join(","))
}

/// A field of all containers of a template.
pub(super) fn containers(object: &Value, field: &str) -> Value {
    let containers = list(object, "/spec/template/spec/containers").iter();
    let fields: Vec<&str> = containers.map(|container| text(container, field)).collect();
    json!(fields.join(","))
}

pub(super) fn address(node: &Value, kind: &str) -> Value {
    let mut addresses = list(node, "/status/addresses").iter();
    let found = addresses.find(|address| text(address, "/type") == kind);
    or(NONE, found.map_or("", |address| text(address, "/address")))
}

pub(super) fn subjects(binding: &Value, kind: &str) -> Value {
    let of_kind = list(binding, "/subjects")
        .iter()
        .filter(|subject| text(subject, "/kind") == kind);
    let names = of_kind.map(|subject| match text(subject, "/namespace") {
        "" => text(subject, "/name").to_owned(),
        namespace => format!("{namespace}/{}", text(subject, "/name")),
    });
    json!(names.collect::<Vec<_>>().join(", "))
}

/// `pod/web-1`
pub(super) fn involved(event: &Value) -> Value {
    let part = |key: &str| text(event, &format!("/involvedObject/{key}"));
    json!(format!("{}/{}", part("kind").to_lowercase(), part("name")))
}

/// `kubelet, w-a1`
pub(super) fn source(event: &Value) -> Value {
    let parts = ["/source/component", "/source/host"].map(|pointer| text(event, pointer));
    let parts: Vec<&str> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    json!(parts.join(", "))
}

pub(super) fn restarts(pod: &Value) -> Value {
    let statuses = list(pod, "/status/containerStatuses").iter();
    let restarts: i64 = statuses
        .filter_map(|status| number(status, "/restartCount"))
        .sum();
    json!(restarts.to_string())
}

/// How long ago something was.
pub(super) fn since(object: &Value, pointer: &str, now: Timestamp) -> Value {
    let then: Result<Timestamp, _> = text(object, pointer).parse();
    json!(then.map_or("<unknown>".into(), |then| human(
        now.duration_since(then).as_secs()
    )))
}

/// From the start of a Job to its end, or until now.
pub(super) fn duration(job: &Value, now: Timestamp) -> Value {
    let at = |key: &str| text(job, &format!("/status/{key}")).parse::<Timestamp>();
    let Ok(started) = at("startTime") else {
        return json!("");
    };
    let ended = at("completionTime").unwrap_or(now);
    json!(human(ended.duration_since(started).as_secs()))
}

/// Seconds in the one or two units that matter (`HumanDuration` of Kubernetes).
fn human(seconds: i64) -> String {
    let two = |count: i64, unit: &str, rest: i64, below: &str| match rest {
        0 => format!("{count}{unit}"),
        rest => format!("{count}{unit}{rest}{below}"),
    };
    let (minutes, hours) = (seconds / 60, seconds / 3600);
    let days = hours / 24;
    match () {
        () if seconds < 120 => format!("{}s", seconds.max(0)),
        () if minutes < 10 => two(minutes, "m", seconds % 60, "s"),
        () if minutes < 180 => format!("{minutes}m"),
        () if hours < 8 => two(hours, "h", minutes % 60, "m"),
        () if hours < 48 => format!("{hours}h"),
        () if hours < 192 => two(days, "d", hours % 24, "h"),
        () if days < 730 => format!("{days}d"),
        () if days < 2920 => two(days / 365, "y", days % 365, "d"),
        () => format!("{}y", days / 365),
    }
}

pub(super) fn pod_ready(pod: &Value) -> Value {
    let statuses = list(pod, "/status/containerStatuses");
    let ready = statuses.iter().filter(|s| flag(s, "/ready")).count();
    json!(format!("{ready}/{}", list(pod, "/spec/containers").len()))
}

pub(super) fn pod_status(pod: &Value) -> Value {
    match text(pod, "/status/phase") {
        _ if object::is_terminating(pod) => json!("Terminating"),
        "Succeeded" => json!("Completed"),
        "Failed" => json!("Error"),
        phase => json!(phase),
    }
}

pub(super) fn node_status(node: &Value) -> Value {
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

pub(super) fn node_roles(node: &Value) -> Value {
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

pub(super) fn job_status(job: &Value) -> Value {
    json!(
        match (condition(job, "Complete"), condition(job, "Failed")) {
            ("True", _) => "Complete",
            (_, "True") => "Failed",
            _ => "Running",
        }
    )
}

pub(super) fn limit(budget: &Value, pointer: &str) -> Value {
    match budget.pointer(pointer) {
        None | Some(Value::Null) => json!("N/A"),
        Some(Value::String(text)) => json!(text),
        Some(other) => json!(other.to_string()),
    }
}

pub(super) fn ports(object: &Value, pointer: &str, with_protocol: bool) -> Value {
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

pub(super) fn endpoints(slice: &Value) -> Value {
    let addresses = list(slice, "/endpoints")
        .iter()
        .map(|endpoint| text(endpoint, "/addresses/0"));
    json!(addresses.collect::<Vec<_>>().join(","))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_is_shown_in_the_units_that_matter() {
        for (seconds, shown) in [
            (-5, "0s"),
            (119, "119s"),
            (120, "2m"),
            (599, "9m59s"),
            (600, "10m"),
            (10_799, "179m"),
            (10_800, "3h"),
            (11_000, "3h3m"),
            (172_799, "47h"),
            (176_400, "2d1h"),
            (700_000, "8d"),
            (70_000_000, "2y80d"),
        ] {
            assert_eq!(human(seconds), shown, "{seconds}");
        }
    }
}
