//! Whether a manifest is the same to every reader.
//!
//! A digest says which bytes a manifest has, not how they are read. One with the members of an image and of an index is
//! either, by the media type that a reader believes (CVE-2021-41190); and the decoder of the container runtimes, Go's,
//! takes `Layers` for `layers`. What is judged must be what runs, so nobody here reads such a manifest.

use serde_json::{Map, Value};

/// The members of manifests and descriptors that say what an image is made of.
const MEMBERS: [&str; 19] = [
    "schemaVersion",
    "mediaType",
    "artifactType",
    "config",
    "layers",
    "manifests",
    "subject",
    FREE,
    "digest",
    "size",
    "urls",
    "data",
    "platform",
    "os",
    "os.version",
    "os.features",
    "features",
    "architecture",
    "variant",
];
/// Its members are the publisher's own.
pub(crate) const FREE: &str = "annotations";

/// Refuses a document that is no manifest, or that readers take for different ones.
///
/// # Errors
/// What is wrong with it.
pub(crate) fn check(document: &Value) -> Result<(), String> {
    let members = document.as_object().filter(|members| is_manifest(members));
    let members = members.ok_or("expected a manifest, found JSON without schemaVersion")?;
    let has = |name| members.get(name).is_some_and(|value| !value.is_null());
    if has("manifests") && (has("config") || has("layers")) {
        return Err("it has the members of both an image and an index".into());
    }
    spelling(document)
}

fn is_manifest(members: &Map<String, Value>) -> bool {
    members.contains_key("schemaVersion") || members.contains_key("mediaType")
}

fn spelling(value: &Value) -> Result<(), String> {
    let member = |(name, value): (&String, &Value)| match meant(name) {
        Some(known) => Err(format!("its member {name:?} is {known:?} to some readers")),
        None if name == FREE => Ok(()),
        None => spelling(value),
    };
    match value {
        Value::Array(items) => items.iter().try_for_each(spelling),
        Value::Object(members) => members.iter().try_for_each(member),
        _ => Ok(()),
    }
}

/// The member that a reader takes this one for that does not mind the case of letters (`ſ` is an `s` to it).
fn meant(name: &str) -> Option<&'static str> {
    let folded = |text: &str| text.to_uppercase().to_lowercase();
    MEMBERS
        .into_iter()
        .find(|known| *known != name && known.len() <= name.len() && folded(known) == folded(name))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn manifests_of_all_kinds_pass() {
        for honest in [
            json!({"schemaVersion": 2, "config": {}, "layers": [], "manifests": null}),
            json!({"schemaVersion": 2, "manifests": [{"platform": {"os": "linux", "os.version": "1"}}]}),
            json!({"schemaVersion": 1, "fsLayers": []}),
            json!({"mediaType": "application/vnd.oci.artifact.manifest.v1+json", "blobs": []}),
            json!({"schemaVersion": 2, "layers": [{"annotations": {"Digest": "the publisher's"}}]}),
            json!({"schemaVersion": 2, "Other": 1, "other": null}),
        ] {
            check(&honest).unwrap();
        }
    }

    #[test]
    fn what_readers_take_for_different_things_is_refused() {
        for (ambiguous, named) in [
            (
                json!({"schemaVersion": 2, "manifests": [], "layers": []}),
                "both",
            ),
            (
                json!({"schemaVersion": 2, "manifests": [], "config": {}}),
                "both",
            ),
            (
                json!({"schemaVersion": 2, "layers": [], "Layers": []}),
                "Layers",
            ),
            (
                json!({"schemaVersion": 2, "layers": [], "layer\u{17f}": []}),
                "layer",
            ),
            (
                json!({"schemaVersion": 2, "layers": [{"digest": 1, "DIGEST": 2}]}),
                "DIGEST",
            ),
            (json!({"schemaVersion": 2, "Layers": []}), "Layers"),
            (
                json!({"schemaVersion": 2, "Annotations": {}}),
                "Annotations",
            ),
            (json!({"errors": [{"code": "UNKNOWN"}]}), "schemaVersion"),
            (json!([]), "schemaVersion"),
        ] {
            let reason = check(&ambiguous).unwrap_err();
            assert!(reason.contains(named), "{reason}");
        }
    }
}
