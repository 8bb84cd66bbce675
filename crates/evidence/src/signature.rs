//! `signature.json`: which signatures of an image were verified.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::format::{format_of, parse, write};
use crate::verdict::digest_or_error;
use crate::{Decision, EvidenceError, Format};

/// The newest format of this file.
const FORMAT: u32 = 1;

/// `signature.json`. A reader needs digest and decision.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignatureFile {
    /// The format number.
    pub format: Format<FORMAT>,
    /// Where the image and its signatures were looked up.
    #[serde(default)]
    pub repository: String,
    /// The image.
    pub digest: String,
    /// Whether a signature by the trusted key was verified.
    #[serde(rename = "verdict")]
    pub decision: Decision,
    /// When that was found out; none in files of older releases. See [`require_recent`](crate::require_recent).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verified_at: Option<Timestamp>,
    /// Why not; empty after a permit.
    #[serde(default)]
    pub reasons: Vec<String>,
    /// The signatures by the trusted key.
    #[serde(default)]
    pub signatures: Vec<Signature>,
    /// What else was attached to the image.
    #[serde(default)]
    pub refused: Vec<OtherBundle>,
}

/// A signature that was verified.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Signature {
    /// The digest of its bundle.
    pub bundle: String,
    /// The fingerprint of its key.
    pub key: String,
    /// Its form: `statement` or `message`.
    pub kind: String,
}

/// Something attached to the image that is not a signature by the trusted key.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct OtherBundle {
    /// Its digest.
    pub bundle: String,
    /// Why it does not count.
    pub reason: String,
}

impl SignatureFile {
    /// Reads the file.
    ///
    /// # Errors
    /// When it is too large, malformed, of a newer format, or about something that is not a digest.
    pub fn from_json(json: &[u8]) -> Result<Self, EvidenceError> {
        format_of(json, FORMAT)?;
        let file: Self = parse(json, FORMAT)?;
        digest_or_error(&file.digest)?;
        Ok(file)
    }

    /// The text of the file.
    pub fn to_json(&self) -> Vec<u8> {
        write(self)
    }
}
