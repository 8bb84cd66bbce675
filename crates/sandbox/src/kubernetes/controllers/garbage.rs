//! The garbage collector: deletes objects without an owner that is left, and does `Foreground` and `Orphan` deletions.

use std::{collections::BTreeSet, sync::Arc};

use serde_json::Value;

use crate::kubernetes::{
    delete,
    delete_options::{Deletion, FOREGROUND, ORPHAN},
    failure::Failure,
    kinds::{KINDS, Kind},
    object::{self, list, set, text},
    store::World,
    write,
};

type Found = (&'static Kind, Arc<Value>);

pub(super) fn reconcile(world: &mut World) -> Result<(), Failure> {
    let kinds = KINDS.iter().filter(|kind| !kind.transient);
    let all: Vec<Found> = kinds
        .flat_map(|kind| {
            world
                .list(kind.plural, "")
                .into_iter()
                .map(move |o| (kind, o))
        })
        .collect();
    let alive: BTreeSet<&str> = all.iter().map(|(_, object)| object::uid(object)).collect();
    for (kind, object) in &all {
        let owners = list(object, "/metadata/ownerReferences");
        let abandoned = !owners.is_empty()
            && owners
                .iter()
                .all(|owner| !alive.contains(text(owner, "/uid")));
        if abandoned && !object::is_terminating(object) {
            delete(world, kind, object)?;
        }
    }
    for (kind, owner) in all
        .iter()
        .filter(|(_, object)| object::is_terminating(object))
    {
        finish_owner(world, kind, owner, &all)?;
    }
    Ok(())
}

fn delete(world: &mut World, kind: &Kind, object: &Value) -> Result<(), Failure> {
    let at = (object::namespace(object), object::name(object));
    match delete::delete(world, kind, at, &Deletion::background()) {
        Err(failure) if failure.code == 404 => Ok(()),
        other => other.map(drop),
    }
}

/// An owner that is being deleted waits until its dependents are deleted, or orphaned.
fn finish_owner(
    world: &mut World,
    kind: &'static Kind,
    owner: &Value,
    all: &[Found],
) -> Result<(), Failure> {
    let has = |name: &str| {
        list(owner, "/metadata/finalizers")
            .iter()
            .any(|f| f == name)
    };
    let uid = object::uid(owner);
    let of_owner = |object: &Value| {
        let mut owners = list(object, "/metadata/ownerReferences").iter();
        owners.any(|reference| text(reference, "/uid") == uid)
    };
    let dependents: Vec<_> = all.iter().filter(|(_, object)| of_owner(object)).collect();
    if has(ORPHAN) {
        for (kind, dependent) in &dependents {
            let mut new = Value::clone(dependent);
            let mut owners = list(&new, "/metadata/ownerReferences").to_vec();
            owners.retain(|reference| text(reference, "/uid") != uid);
            if owners.is_empty() {
                object::unset(&mut new, &["metadata", "ownerReferences"]);
            } else {
                set(&mut new, &["metadata", "ownerReferences"], owners);
            }
            world.put(kind.plural, new)?;
        }
        return remove_finalizer(world, kind, owner, ORPHAN);
    }
    if has(FOREGROUND) {
        for (kind, dependent) in &dependents {
            if !object::is_terminating(dependent) {
                delete(world, kind, dependent)?;
            }
        }
        if dependents.is_empty() {
            return remove_finalizer(world, kind, owner, FOREGROUND);
        }
    }
    Ok(())
}

/// Removes a finalizer. An object that waited only for it is removed.
pub(super) fn remove_finalizer(
    world: &mut World,
    kind: &'static Kind,
    owner: &Value,
    finalizer: &str,
) -> Result<(), Failure> {
    let new = without_finalizer(owner, finalizer);
    if write::may_go(&new) {
        world.remove(kind.plural, object::namespace(owner), object::name(owner))?;
    } else {
        world.put(kind.plural, new)?;
    }
    Ok(())
}

/// The object without one of its finalizers.
pub(super) fn without_finalizer(object: &Value, finalizer: &str) -> Value {
    let mut new = object.clone();
    let mut finalizers = list(object, "/metadata/finalizers").to_vec();
    finalizers.retain(|name| name != finalizer);
    if finalizers.is_empty() {
        object::unset(&mut new, &["metadata", "finalizers"]);
    } else {
        set(&mut new, &["metadata", "finalizers"], finalizers);
    }
    new
}
