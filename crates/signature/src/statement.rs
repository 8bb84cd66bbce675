//! The in-toto statement that cosign signs about an image.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::ImageDigest;

/// The predicate type of `cosign sign` (cosign `pkg/types/predicate.go`). Every other one is an attestation.
pub const SIGN_PREDICATE: &str = "https://sigstore.dev/cosign/sign/v1";

/// What `cosign sign` writes. Its attestations are v0.1, which is one more reason to accept nothing else.
pub(crate) const STATEMENT_TYPE: &str = "https://in-toto.io/Statement/v1";

#[derive(Serialize, Deserialize)]
pub(crate) struct Statement {
    #[serde(rename = "_type")]
    pub statement_type: String,
    pub subject: Vec<Subject>,
    #[serde(rename = "predicateType")]
    pub predicate_type: String,
    /// Empty in a signature; its content is nobody's claim here and is not read.
    #[serde(default)]
    pub predicate: serde_json::Map<String, serde_json::Value>,
}

#[derive(Serialize, Deserialize)]
pub(crate) struct Subject {
    pub digest: BTreeMap<String, String>,
}

impl Statement {
    /// The statement of a signature over `digest`.
    pub fn signing(digest: &ImageDigest) -> Self {
        let digest = BTreeMap::from([("sha256".into(), digest.hex().into())]);
        Self {
            statement_type: STATEMENT_TYPE.into(),
            subject: vec![Subject { digest }],
            predicate_type: SIGN_PREDICATE.into(),
            predicate: serde_json::Map::new(),
        }
    }

    /// The SHA-256 digests it is about, as `sha256:HEX`.
    pub fn subjects(&self) -> Vec<String> {
        let hexes = self
            .subject
            .iter()
            .filter_map(|subject| subject.digest.get("sha256"));
        hexes.map(|hex| format!("sha256:{hex}")).collect()
    }
}
