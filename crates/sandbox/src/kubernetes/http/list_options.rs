//! Which options of a list or a watch go together (`ValidateListOptions` of Kubernetes).

use super::call::Call;
use crate::kubernetes::failure::{Failure, Wrong, integer};

const MATCH: &str = "resourceVersionMatch";
const MATCHES: [&str; 3] = ["Exact", "NotOlderThan", ""];

/// Refuses options that cannot be read or do not go together: a watch without an end, or a list of another time, would be
/// something else than the client asked for.
///
/// # Errors
/// 400 for a value that is not a number, 422 for the rest.
pub(super) fn check(call: &Call) -> Result<(), Failure> {
    for name in ["limit", "timeoutSeconds"] {
        let asked = call.query(name);
        if !asked.is_empty() {
            integer(asked)?;
        }
    }
    let wrong: Vec<Wrong> = reasons(call)
        .into_iter()
        .map(|why| Wrong::new(MATCH, "Forbidden", why))
        .chain(unsupported(call.query(MATCH)))
        .collect();
    if wrong.is_empty() {
        return Ok(());
    }
    let options = ("meta.k8s.io", "ListOptions");
    Err(Failure::invalid_fields(options, "", &wrong))
}

fn reasons(call: &Call) -> Vec<&'static str> {
    let (asked, initial) = (call.query(MATCH), call.asks("sendInitialEvents"));
    let revision = call.query("resourceVersion");
    let rules = [
        (
            initial && asked != "NotOlderThan",
            "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan",
        ),
        (
            !asked.is_empty() && call.is_watch() && !initial,
            "resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided",
        ),
        (
            !asked.is_empty() && revision.is_empty() && !initial,
            "resourceVersionMatch is forbidden unless resourceVersion is provided",
        ),
        (
            !asked.is_empty() && !call.query("continue").is_empty(),
            "resourceVersionMatch is forbidden when continue is provided",
        ),
        (
            asked == "Exact" && revision == "0",
            "resourceVersionMatch \"exact\" is forbidden for resourceVersion \"0\"",
        ),
    ];
    let broken = rules.into_iter().filter(|(broken, _)| *broken);
    broken.map(|(_, why)| why).collect()
}

fn unsupported(asked: &str) -> Option<Wrong> {
    let why = format!("{asked:?}: supported values: \"Exact\", \"NotOlderThan\", \"\"");
    (!MATCHES.contains(&asked)).then(|| Wrong::new(MATCH, "Unsupported value", why))
}
