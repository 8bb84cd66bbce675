//! The three kinds of patch that are served: JSON patch, merge patch, strategic merge patch.
//!
//! Server-side apply is not served and answers 415, which tells a client to use one of these.

use serde_json::{Value, json};

use super::{failure::Failure, object};

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
            merge_strategically(&mut patched, patch)?;
        }
        _ => return Err(Failure::unsupported_media_type(ACCEPTED)),
    }
    Ok(patched)
}

/// The field by which the elements of a list are one and the same; `None` where a list is replaced as a whole. From
/// the `patchMergeKey` tags of the Kubernetes API types, for what kubectl and controllers patch in this way.
fn merge_key(list: &str) -> Option<&'static str> {
    match list {
        "conditions" | "addresses" => Some("type"),
        "ownerReferences" => Some("uid"),
        "containers" | "initContainers" | "env" | "volumes" => Some("name"),
        _ => None,
    }
}

fn merge_strategically(target: &mut Value, patch: Value) -> Result<(), Failure> {
    let Value::Object(patch) = patch else {
        *target = patch;
        return Ok(());
    };
    if !target.is_object() {
        *target = json!({});
    }
    for (key, value) in patch {
        match value {
            // It only orders; the order in which elements came is as good.
            _ if key.starts_with("$setElementOrder/") => {}
            _ if key.starts_with('$') => {
                let why = format!("the directive {key} of strategic merge patches is not served");
                return Err(Failure::bad_request(why));
            }
            Value::Null => object::unset(target, &[&key]),
            Value::Array(elements) => match merge_key(&key) {
                Some(by) => merge_list(&mut target[&key], elements, by)?,
                None => target[&key] = elements.into(),
            },
            value => merge_strategically(&mut target[&key], value)?,
        }
    }
    Ok(())
}

fn merge_list(place: &mut Value, elements: Vec<Value>, by: &str) -> Result<(), Failure> {
    let mut merged = place.as_array().cloned().unwrap_or_default();
    for element in elements {
        let same = |other: &Value| other.get(by).is_some() && other.get(by) == element.get(by);
        let at = merged.iter().position(same).unwrap_or_else(|| {
            merged.push(json!({}));
            merged.len() - 1
        });
        merge_strategically(&mut merged[at], element)?;
    }
    *place = merged.into();
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn strategic(target: &Value, patch: &Value) -> Result<Value, Failure> {
        let media_type = "application/strategic-merge-patch+json";
        apply(target, media_type, patch.to_string().as_bytes())
    }

    #[test]
    fn a_strategic_merge_meets_list_elements_by_their_key_and_replaces_other_lists() {
        let node = json!({"spec": {"unschedulable": true, "taints": [{"key": "x"}]},
            "status": {"conditions": [{"type": "Ready", "status": "True"}, {"type": "Disk", "status": "False"}]}});
        let patch = json!({"spec": {"unschedulable": null, "taints": [{"key": "y"}]},
            "status": {"conditions": [{"type": "Ready", "status": "False"}], "$setElementOrder/conditions": []}});
        let expected = json!({"spec": {"taints": [{"key": "y"}]},
            "status": {"conditions": [{"type": "Ready", "status": "False"}, {"type": "Disk", "status": "False"}]}});
        assert_eq!(strategic(&node, &patch), Ok(expected));
    }

    #[test]
    fn a_directive_that_is_not_served_is_refused() {
        let patch = json!({"spec": {"containers": [{"name": "a", "$patch": "delete"}]}});
        let failure = strategic(&json!({}), &patch).unwrap_err();
        assert_eq!(failure.code, 400);
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
