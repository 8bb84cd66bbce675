//! Creating and changing objects, with the rules for every kind.

use std::sync::Arc;

use serde_json::{Value, json};

use super::{
    defaults,
    failure::{Failure, Wrong, cause},
    kinds::Kind,
    object::{self, is_terminating, list, number, set, text, unset},
    patch,
    store::World,
    validate,
};

/// How a write is asked for.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Mode {
    /// Go through everything and keep nothing (`dryRun=All`).
    pub dry_run: bool,
    /// Refuse an eviction with unknown fields (`fieldValidation=Strict`).
    pub strict: bool,
}

/// Which part of an object a write may change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    /// All but the status, where the status is a subresource.
    Main,
    /// The status only.
    Status,
}

/// Creates an object.
///
/// # Errors
/// As the real server refuses it: 400, 404 (no such namespace), 409, 422.
pub(crate) fn create(
    world: &mut World,
    kind: &Kind,
    namespace: &str,
    mut body: Value,
    mode: Mode,
) -> Result<Arc<Value>, Failure> {
    validate::check_address(kind, &body, namespace, None)?;
    if !text(&body, "/metadata/resourceVersion").is_empty() {
        let message = "resourceVersion should not be set on objects to be created";
        return Err(Failure::bare(500, message));
    }
    let prefix = text(&body, "/metadata/generateName").to_owned();
    if object::name(&body).is_empty() && !prefix.is_empty() {
        let name = format!("{prefix}{}", object::name_suffix());
        set(&mut body, &["metadata", "name"], name);
    }
    check_namespace(world, kind, namespace, object::name(&body))?;
    prepare(kind, namespace, &mut body, &world.time());
    validate::check(kind, &body)?;
    let name = object::name(&body);
    if world.get(kind.plural, namespace, name).is_some() {
        return Err(Failure::already_exists(kind, name));
    }
    commit(world, kind, body, mode)
}

/// Whether an object may be created in a namespace.
///
/// # Errors
/// 404 when it does not exist, 403 when it is being deleted.
pub(crate) fn check_namespace(
    world: &World,
    kind: &Kind,
    namespace: &str,
    name: &str,
) -> Result<(), Failure> {
    if !kind.namespaced {
        return Ok(());
    }
    let Some(home) = world.get("namespaces", "", namespace) else {
        return Err(Failure::not_found(
            super::kinds::stored("namespaces"),
            namespace,
        ));
    };
    if is_terminating(&home) {
        let why = format!(
            "unable to create new content in namespace {namespace} because it is being terminated"
        );
        let message = format!("namespace {namespace} is being terminated");
        let cause = cause("NamespaceTerminating", &message, "metadata.namespace");
        return Err(Failure::forbidden(kind, name, &why).with_cause(cause));
    }
    Ok(())
}

fn prepare(kind: &Kind, namespace: &str, object: &mut Value, now: &str) {
    set(object, &["apiVersion"], kind.api_version());
    set(object, &["kind"], kind.kind);
    if kind.namespaced {
        set(object, &["metadata", "namespace"], namespace);
    } else {
        unset(object, &["metadata", "namespace"]);
    }
    set(object, &["metadata", "uid"], object::new_uid());
    set(object, &["metadata", "creationTimestamp"], now);
    for key in [
        "resourceVersion",
        "deletionTimestamp",
        "deletionGracePeriodSeconds",
        "generation",
    ] {
        unset(object, &["metadata", key]);
    }
    if kind.has_generation() {
        set(object, &["metadata", "generation"], 1);
    }
    // A kubelet registers its node with the status; every other status is the server's to give.
    if kind.has_status() && kind.plural != "nodes" {
        set(object, &["status"], json!({}));
    }
    defaults::fill(kind, object);
}

/// Replaces an object, or its status.
///
/// # Errors
/// As the real server refuses it: 400, 404, 409 (changed in the meantime), 422.
pub(crate) fn update(
    world: &mut World,
    kind: &Kind,
    (namespace, name): (&str, &str),
    body: Value,
    part: Part,
    mode: Mode,
) -> Result<Arc<Value>, Failure> {
    validate::check_address(kind, &body, namespace, Some(name))?;
    let old = world
        .get(kind.plural, namespace, name)
        .ok_or_else(|| Failure::not_found(kind, name))?;
    let (sent_version, sent_uid) = (text(&body, "/metadata/resourceVersion"), object::uid(&body));
    if !sent_uid.is_empty() && sent_uid != object::uid(&old) {
        let why = format!(
            "Precondition failed: UID in precondition: {sent_uid}, UID in object meta: {}",
            object::uid(&old)
        );
        return Err(Failure::conflict(kind, name, &why));
    }
    check_revision(
        kind,
        name,
        sent_version,
        text(&old, "/metadata/resourceVersion"),
    )?;
    let new = merge_parts(kind, &old, body, part);
    if new == *old {
        return Ok(old);
    }
    validate::check(kind, &new)?;
    if may_go(&new) && kind.plural != "namespaces" && !mode.dry_run {
        world.remove(kind.plural, namespace, name)?;
        return Ok(Arc::new(new));
    }
    commit(world, kind, new, mode)
}

