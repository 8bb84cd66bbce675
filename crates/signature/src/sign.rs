//! Making a signature.

use crate::{
    BUNDLE_MEDIA_TYPE, ImageDigest, PrivateKey,
    bundle::{Bundle, Material, PublicKeyHint},
    envelope::{Envelope, EnvelopeSignature, IN_TOTO, pae},
    statement::Statement,
};

/// Why a signature could not be made.
#[derive(Debug, thiserror::Error)]
pub enum SignError {
    /// The key refused; for RSA, when its numbers do not belong together.
    #[error("signing {digest} with key {key}: the key failed; is the key file damaged?")]
    Key {
        /// What was to be signed.
        digest: ImageDigest,
        /// Fingerprint of the key.
        key: String,
        /// What the algorithm said.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The statement or the bundle could not be written as JSON.
    #[error("signing {digest}: writing the bundle failed")]
    Json {
        /// What was to be signed.
        digest: ImageDigest,
        /// What failed.
        #[source]
        source: serde_json::Error,
    },
}

/// Signs `digest` as `cosign sign --key` without a transparency log does, and gives the bundle's bytes.
///
/// The same key and digest give the same bytes, always.
///
/// # Errors
/// When the key cannot sign.
pub fn sign(digest: &ImageDigest, key: &PrivateKey) -> Result<Vec<u8>, SignError> {
    let json = |source| SignError::Json {
        digest: digest.clone(),
        source,
    };
    let payload = serde_json::to_vec(&Statement::signing(digest)).map_err(json)?;
    let public = key.public();
    let sig = key
        .sign(&pae(IN_TOTO, &payload))
        .map_err(|source| SignError::Key {
            digest: digest.clone(),
            key: public.fingerprint().into(),
            source,
        })?;
    let bundle = Bundle {
        media_type: BUNDLE_MEDIA_TYPE.into(),
        verification_material: Material {
            public_key: Some(PublicKeyHint {
                hint: public.hint(),
            }),
            certificate: None,
            x509_certificate_chain: None,
        },
        dsse_envelope: Some(Envelope {
            payload,
            payload_type: IN_TOTO.into(),
            signatures: vec![EnvelopeSignature { sig }],
        }),
        message_signature: None,
    };
    serde_json::to_vec(&bundle).map_err(json)
}
