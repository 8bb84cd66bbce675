//! Deletions: at once, or by setting `deletionTimestamp` on a pod with a grace period or an object with finalizers.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::{
    delete_options::Deletion,
    failure::Failure,
    kinds::Kind,
    object::{self, is_terminating, list, number, set, text, unset},
    store::World,
    write::{Mode, commit},
};

/// The result of a deletion.
pub(crate) struct Deleted {
    /// The object as it is, or its last state.
    pub object: Arc<Value>,
    /// Whether it is gone; otherwise it is being deleted.
    pub gone: bool,
}

/// Deletes an object at once, or sets its `deletionTimestamp` when it is a pod with a grace period or has finalizers.
///
/// # Errors
/// 404; 409 when a precondition is not met; 422 for unknown options.
pub(crate) fn delete(
    world: &mut World,
    kind: &Kind,
    (namespace, name): (&str, &str),
    how: &Deletion,
) -> Result<Deleted, Failure> {
    let waiting = |object| Deleted {
        object,
        gone: false,
    };
    let old = world
        .get(kind.plural, namespace, name)
        .ok_or_else(|| Failure::not_found(kind, name))?;
    how.check()?;
    check_preconditions(kind, &old, how)?;
    let mut grace_s = grace_period_s(kind, &old, how);
    if is_terminating(&old) {
        let earlier = number(&old, "/metadata/deletionGracePeriodSeconds").unwrap_or_default();
        if earlier > 0 && (how.grace_period_s.is_none() || earlier <= grace_s) {
            return Ok(waiting(old));
        }
        grace_s = grace_s.min(earlier);
    }
    let finalizers = how.finalizers(kind, list(&old, "/metadata/finalizers"));
    if grace_s == 0 && finalizers.is_empty() && kind.plural != "namespaces" {
        let last = match how.dry_run {
            true => None,
            false => world.remove(kind.plural, namespace, name)?,
        };
        return Ok(Deleted {
            object: last.unwrap_or(old),
            gone: true,
        });
    }
    let marked = marked(kind, &old, finalizers, (world.now(), grace_s));
    if marked == *old {
        return Ok(waiting(old));
    }
    let mode = Mode {
        dry_run: how.dry_run,
        strict: false,
    };
    commit(world, kind, marked, mode).map(waiting)
}

/// The object once its deletion has begun, or has been made more urgent.
fn marked(
    kind: &Kind,
    old: &Value,
    finalizers: Vec<Value>,
    (now, grace_s): (Timestamp, i64),
) -> Value {
    let mut new = old.clone();
    if finalizers.is_empty() {
        unset(&mut new, &["metadata", "finalizers"]);
    } else {
        set(&mut new, &["metadata", "finalizers"], finalizers);
    }
    let generation = number(old, "/metadata/generation");
    if !is_terminating(old) {
        if let Some(generation) = generation {
            set(&mut new, &["metadata", "generation"], generation + 1);
        }
    } else if grace_s == 0 && number(old, "/metadata/deletionGracePeriodSeconds") == Some(0) {
        return new;
    }
    let end = object::time(now + SignedDuration::from_secs(grace_s));
    set(&mut new, &["metadata", "deletionTimestamp"], end);
    set(
        &mut new,
        &["metadata", "deletionGracePeriodSeconds"],
        grace_s,
    );
    if kind.plural == "namespaces" {
        set(&mut new, &["status", "phase"], "Terminating");
    }
    new
}

/// Whether the object is still the one that is to be deleted.
///
/// # Errors
/// 409 when it is another, or has changed.
pub(crate) fn check_preconditions(kind: &Kind, old: &Value, how: &Deletion) -> Result<(), Failure> {
    let checks = [
        ("UID", &how.uid, object::uid(old)),
        (
            "ResourceVersion",
            &how.resource_version,
            text(old, "/metadata/resourceVersion"),
        ),
    ];
    for (what, wanted, found) in checks {
        if let Some(wanted) = wanted.as_deref().filter(|wanted| *wanted != found) {
            let why = format!(
                "the {what} in the precondition ({wanted}) does not match the {what} in record ({found}). The object might have been {}",
                if what == "UID" {
                    "deleted and then recreated"
                } else {
                    "modified"
                }
            );
            return Err(Failure::precondition(kind, object::name(old), &why));
        }
    }
    Ok(())
}

/// A year, in seconds: a longer grace period has no use, and its end may be beyond the range of the time type.
const LONGEST_GRACE_S: i64 = 365 * 24 * 3600;

/// The grace period of a running pod; a negative one counts as a second. A pod that is not scheduled, or has ended, has none.
fn grace_period_s(kind: &Kind, pod: &Value, how: &Deletion) -> i64 {
    let placed = !text(pod, "/spec/nodeName").is_empty();
    let ended = ["Succeeded", "Failed"].contains(&text(pod, "/status/phase"));
    if kind.plural != "pods" || !placed || ended {
        return 0;
    }
    let asked = how.grace_period_s;
    let asked = asked.or_else(|| number(pod, "/spec/terminationGracePeriodSeconds"));
    match asked.unwrap_or(30) {
        ..0 => 1,
        seconds => seconds.min(LONGEST_GRACE_S),
    }
}
