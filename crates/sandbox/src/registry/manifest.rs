//! Reads a manifest: its references, and its entry in a list of referrers. Pure.

use serde_json::{Map, Value, json};

use super::{Digest, Refusal};

/// 4 MiB: the limit that the distribution specification recommends, and that clients count on.
pub const MANIFEST_LIMIT_BYTES: usize = 4 * 1024 * 1024;

/// A stored manifest.
#[derive(Clone, Debug)]
pub struct Manifest {
    /// Of its bytes.
    pub digest: Digest,
    /// As it was pushed.
    pub media_type: String,
    /// Exactly as they were pushed.
    pub bytes: Vec<u8>,
    /// What it refers to; known while it is being pushed.
    pub subject: Option<Digest>,
}

/// The parts of a manifest that the registry uses.
#[derive(Debug)]
pub struct Facts {
    /// Config and layers that the repository must have.
    pub blobs: Vec<Digest>,
    /// Children of an index that the repository must have.
    pub manifests: Vec<Digest>,
    /// The manifest this one says something about; it may arrive later.
    pub subject: Option<Digest>,
    artifact_type: Option<String>,
    annotations: Option<Map<String, Value>>,
}

/// Reads a manifest or index, and refuses one that clients would misread.
pub fn read(media_type: &str, bytes: &[u8]) -> Result<Facts, Refusal> {
    let refuse = |reason: &str| Refusal::ManifestInvalid {
        reason: reason.to_owned(),
    };
    let body: Value = serde_json::from_slice(bytes).map_err(|_| refuse("the body is not JSON"))?;
    if body["schemaVersion"] != 2 {
        return Err(refuse("schemaVersion is not 2"));
    }
    if let Some(own) = body["mediaType"].as_str()
        && own != media_type
    {
        return Err(refuse(
            "its mediaType is not the Content-Type of the request",
        ));
    }
    let is_index = media_type.ends_with("image.index.v1+json")
        || media_type.ends_with("manifest.list.v2+json");
    let mut blobs = digests(&body["layers"])?;
    if !is_index {
        blobs.push(digest(&body["config"])?);
    }
    let subject = if body["subject"].is_null() {
        None
    } else {
        Some(digest(&body["subject"])?)
    };
    let artifact_type = body["artifactType"]
        .as_str()
        .or_else(|| body["config"]["mediaType"].as_str());
    Ok(Facts {
        blobs,
        manifests: digests(&body["manifests"])?,
        subject,
        artifact_type: artifact_type.map(str::to_owned),
        annotations: body["annotations"].as_object().cloned(),
    })
}

fn digests(list: &Value) -> Result<Vec<Digest>, Refusal> {
    list.as_array().into_iter().flatten().map(digest).collect()
}

fn digest(descriptor: &Value) -> Result<Digest, Refusal> {
    let text = descriptor["digest"].as_str().unwrap_or_default();
    Digest::parse(text).ok_or_else(|| Refusal::ManifestInvalid {
        reason: format!("`{text}` is not a sha256 digest"),
    })
}

impl Facts {
    /// How the list of referrers shows this manifest: with its artifact type and annotations, as the specification asks.
    pub fn descriptor(&self, media_type: &str, digest: &Digest, size: usize) -> Value {
        let mut descriptor =
            json!({ "mediaType": media_type, "digest": digest.to_string(), "size": size });
        if let Some(artifact_type) = &self.artifact_type {
            descriptor["artifactType"] = json!(artifact_type);
        }
        if let Some(annotations) = &self.annotations {
            descriptor["annotations"] = json!(annotations);
        }
        descriptor
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const IMAGE: &str = "application/vnd.oci.image.manifest.v1+json";

    fn refused(bytes: &[u8]) -> bool {
        matches!(read(IMAGE, bytes), Err(Refusal::ManifestInvalid { .. }))
    }

    #[test]
    fn a_manifest_that_a_client_would_misread_is_refused() {
        let config = json!({"digest": Digest::of(b"c").to_string()});
        assert!(refused(b"<html>"));
        assert!(refused(
            json!({"schemaVersion": 1, "config": config})
                .to_string()
                .as_bytes()
        ));
        assert!(refused(json!({"schemaVersion": 2}).to_string().as_bytes()));
        assert!(refused(
            json!({"schemaVersion": 2, "mediaType": "x/y", "config": config})
                .to_string()
                .as_bytes()
        ));
        assert!(refused(
            json!({"schemaVersion": 2, "config": {"digest": "sha256:.."}})
                .to_string()
                .as_bytes()
        ));
        assert!(!refused(
            json!({"schemaVersion": 2, "config": config})
                .to_string()
                .as_bytes()
        ));
    }

    #[test]
    fn the_artifact_type_of_a_referrer_falls_back_to_its_config() {
        let config = json!({"mediaType": "application/vnd.example+json", "digest": Digest::of(b"c").to_string()});
        let body = json!({"schemaVersion": 2, "config": config, "annotations": {"a": "b"}});
        let facts = read(IMAGE, body.to_string().as_bytes()).unwrap();
        let descriptor = facts.descriptor(IMAGE, &Digest::of(b"m"), 7);
        assert_eq!(descriptor["artifactType"], "application/vnd.example+json");
        assert_eq!(descriptor["annotations"], json!({"a": "b"}));
        assert_eq!(descriptor["size"], 7);
    }
}
