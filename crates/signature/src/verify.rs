//! Judging a bundle.

use crate::{
    BUNDLE_MEDIA_TYPE, ImageDigest, PublicKey, SIGN_PREDICATE,
    bundle::{BUNDLE_MEDIA_TYPE_OLD, Bundle, Material, MessageSignature},
    envelope::{Envelope, IN_TOTO},
    statement::{STATEMENT_TYPE, Statement},
};

/// What kind of bundle proved to be a signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum SignatureKind {
    /// A statement with cosign's signing predicate (`cosign sign`).
    Statement,
    /// A signature of the manifest's bytes (`cosign sign-blob`).
    Message,
}

impl SignatureKind {
    /// The word used in files.
    pub fn word(self) -> &'static str {
        match self {
            Self::Statement => "statement",
            Self::Message => "message",
        }
    }
}

/// Why a bundle is not a signature of this digest by this key.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// Not the JSON of a bundle.
    #[error("not a sigstore bundle")]
    Malformed(#[source] serde_json::Error),
    /// Another format, or another version of it.
    #[error("bundle has media type {found:?}, expected {BUNDLE_MEDIA_TYPE:?}")]
    MediaType {
        /// As written in the bundle.
        found: String,
    },
    /// Signed with a certificate: an identity, not a key. The trusted key cannot speak for it.
    #[error("signed with a certificate, not with a key")]
    Certificate,
    /// Neither a key hint nor a certificate.
    #[error("bundle names no public key")]
    NoKey,
    /// A bundle has one content: an envelope or a message signature.
    #[error(
        "bundle has {found} contents, expected exactly one (an envelope or a message signature)"
    )]
    Contents {
        /// How many it has.
        found: usize,
    },
    /// The format demands exactly one signature.
    #[error("envelope has {found} signatures, expected exactly one")]
    SignatureCount {
        /// How many it has.
        found: usize,
    },
    /// The signature is not one of the trusted key over these bytes: another key, or changed bytes.
    #[error(
        "signature does not verify with key {key}: made with another key, or changed afterwards"
    )]
    Signature {
        /// Fingerprint of the trusted key.
        key: String,
    },
    /// The trusted key signed something that is not an in-toto statement.
    #[error("payload type is {found:?}, expected {IN_TOTO:?}")]
    PayloadType {
        /// As signed.
        found: String,
    },
    /// The payload is not the JSON of a statement.
    #[error("payload is not an in-toto statement")]
    Statement(#[source] serde_json::Error),
    /// A statement of another version.
    #[error("statement has type {found:?}, expected {STATEMENT_TYPE:?}")]
    StatementType {
        /// As signed.
        found: String,
    },
    /// An attestation: the key says something about the image, not that it is signed.
    #[error("an attestation of type {found:?}, not a signature ({SIGN_PREDICATE})")]
    Attestation {
        /// The predicate type.
        found: String,
    },
    /// A signature of another image.
    #[error("signature is about {found:?}, expected {expected}")]
    Subject {
        /// The digest that was asked for.
        expected: ImageDigest,
        /// The digests it names.
        found: Vec<String>,
    },
    /// A message signature that names another digest or hash.
    #[error("message signature is not about the SHA-256 digest {expected}")]
    MessageDigest {
        /// The digest that was asked for.
        expected: ImageDigest,
    },
}

/// Is `bundle` a signature of `digest` by `key`?
///
/// The signature is checked over the exact bytes before anything in them is read.
///
/// # Errors
/// The [`Refusal`] that says why it is not.
pub fn verify(
    bundle: &[u8],
    digest: &ImageDigest,
    key: &PublicKey,
) -> Result<SignatureKind, Refusal> {
    let bundle: Bundle = serde_json::from_slice(bundle).map_err(Refusal::Malformed)?;
    if bundle.media_type != BUNDLE_MEDIA_TYPE && bundle.media_type != BUNDLE_MEDIA_TYPE_OLD {
        return Err(Refusal::MediaType {
            found: bundle.media_type,
        });
    }
    check_material(&bundle.verification_material)?;
    match (bundle.dsse_envelope, bundle.message_signature) {
        (Some(envelope), None) => verify_envelope(&envelope, digest, key),
        (None, Some(message)) => verify_message(&message, digest, key),
        (None, None) => Err(Refusal::Contents { found: 0 }),
        (Some(_), Some(_)) => Err(Refusal::Contents { found: 2 }),
    }
}

fn check_material(material: &Material) -> Result<(), Refusal> {
    if material.certificate.is_some() || material.x509_certificate_chain.is_some() {
        return Err(Refusal::Certificate);
    }
    if material.public_key.is_none() {
        return Err(Refusal::NoKey);
    }
    Ok(())
}

fn verify_envelope(
    envelope: &Envelope,
    digest: &ImageDigest,
    key: &PublicKey,
) -> Result<SignatureKind, Refusal> {
    let [signature] = envelope.signatures.as_slice() else {
        return Err(Refusal::SignatureCount {
            found: envelope.signatures.len(),
        });
    };
    if !key.verifies(&envelope.signed_bytes(), &signature.sig) {
        return Err(not_by(key));
    }
    if envelope.payload_type != IN_TOTO {
        return Err(Refusal::PayloadType {
            found: envelope.payload_type.clone(),
        });
    }
    let statement = serde_json::from_slice(&envelope.payload).map_err(Refusal::Statement)?;
    check_statement(&statement, digest)?;
    Ok(SignatureKind::Statement)
}

/// The predicate is looked at before the statement's version: "an attestation" is what helps the reader.
fn check_statement(statement: &Statement, digest: &ImageDigest) -> Result<(), Refusal> {
    if statement.predicate_type != SIGN_PREDICATE {
        return Err(Refusal::Attestation {
            found: statement.predicate_type.clone(),
        });
    }
    if statement.statement_type != STATEMENT_TYPE {
        return Err(Refusal::StatementType {
            found: statement.statement_type.clone(),
        });
    }
    let subjects = statement.subjects();
    if subjects.contains(&digest.to_string()) {
        return Ok(());
    }
    Err(Refusal::Subject {
        expected: digest.clone(),
        found: subjects,
    })
}

/// The message is the manifest, whose SHA-256 is the digest: both algorithms sign that hash, so the bytes
/// themselves are not needed.
fn verify_message(
    message: &MessageSignature,
    digest: &ImageDigest,
    key: &PublicKey,
) -> Result<SignatureKind, Refusal> {
    let named = message.message_digest.as_ref();
    if named.is_some_and(|named| !named.algorithm.is_sha256() || named.digest != digest.bytes()) {
        return Err(Refusal::MessageDigest {
            expected: digest.clone(),
        });
    }
    if !key.verifies_sha256(&digest.bytes(), &message.signature) {
        return Err(not_by(key));
    }
    Ok(SignatureKind::Message)
}

fn not_by(key: &PublicKey) -> Refusal {
    Refusal::Signature {
        key: key.fingerprint().into(),
    }
}
