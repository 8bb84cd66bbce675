//! Public keys.

use std::fmt;

use p256::ecdsa;
use pkcs8::{
    EncodePublicKey as _, ObjectIdentifier, SubjectPublicKeyInfoRef, der::Decode as _,
    der::asn1::ObjectIdentifier as Oid,
};
use rsa::{
    pkcs1v15,
    signature::{Verifier as _, hazmat::PrehashVerifier as _},
    traits::PublicKeyParts as _,
};
use sha2::{Digest as _, Sha256};

use super::{KeyError, RSA_BITS, malformed};
use crate::{bundle::key_hint, pem};

const WHAT: &str = "public key";
/// `id-ecPublicKey`, RFC 5480.
pub(super) const EC: Oid = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
/// `secp256r1`, RFC 5480: the curve P-256.
pub(super) const P256: Oid = ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7");
/// `rsaEncryption`, RFC 8017. Keys bound to PSS are another algorithm and not accepted.
pub(super) const RSA: Oid = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");

/// A public key that signatures are checked with.
#[derive(Clone)]
pub struct PublicKey {
    algorithm: Algorithm,
    spki_der: Vec<u8>,
    fingerprint: String,
}

#[derive(Clone)]
pub(super) enum Algorithm {
    P256(ecdsa::VerifyingKey),
    Rsa(pkcs1v15::VerifyingKey<Sha256>),
}

impl PublicKey {
    /// Reads a `PUBLIC KEY` block (SubjectPublicKeyInfo), as `cosign.pub` or `openssl pkey -pubout` write it.
    ///
    /// # Errors
    /// When the text is no such block, or the key is of a kind that is not accepted.
    pub fn from_pem(text: &str) -> Result<Self, KeyError> {
        let block = pem::read(text)?;
        if block.label != "PUBLIC KEY" {
            return Err(KeyError::Label {
                found: block.label,
                expected: "PUBLIC KEY (openssl pkey -pubout, cosign public-key)",
            });
        }
        let info = SubjectPublicKeyInfoRef::from_der(&block.bytes).map_err(malformed(WHAT))?;
        let curve = info.algorithm.parameters_oid().ok();
        match info.algorithm.oid {
            EC if curve == Some(P256) => {
                let key = ecdsa::VerifyingKey::try_from(info).map_err(malformed(WHAT))?;
                Self::new(Algorithm::P256(key))
            }
            RSA => Self::from_rsa(rsa::PublicKey::try_from(info).map_err(malformed(WHAT))?),
            EC => Err(unsupported(curve.unwrap_or(EC))),
            other => Err(unsupported(other)),
        }
    }

    pub(super) fn from_rsa(key: rsa::PublicKey) -> Result<Self, KeyError> {
        let bits = key.n().bit_width();
        if !RSA_BITS.contains(&bits) {
            return Err(KeyError::RsaBits { bits });
        }
        Self::new(Algorithm::Rsa(pkcs1v15::VerifyingKey::new(key)))
    }

    pub(super) fn new(algorithm: Algorithm) -> Result<Self, KeyError> {
        let encoded = match &algorithm {
            Algorithm::P256(key) => key.to_public_key_der(),
            Algorithm::Rsa(key) => key.to_public_key_der(),
        };
        let spki_der = encoded.map_err(malformed(WHAT))?.into_vec();
        let fingerprint = format!("sha256:{}", hex::encode(Sha256::digest(&spki_der)));
        Ok(Self {
            algorithm,
            spki_der,
            fingerprint,
        })
    }

    /// SHA-256 of the SubjectPublicKeyInfo, `sha256:HEX`: the name of the key in messages and evidence.
    pub fn fingerprint(&self) -> &str {
        &self.fingerprint
    }

    /// The same hash as a bundle names it, in base64.
    pub fn hint(&self) -> String {
        key_hint(&self.spki_der)
    }

    /// The key as a `PUBLIC KEY` block.
    pub fn to_pem(&self) -> String {
        pem::write("PUBLIC KEY", &self.spki_der)
    }

    /// Whether `signature` is one of this key over the SHA-256 of `message`.
    pub(crate) fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        match &self.algorithm {
            Algorithm::P256(key) => ecdsa::DerSignature::from_bytes(signature)
                .is_ok_and(|signature| key.verify(message, &signature).is_ok()),
            Algorithm::Rsa(key) => pkcs1v15::Signature::try_from(signature)
                .is_ok_and(|signature| key.verify(message, &signature).is_ok()),
        }
    }

    /// The same with the hash in hand.
    pub(crate) fn verifies_sha256(&self, hash: &[u8], signature: &[u8]) -> bool {
        match &self.algorithm {
            Algorithm::P256(key) => ecdsa::DerSignature::from_bytes(signature)
                .is_ok_and(|signature| key.verify_prehash(hash, &signature).is_ok()),
            Algorithm::Rsa(key) => pkcs1v15::Signature::try_from(signature)
                .is_ok_and(|signature| key.verify_prehash(hash, &signature).is_ok()),
        }
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({})", self.fingerprint)
    }
}

pub(super) fn unsupported(oid: Oid) -> KeyError {
    KeyError::Algorithm {
        found: oid.to_string(),
    }
}
