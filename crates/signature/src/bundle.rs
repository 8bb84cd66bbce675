//! The sigstore bundle v0.3 (sigstore/protobuf-specs `sigstore_bundle.proto`) in protobuf's JSON.
//!
//! Unknown fields are ignored on reading: what is signed is the payload, and nothing outside it is believed.

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::{encoding, envelope::Envelope};

/// The media type of a bundle, and the artifact type of the referrer that carries it.
pub const BUNDLE_MEDIA_TYPE: &str = "application/vnd.dev.sigstore.bundle.v0.3+json";

/// The other spelling of the same version, which early writers of v0.3 used.
pub(crate) const BUNDLE_MEDIA_TYPE_OLD: &str =
    "application/vnd.dev.sigstore.bundle+json;version=0.3";

/// The value of the referrer's annotation `dev.sigstore.bundle.content` for a bundle of [`crate::sign`].
pub const CONTENT_DSSE: &str = "dsse-envelope";

/// The largest bundle that can be a signature, in bytes. A signature with a log proof and a timestamp has about
/// 10 kB; an attestation may have megabytes, and need not be loaded to know that it is none.
pub const BUNDLE_LIMIT_BYTES: u64 = 1024 * 1024;

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Bundle {
    #[serde(alias = "media_type")]
    pub media_type: String,
    #[serde(alias = "verification_material")]
    pub verification_material: Material,
    #[serde(alias = "dsse_envelope", skip_serializing_if = "Option::is_none")]
    pub dsse_envelope: Option<Envelope>,
    #[serde(alias = "message_signature", skip_serializing_if = "Option::is_none")]
    pub message_signature: Option<MessageSignature>,
}

/// With what the signature is to be checked. Log entries and timestamps may stand beside it; a keyed signature
/// does not need them, so they are not read.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Material {
    #[serde(alias = "public_key", skip_serializing_if = "Option::is_none")]
    pub public_key: Option<PublicKeyHint>,
    #[serde(skip_serializing)]
    pub certificate: Option<serde::de::IgnoredAny>,
    #[serde(alias = "x509_certificate_chain", skip_serializing)]
    pub x509_certificate_chain: Option<serde::de::IgnoredAny>,
}

/// Names the key for people and for lookups. It is not signed, so it proves nothing and decides nothing.
#[derive(Serialize, Deserialize)]
pub(crate) struct PublicKeyHint {
    #[serde(default)]
    pub hint: String,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct MessageSignature {
    #[serde(alias = "message_digest", default)]
    pub message_digest: Option<MessageDigest>,
    #[serde(with = "encoding")]
    pub signature: Vec<u8>,
}

#[derive(Serialize, Deserialize)]
pub(crate) struct MessageDigest {
    pub algorithm: HashAlgorithm,
    #[serde(with = "encoding")]
    pub digest: Vec<u8>,
}

/// The name of the enum value in `sigstore_common.proto`; protobuf's JSON may also give its number, 1.
#[derive(Serialize, Deserialize, PartialEq, Eq)]
#[serde(transparent)]
pub(crate) struct HashAlgorithm(pub serde_json::Value);

impl HashAlgorithm {
    pub fn is_sha256(&self) -> bool {
        self.0 == "SHA2_256" || self.0 == 1
    }
}

/// The hint that names a key: base64 of the SHA-256 of its SubjectPublicKeyInfo in DER, as cosign writes it.
pub fn key_hint(spki_der: &[u8]) -> String {
    encoding::encode(&Sha256::digest(spki_der))
}
