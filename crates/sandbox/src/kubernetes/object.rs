//! Reading and writing the parts of an object that every kind has.
//!
//! Objects are plain JSON: the sandbox keeps every field that a client sent, the real server the fields that it knows.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::{Map, Value, json};

/// The text at a JSON pointer; empty when it is not there or no text, as Kubernetes treats absent strings.
pub(crate) fn text<'a>(object: &'a Value, pointer: &str) -> &'a str {
    object
        .pointer(pointer)
        .and_then(Value::as_str)
        .unwrap_or_default()
}

/// The whole number at a JSON pointer.
pub(crate) fn number(object: &Value, pointer: &str) -> Option<i64> {
    object.pointer(pointer).and_then(Value::as_i64)
}

/// Whether `true` stands at a JSON pointer.
pub(crate) fn flag(object: &Value, pointer: &str) -> bool {
    object.pointer(pointer).and_then(Value::as_bool) == Some(true)
}

/// The list at a JSON pointer; empty when absent.
pub(crate) fn list<'a>(object: &'a Value, pointer: &str) -> &'a [Value] {
    object
        .pointer(pointer)
        .and_then(Value::as_array)
        .map_or(&[], Vec::as_slice)
}

/// The text pairs (labels, annotations, selectors) at a JSON pointer.
pub(crate) fn pairs(object: &Value, pointer: &str) -> BTreeMap<String, String> {
    let map = object.pointer(pointer).and_then(Value::as_object);
    map.into_iter()
        .flatten()
        .filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned())))
        .collect()
}

/// Writes a value at a path of keys, making the objects on the way.
pub(crate) fn set(object: &mut Value, path: &[&str], value: impl Into<Value>) {
    let mut place = object;
    for key in path {
        if !place.is_object() {
            *place = Value::Object(Map::new());
        }
        let Value::Object(map) = place else { return };
        place = map.entry(*key).or_insert(Value::Null);
    }
    *place = value.into();
}

/// Writes a value only where none is: how a default is set.
pub(crate) fn default(object: &mut Value, path: &[&str], value: impl Into<Value>) {
    let pointer = format!("/{}", path.join("/"));
    if object.pointer(&pointer).is_none_or(Value::is_null) {
        set(object, path, value);
    }
}

/// Removes the value at a path of keys.
pub(crate) fn unset(object: &mut Value, path: &[&str]) {
    let Some((last, parents)) = path.split_last() else {
        return;
    };
    let pointer: String = parents.iter().map(|key| format!("/{key}")).collect();
    if let Some(Value::Object(map)) = object.pointer_mut(&pointer) {
        map.remove(*last);
    }
}

pub(crate) fn name(object: &Value) -> &str {
    text(object, "/metadata/name")
}

pub(crate) fn namespace(object: &Value) -> &str {
    text(object, "/metadata/namespace")
}

pub(crate) fn uid(object: &Value) -> &str {
    text(object, "/metadata/uid")
}

pub(crate) fn labels(object: &Value) -> BTreeMap<String, String> {
    pairs(object, "/metadata/labels")
}

pub(crate) fn revision(object: &Value) -> u64 {
    text(object, "/metadata/resourceVersion")
        .parse()
        .unwrap_or_default()
}

/// Whether its deletion has begun.
pub(crate) fn is_terminating(object: &Value) -> bool {
    !text(object, "/metadata/deletionTimestamp").is_empty()
}

/// The owner that controls it.
pub(crate) fn controller(object: &Value) -> Option<&Value> {
    list(object, "/metadata/ownerReferences")
        .iter()
        .find(|owner| flag(owner, "/controller"))
}

/// Whether the object with this uid controls it.
pub(crate) fn is_controlled_by(object: &Value, uid: &str) -> bool {
    controller(object).is_some_and(|owner| text(owner, "/uid") == uid)
}

/// A controlling owner reference to `owner`.
pub(crate) fn owner_reference(owner: &Value, api_version: &str, kind: &str) -> Value {
    json!({
        "apiVersion": api_version, "kind": kind, "name": name(owner), "uid": uid(owner),
        "controller": true, "blockOwnerDeletion": true,
    })
}