/// Whether an object is being deleted and waits for nothing more.
pub(crate) fn may_go(object: &Value) -> bool {
    let grace = number(object, "/metadata/deletionGracePeriodSeconds");
    is_terminating(object)
        && list(object, "/metadata/finalizers").is_empty()
        && grace.unwrap_or_default() == 0
}

/// Whether a write was made from the latest version. One that names none, or `0`, may change any, but for a few kinds.
fn check_revision(kind: &Kind, name: &str, sent: &str, found: &str) -> Result<(), Failure> {
    if !["", "0"].contains(&sent) {
        return match sent == found {
            true => Ok(()),
            false => Err(Failure::modified(kind, name)),
        };
    }
    if kind.takes_any_revision() {
        return Ok(());
    }
    let field = ("metadata.resourceVersion", "Invalid value");
    let why = "0: must be specified for an update";
    let kind = (kind.group, kind.plural);
    Err(Failure::invalid_fields(
        kind,
        name,
        &[Wrong::new(field.0, field.1, why)],
    ))
}

/// The new object: the fields that the client may write from the body, the rest from the old object.
fn merge_parts(kind: &Kind, old: &Value, body: Value, part: Part) -> Value {
    let mut new = match part {
        Part::Main => body,
        Part::Status => {
            let mut new = old.clone();
            set(
                &mut new,
                &["status"],
                body.get("status").cloned().unwrap_or_default(),
            );
            // Of these two the status endpoint also takes labels and annotations.
            if ["nodes", "pods"].contains(&kind.plural) {
                for key in ["labels", "annotations"] {
                    take(&mut new, &body, &["metadata", key]);
                }
            }
            new
        }
    };
    for key in [
        "name",
        "namespace",
        "uid",
        "creationTimestamp",
        "generation",
        "resourceVersion",
        "deletionTimestamp",
        "deletionGracePeriodSeconds",
        "generateName",
    ] {
        take(&mut new, old, &["metadata", key]);
    }
    set(&mut new, &["apiVersion"], kind.api_version());
    set(&mut new, &["kind"], kind.kind);
    if part == Part::Main && kind.has_status() {
        take(&mut new, old, &["status"]);
    }
    if kind.has_generation() && new.get("spec") != old.get("spec") {
        let generation = number(old, "/metadata/generation").unwrap_or(1) + 1;
        set(&mut new, &["metadata", "generation"], generation);
    }
    new
}

/// Copies a field, or removes it where `from` does not have it.
fn take(into: &mut Value, from: &Value, path: &[&str]) {
    match from.pointer(&format!("/{}", path.join("/"))) {
        Some(value) => set(into, path, value.clone()),
        None => unset(into, path),
    }
}

/// Changes an object by a patch.
///
/// # Errors
/// The errors of [`patch::apply`] and [`update`].
pub(crate) fn patch(
    world: &mut World,
    kind: &Kind,
    (namespace, name): (&str, &str),
    (media_type, body): (&str, &[u8]),
    part: Part,
    mode: Mode,
) -> Result<Arc<Value>, Failure> {
    let old = world
        .get(kind.plural, namespace, name)
        .ok_or_else(|| Failure::not_found(kind, name))?;
    let patched = patch::apply(&old, media_type, body)?;
    let sent_version = text(&patched, "/metadata/resourceVersion");
    check_revision(
        kind,
        name,
        sent_version,
        text(&old, "/metadata/resourceVersion"),
    )?;
    let uid = object::uid(&patched);
    if !uid.is_empty() && uid != object::uid(&old) {
        let why = format!("{uid:?}: field is immutable");
        return Err(Failure::invalid(
            kind,
            name,
            "metadata.uid",
            "Invalid value",
            &why,
        ));
    }
    update(world, kind, (namespace, name), patched, part, mode)
}

pub(super) fn commit(
    world: &mut World,
    kind: &Kind,
    object: Value,
    mode: Mode,
) -> Result<Arc<Value>, Failure> {
    if mode.dry_run {
        return Ok(Arc::new(object));
    }
    Ok(world.put(super::kinds::stored(kind.plural).plural, object)?)
}
