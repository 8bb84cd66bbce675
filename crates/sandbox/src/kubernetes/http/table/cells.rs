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

/// `a=b,c=d`
pub(super) fn labels(object: &Value, pointer: &str) -> Value {
    let pairs = pairs(object, pointer);
    let pairs: Vec<String> = pairs
        .iter()
        .map(|(key, value)| format!("{key}={value}"))
        .collect();
    or(NONE, &pairs.join(","))
}

pub(super) fn address(node: &Value, kind: &str) -> Value {
    let mut addresses = list(node, "/status/addresses").iter();
    let found = addresses.find(|address| text(address, "/type") == kind);
    or(NONE, found.map_or("", |address| text(address, "/address")))
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
    let waits = text(pod, "/status/containerStatuses/0/state/waiting/reason");
    match text(pod, "/status/phase") {
        _ if object::is_terminating(pod) => json!("Terminating"),
        _ if !waits.is_empty() => json!(waits),
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
