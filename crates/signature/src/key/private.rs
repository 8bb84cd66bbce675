//! Private keys. They have neither `Debug` nor `Display`.

use p256::ecdsa;
use pkcs8::PrivateKeyInfoRef;
use rsa::{
    pkcs1v15,
    signature::{SignatureEncoding as _, Signer as _},
};
use sha2::Sha256;

use super::{
    KeyError, Password, PublicKey, malformed,
    public::{Algorithm, EC, P256, RSA, unsupported},
    sealed,
};
use crate::pem::{self, Block};

const WHAT: &str = "private key";
const EXPECTED: &str = "ENCRYPTED SIGSTORE PRIVATE KEY (cosign generate-key-pair, cosign import-key-pair) or \
    PRIVATE KEY (PKCS #8: openssl pkcs8 -topk8 -nocrypt)";

/// A private key that signs.
pub struct PrivateKey {
    signer: Signer,
    public: PublicKey,
}

enum Signer {
    P256(ecdsa::SigningKey),
    Rsa(Box<pkcs1v15::SigningKey<Sha256>>),
}

impl PrivateKey {
    /// Reads a key file of cosign, for which `password` is needed, or a plain PKCS #8 `PRIVATE KEY`.
    ///
    /// # Errors
    /// When the text is neither, the password is missing or wrong, or the key is of a kind that is not accepted.
    pub fn from_pem(text: &str, password: Option<Password<'_>>) -> Result<Self, KeyError> {
        let Block { label, bytes } = pem::read(text)?;
        match label.as_str() {
            "PRIVATE KEY" => Self::from_pkcs8(&bytes),
            "ENCRYPTED SIGSTORE PRIVATE KEY" | "ENCRYPTED COSIGN PRIVATE KEY" => {
                let password = password.ok_or(KeyError::PasswordMissing)?;
                Self::from_pkcs8(&sealed::open(&bytes, password)?)
            }
            _ => Err(KeyError::Label {
                found: label,
                expected: EXPECTED,
            }),
        }
    }

    /// Whether `text` is a PEM block with a private key, of whatever kind, rather than a public one.
    pub fn is_private(text: &str) -> bool {
        pem::read(text).is_ok_and(|block| block.label.ends_with("PRIVATE KEY"))
    }

    fn from_pkcs8(der: &[u8]) -> Result<Self, KeyError> {
        let info = PrivateKeyInfoRef::try_from(der).map_err(malformed(WHAT))?;
        let curve = info.algorithm.parameters_oid().ok();
        match info.algorithm.oid {
            EC if curve == Some(P256) => {
                Self::from_p256(ecdsa::SigningKey::try_from(info).map_err(malformed(WHAT))?)
            }
            RSA => Self::from_rsa(rsa::PrivateKey::try_from(info).map_err(malformed(WHAT))?),
            EC => Err(unsupported(curve.unwrap_or(EC))),
            other => Err(unsupported(other)),
        }
    }

    fn from_p256(key: ecdsa::SigningKey) -> Result<Self, KeyError> {
        let public = PublicKey::new(Algorithm::P256(*key.verifying_key()))?;
        Ok(Self {
            signer: Signer::P256(key),
            public,
        })
    }

    fn from_rsa(key: rsa::PrivateKey) -> Result<Self, KeyError> {
        let public = PublicKey::from_rsa(key.to_public_key())?;
        Ok(Self {
            signer: Signer::Rsa(Box::new(pkcs1v15::SigningKey::new(key))),
            public,
        })
    }

    /// Its public half.
    pub fn public(&self) -> &PublicKey {
        &self.public
    }

    /// Signs the SHA-256 of `message`. Both algorithms give one value: ECDSA after RFC 6979; for RSA the random
    /// numbers that the library uses blind the computation and leave no trace in the result.
    pub(crate) fn sign(
        &self,
        message: &[u8],
    ) -> Result<Vec<u8>, Box<dyn std::error::Error + Send + Sync>> {
        match &self.signer {
            Signer::P256(key) => {
                let signature: ecdsa::DerSignature = key.try_sign(message)?;
                Ok(signature.as_bytes().to_vec())
            }
            Signer::Rsa(key) => Ok(key.try_sign(message)?.to_vec()),
        }
    }
}
