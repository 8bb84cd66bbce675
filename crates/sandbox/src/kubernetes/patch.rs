//! The three kinds of patch that are served: JSON patch, merge patch, strategic merge patch.
//!
//! Server-side apply is not served and answers 415, which tells a client to use one of these.

use serde_json::{Map, Value};

use super::failure::Failure;

/// The media types that a patch may have, as the 415 answer lists them.
pub(crate) const ACCEPTED: &str = "application/json-patch+json, application/merge-patch+json, application/strategic-merge-patch+json";

/// Applies a patch of the given media type.
///
/// # Errors
/// 400 for a body that is no such patch, 415 for another media type, 422 for a JSON patch that does not fit.
pub(crate) fn apply(target: &Value, media_type: &str, body: &[u8]) -> Result<Value, Failure> {
    let malformed =
        |error: serde_json::Error| Failure::bad_request(format!("error decoding patch: {error}"));
    let mut patched = target.clone();
    match media_type {
        "application/json-patch+json" => {
            let patch: json_patch::Patch = serde_json::from_slice(body).map_err(malformed)?;
            json_patch::patch(&mut patched, &patch).map_err(|_| Failure::unprocessable())?;
        }
        "application/merge-patch+json" => {
            let patch: Value = serde_json::from_slice(body).map_err(malformed)?;
            json_patch::merge(&mut patched, &patch);
        }
        "application/strategic-merge-patch+json" => {
            let patch: Value = serde_json::from_slice(body).map_err(malformed)?;
            merge_strategically(&mut patched, patch, "");
        }
        _ => return Err(Failure::unsupported_media_type(ACCEPTED)),
    }
    Ok(patched)
}

/// The field by which the elements of a list are one and the same; `None` where a list is replaced as a whole. From
/// the `patchMergeKey` tags of the Kubernetes API types, as far as the kinds served here have them.
fn merge_key(list: &str, parent: &str) -> Option<&'static str> {
    match (list, parent) {
        ("conditions" | "addresses", _) => Some("type"),
        ("ownerReferences", _) => Some("uid"),
        ("ports", "spec") => Some("port"),
        ("ports", _) => Some("containerPort"),
        ("volumeMounts", _) => Some("mountPath"),
        ("hostAliases", _) => Some("ip"),
        ("topologySpreadConstraints", _) => Some("topologyKey"),
        (
            "containers"
            | "initContainers"
            | "ephemeralContainers"
            | "env"
            | "volumes"
            | "imagePullSecrets"
            | "secrets",
            _,
        ) => Some("name"),
        _ => None,
    }
}

fn merge_strategically(target: &mut Value, patch: Value, parent: &str) {
    let Value::Object(patch) = patch else {
        *target = patch;
        return;
    };
    if patch.get("$patch").and_then(Value::as_str) == Some("replace") {
        let kept = patch.into_iter().filter(|(key, _)| key != "$patch");
        *target = Value::Object(kept.collect());
        return;
    }
    if !target.is_object() {
        *target = Value::Object(Map::new());
    }
    let Value::Object(target) = target else {
        return;
    };
    for (key, value) in patch {
        if let Some(list) = key.strip_prefix("$deleteFromPrimitiveList/") {
            delete_primitives(target.get_mut(list), &value);
        } else if key == "$retainKeys" {
            let kept = value.as_array().cloned().unwrap_or_default();
            target.retain(|key, _| kept.iter().any(|name| name == key.as_str()));
        } else if key.starts_with('$') {
            // `$setElementOrder/…` only orders; the order in which elements came is as good.
        } else if value.is_null() {
            target.remove(&key);
        } else {
            merge_field(target, key, value, parent);
        }
    }
}

fn merge_field(target: &mut Map<String, Value>, key: String, value: Value, parent: &str) {
    match value {
        Value::Array(elements) if key == "finalizers" => {
            let place = target.entry(key).or_insert_with(|| Value::Array(vec![]));
            if let Value::Array(present) = place {
                let new = elements.into_iter().filter(|e| !present.contains(e));
                let new: Vec<_> = new.collect();
                present.extend(new);
            }
        }
        Value::Array(elements) => match merge_key(&key, parent) {
            Some(by) => {
                let place = target.entry(key.clone()).or_insert(Value::Null);
                merge_list(place, elements, by, &key);
            }
            None => {
                target.insert(key, Value::Array(elements));
            }
        },
        Value::Object(_) => {
            let place = target.entry(key.clone()).or_insert(Value::Null);
            merge_strategically(place, value, &key);
        }
        other => {
            target.insert(key, other);
        }
    }
}

fn merge_list(place: &mut Value, elements: Vec<Value>, by: &str, parent: &str) {
    if !place.is_array() {
        *place = Value::Array(vec![]);
    }
    let Value::Array(present) = place else { return };
    for element in elements {
        let same = |other: &Value| other.get(by).is_some() && other.get(by) == element.get(by);
        let at = present.iter().position(same);
        let delete = element.get("$patch").and_then(Value::as_str) == Some("delete");
        match at {
            Some(at) if delete => {
                present.remove(at);
            }
            Some(at) => merge_strategically(&mut present[at], element, parent),
            None if delete => {}
            None => {
                let mut new = Value::Null;
                merge_strategically(&mut new, element, parent);
                present.push(new);
            }
        }
    }
}

fn delete_primitives(place: Option<&mut Value>, unwanted: &Value) {
    if let (Some(Value::Array(present)), Value::Array(unwanted)) = (place, unwanted) {
        present.retain(|element| !unwanted.contains(element));
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn strategic(target: Value, patch: Value) -> Value {
        let body = patch.to_string();
        apply(
            &target,
            "application/strategic-merge-patch+json",
            body.as_bytes(),
        )
        .unwrap()
    }

    #[test]
    fn a_strategic_merge_meets_list_elements_by_their_key() {
        let node = json!({"status": {"conditions": [{"type": "Ready", "status": "True"}, {"type": "Disk", "status": "False"}]}});
        let patch = json!({"status": {"conditions": [{"type": "Ready", "status": "False"}]}});
        let expected = json!({"status": {"conditions": [{"type": "Ready", "status": "False"}, {"type": "Disk", "status": "False"}]}});
        assert_eq!(strategic(node, patch), expected);
    }

    #[test]
    fn a_strategic_merge_replaces_deletes_and_keeps_as_its_directives_say() {
        let pod = json!({"spec": {"containers": [{"name": "a"}, {"name": "b"}], "tolerations": [{"key": "x"}]}});
        let patch = json!({"spec": {
            "containers": [{"name": "a", "$patch": "delete"}, {"name": "c", "image": "i"}],
            "$setElementOrder/containers": [{"name": "c"}], "tolerations": [{"key": "y"}]}});
        let expected = json!({"spec": {"containers": [{"name": "b"}, {"name": "c", "image": "i"}], "tolerations": [{"key": "y"}]}});
        assert_eq!(strategic(pod, patch), expected);
    }

    #[test]
    fn a_json_patch_whose_test_fails_changes_nothing_and_is_422() {
        let patch =
            br#"[{"op":"test","path":"/a","value":2},{"op":"replace","path":"/a","value":3}]"#;
        let failure = apply(&json!({"a": 1}), "application/json-patch+json", patch).unwrap_err();
        assert_eq!(failure.code, 422);
    }

    #[test]
    fn server_side_apply_is_415() {
        let failure = apply(&json!({}), "application/apply-patch+yaml", b"{}").unwrap_err();
        assert_eq!(failure.code, 415);
    }
}