/// The status (`True`, `False`, `Unknown`) of a condition; empty when the condition is absent.
pub(crate) fn condition<'a>(object: &'a Value, kind: &str) -> &'a str {
    list(object, "/status/conditions")
        .iter()
        .find(|condition| text(condition, "/type") == kind)
        .map_or("", |condition| text(condition, "/status"))
}

/// Sets a condition; its transition time moves only when its status does.
pub(crate) fn set_condition(object: &mut Value, kind: &str, status: &str, reason: &str, now: &str) {
    let mut conditions = list(object, "/status/conditions").to_vec();
    let at = conditions
        .iter()
        .position(|condition| text(condition, "/type") == kind);
    let at = at.unwrap_or_else(|| {
        conditions.push(json!({"type": kind}));
        conditions.len() - 1
    });
    let condition = &mut conditions[at];
    if text(condition, "/status") != status {
        set(condition, &["lastTransitionTime"], now);
    }
    set(condition, &["status"], status);
    if reason.is_empty() {
        unset(condition, &["reason"]);
    } else {
        set(condition, &["reason"], reason);
    }
    set(object, &["status", "conditions"], conditions);
}

/// Sets the message of an existing condition.
pub(crate) fn set_message(object: &mut Value, kind: &str, message: &str) {
    let conditions = object.pointer_mut("/status/conditions");
    let conditions = conditions.and_then(Value::as_array_mut);
    for condition in conditions.into_iter().flatten() {
        if text(condition, "/type") == kind {
            set(condition, &["message"], message);
        }
    }
}

/// A time as Kubernetes writes it: RFC 3339, UTC, whole seconds.
pub(crate) fn time(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// A random id in the form of a UUID, version 4.
pub(crate) fn new_uid() -> String {
    let bits = (fastrand::u128(..) & !(0xf << 76) & !(0x3 << 62)) | (0x4 << 76) | (0x2 << 62);
    let hex = format!("{bits:032x}");
    let parts = [0..8, 8..12, 12..16, 16..20, 20..32];
    parts.map(|range| &hex[range]).join("-")
}

/// The five letters that complete a generated name: those that the real server draws from (no vowels, no words).
pub(crate) fn name_suffix() -> String {
    const LETTERS: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";
    (0..5)
        .map(|_| char::from(LETTERS[fastrand::usize(..LETTERS.len())]))
        .collect()
}

/// A short digest of a value, in the letters that the real controllers use for names.
pub(crate) fn short_hash(value: &Value) -> String {
    use sha2::{Digest, Sha256};
    const LETTERS: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";
    Sha256::digest(value.to_string().as_bytes())
        .iter()
        .take(10)
        .map(|byte| char::from(LETTERS[usize::from(*byte) % LETTERS.len()]))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_uid_has_version_and_variant_of_a_random_uuid() {
        for _ in 0..100 {
            let uid = new_uid();
            assert_eq!(uid.len(), 36);
            assert_eq!(&uid[14..15], "4", "{uid}");
            assert!("89ab".contains(&uid[19..20]), "{uid}");
        }
    }

    #[test]
    fn a_condition_keeps_its_transition_time_while_its_status_stays() {
        let mut pod = json!({});
        set_condition(&mut pod, "Ready", "True", "", "t1");
        set_condition(&mut pod, "Ready", "True", "Again", "t2");
        assert_eq!(text(&pod, "/status/conditions/0/lastTransitionTime"), "t1");
        set_condition(&mut pod, "Ready", "False", "", "t3");
        assert_eq!(text(&pod, "/status/conditions/0/lastTransitionTime"), "t3");
        assert_eq!(condition(&pod, "Ready"), "False");
    }

    #[test]
    fn a_default_never_replaces_a_value() {
        let mut object = json!({"spec": {"replicas": 0}});
        default(&mut object, &["spec", "replicas"], 1);
        default(&mut object, &["spec", "paused"], false);
        assert_eq!(object, json!({"spec": {"replicas": 0, "paused": false}}));
    }
}
