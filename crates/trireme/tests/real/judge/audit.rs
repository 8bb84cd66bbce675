//! What the API server noted of every request: pods left by eviction alone.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde_json::Value;

use super::{Objection, Verdict, kept, seen};

/// Who is judged, and by what one knows that the log is whole.
pub struct Case<'a> {
    /// `system:serviceaccount:NAMESPACE:NAME`
    pub identity: &'a str,
    /// Each was cordoned and uncordoned by the identity, as somebody else saw.
    pub rolled: &'a BTreeSet<String>,
    /// At least so many pods had to leave.
    pub evictions: usize,
}

/// No pod was deleted by the identity, nor what owns pods, nor was a node's status written; what it did, it did by right.
pub fn judge(log: &str, case: &Case<'_>) -> Verdict {
    let events = read(log)?;
    goes_back_to_its_token(&events, case.identity)?;
    let ours: Vec<_> = events
        .iter()
        .filter(|event| event.is_of(case.identity))
        .collect();
    covers(&ours, case)?;
    let evicted = ours.iter().filter(|event| event.evicts()).count();
    seen(evicted >= case.evictions, || {
        let others: BTreeSet<_> = events
            .iter()
            .filter(|event| event.evicts())
            .map(Event::user)
            .collect();
        format!(
            "{evicted} evictions by {}; pods were evicted by {others:?}",
            case.identity
        )
    })?;
    for event in ours {
        kept(event.is_permitted(), || event.0.to_string())?;
    }
    Ok(())
}

/// Each node was acted on by one Job, and written when it was cordoned, when its Job was started and when it was uncordoned: three
/// times, or `repeats` more, since a start whose answer was lost, or that was killed, is written again. No Job was deleted. `jobs` are those that are there
/// at the end: the node of each, by its name.
pub fn acted_once(
    log: &str,
    case: &Case<'_>,
    jobs: &BTreeMap<String, String>,
    repeats: usize,
) -> Verdict {
    let events = read(log)?;
    let done = |event: &&Event| event.is_of(case.identity) && event.changes();
    let ours: Vec<_> = events.iter().filter(done).collect();
    let of_jobs = |verb: &str| -> Vec<&str> {
        let those = |event: &&&Event| event.is(verb, "jobs");
        let names = ours.iter().filter(those).map(|event| event.on("name"));
        names.collect()
    };
    kept(of_jobs("delete").is_empty(), || {
        format!("deleted Jobs: {:?}", of_jobs("delete"))
    })?;
    let mut created = of_jobs("create");
    created.sort_unstable();
    kept(jobs.keys().eq(&created), || {
        format!("created Jobs: {created:?}; there are {jobs:?}")
    })?;
    for node in case.rolled {
        let acts = jobs.values().filter(|acted_on| *acted_on == node).count();
        kept(acts == 1, || {
            format!("{acts} Jobs of node {node}: {jobs:?}")
        })?;
        let patched = |event: &&&Event| event.is("patch", "nodes") && event.on("name") == node;
        let patches = ours.iter().filter(patched).count();
        let expected = WRITES_OF_A_NODE..=WRITES_OF_A_NODE + repeats;
        kept(expected.contains(&patches), || {
            format!("node {node} was written {patches} times, expected {expected:?}")
        })?;
    }
    Ok(())
}

/// Its cordon, the start of its Job, its uncordon.
const WRITES_OF_A_NODE: usize = 3;

/// When the last write of a Lease by this identity reached the API server.
pub fn last_write_of_the_lease(log: &str, identity: &str) -> Result<Timestamp, Objection> {
    let events = read(log)?;
    let ours = |event: &&Event| event.is_of(identity) && event.changes();
    let of_lease = |event: &&Event| event.on("resource") == "leases";
    let last = events.iter().filter(ours).rfind(of_lease);
    let received = last.map(|event| event.text("/requestReceivedTimestamp").parse());
    let unseen = || Objection::Unseen(format!("{identity} wrote no Lease"));
    received.and_then(Result::ok).ok_or_else(unseen)
}

