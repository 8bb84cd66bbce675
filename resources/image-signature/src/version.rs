//! The version: which image, with which signatures, since when.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use trireme_protocol::Fault;
use trireme_signature::SignatureVerdict;

use crate::check::digest_of_version;

/// One outcome for one image.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Version {
    /// Digest of the image's manifest, `sha256:HEX`.
    pub digest: String,
    /// Digest of the sorted digests of the bundles that verify.
    pub signatures: String,
    /// When this outcome was first seen (RFC 3339, UTC).
    pub since: String,
}

impl Version {
    /// Holds it to its form.
    pub(crate) fn validate(&self) -> Result<(), Fault> {
        digest_of_version(self).map(drop)
    }

    /// The version of an outcome that was first seen at `since`.
    pub fn new(verdict: &SignatureVerdict, since: Timestamp) -> Self {
        Self {
            digest: verdict.digest.to_string(),
            signatures: verdict.identity(),
            since: format!("{since:.0}"),
        }
    }

    /// This version again while the outcome is the same; otherwise a new one, also when an earlier outcome comes
    /// back: Concourse knows that version already and would not trigger.
    pub fn next(last: Option<Self>, verdict: &SignatureVerdict, now: Timestamp) -> Self {
        let seen = Self::new(verdict, now);
        match last {
            Some(last) if last.digest == seen.digest && last.signatures == seen.signatures => last,
            _ => seen,
        }
    }
}