/// Verb, resource and subresource of all that it may write: of what owns pods it may delete its own Jobs. A
/// `deletecollection` of anything is not among them.
const WRITES: [(&str, &str, &str); 10] = [
    ("create", "pods", "eviction"),
    ("patch", "nodes", ""),
    ("create", "jobs", ""),
    ("delete", "jobs", ""),
    ("create", "configmaps", ""),
    ("update", "configmaps", ""),
    ("create", "leases", ""),
    ("update", "leases", ""),
    ("create", "selfsubjectreviews", ""),
    ("create", "selfsubjectaccessreviews", ""),
];

/// One line of the log: <https://kubernetes.io/docs/reference/config-api/apiserver-audit.v1/>.
struct Event(Value);

/// Every line, or none: one that cannot be read may be a deletion.
fn read(log: &str) -> Result<Vec<Event>, Objection> {
    seen(log.ends_with('\n'), || {
        "the audit log is empty, or its last line is cut off".into()
    })?;
    let lines = log.lines().enumerate();
    let event = |(number, line): (usize, &str)| {
        let event = serde_json::from_str(line).map(Event).ok();
        let whole =
            event.filter(|event| ["user", "verb"].iter().all(|key| !event.0[key].is_null()));
        whole.ok_or_else(|| Objection::Unseen(format!("line {} is no event: {line}", number + 1)))
    };
    lines.map(event).collect()
}

/// Before it had a token it could do nothing. A log that was rotated no longer shows when it got one.
fn goes_back_to_its_token(events: &[Event], identity: &str) -> Verdict {
    let made = |event: &Event| {
        let of = format!(
            "system:serviceaccount:{}:{}",
            event.on("namespace"),
            event.on("name")
        );
        event.creates("serviceaccounts", "token") && of == identity
    };
    let token = events.iter().position(made);
    let first = events.iter().position(|event| event.is_of(identity));
    seen(token.is_some() && token < first, || {
        format!(
            "{identity} got its token at {token:?} and began at {first:?}: the log was rotated, or is of another"
        )
    })
}

/// Each node that was rolled was written twice: what lies between is in the log.
fn covers(ours: &[&Event], case: &Case<'_>) -> Verdict {
    for node in case.rolled {
        let writes = ours.iter().filter(|event| {
            event.is_write() && event.on("resource") == "nodes" && event.on("name") == node
        });
        let writes = writes.count();
        seen(writes >= 2, || {
            format!("{writes} writes of node {node} by {}", case.identity)
        })?;
    }
    Ok(())
}

impl Event {
    fn text(&self, pointer: &str) -> &str {
        self.0
            .pointer(pointer)
            .and_then(Value::as_str)
            .unwrap_or_default()
    }

    fn on(&self, key: &str) -> &str {
        self.text(&format!("/objectRef/{key}"))
    }

    fn user(&self) -> &str {
        self.text("/user/username")
    }

    /// By the identity, or by somebody in its name.
    fn is_of(&self, identity: &str) -> bool {
        self.user() == identity || self.text("/impersonatedUser/username") == identity
    }

    fn is_write(&self) -> bool {
        !["get", "list", "watch"].contains(&self.text("/verb"))
    }

    fn succeeded(&self) -> bool {
        self.0["responseStatus"]["code"]
            .as_u64()
            .is_some_and(|code| (200..300).contains(&code))
    }

    /// Something was written by it.
    fn changes(&self) -> bool {
        self.is_write() && self.succeeded() && !self.is_rehearsed()
    }

    fn is_rehearsed(&self) -> bool {
        self.text("/requestURI").contains("dryRun=")
    }

    fn is(&self, verb: &str, resource: &str) -> bool {
        let on = (self.on("resource"), self.on("subresource"));
        self.text("/verb") == verb && on == (resource, "")
    }

    fn creates(&self, resource: &str, subresource: &str) -> bool {
        let on = (self.on("resource"), self.on("subresource"));
        self.text("/verb") == "create" && on == (resource, subresource) && self.succeeded()
    }

    /// In earnest: a rehearsal evicts nobody.
    fn evicts(&self) -> bool {
        self.creates("pods", "eviction") && !self.is_rehearsed()
    }

    fn is_permitted(&self) -> bool {
        let on = (self.on("resource"), self.on("subresource"));
        let act = (self.text("/verb"), on.0, on.1);
        (!self.is_write() || WRITES.contains(&act)) && self.0["responseStatus"]["code"] != 403
    }
}
