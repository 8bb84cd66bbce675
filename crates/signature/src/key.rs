//! Keys: what they are read from, what they can do, what is refused.

mod private;
mod public;
mod sealed;

pub use private::PrivateKey;
pub use public::PublicKey;
pub use sealed::{Password, seal};

use crate::pem::PemError;

/// The sizes of RSA keys that are accepted, in bits: below is weak, above is slow without need and refused by
/// cosign as well.
const RSA_BITS: std::ops::RangeInclusive<u32> = 2048..=4096;

/// Why a key cannot be used. No variant holds any of the key's bytes.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The text is not one PEM block.
    #[error("reading the key")]
    Pem(#[source] PemProblem),
    /// A PEM block of something else.
    #[error("PEM block {found:?} is not a key that can be used here: expected {expected}")]
    Label {
        /// The label found.
        found: String,
        /// What would be right, and how to get it.
        expected: &'static str,
    },
    /// The bytes in the block are not a key.
    #[error("the {what} is damaged")]
    Malformed {
        /// Which part.
        what: &'static str,
        /// What the decoder said.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// An algorithm that is not used here.
    #[error(
        "key algorithm {found} is not supported: use ECDSA P-256, or RSA of 2048 to 4096 bits (cosign 3.1.3 \
         cannot verify its own P-384 and Ed25519 signatures)"
    )]
    Algorithm {
        /// Its object identifier, or its curve's.
        found: String,
    },
    /// An RSA key that is too short or too long.
    #[error("RSA key of {bits} bits is not accepted: expected 2048 to 4096")]
    RsaBits {
        /// Its size.
        bits: u32,
    },
    /// An encrypted key came without a password.
    #[error(
        "the private key is encrypted and no password was given (an empty one counts as given)"
    )]
    PasswordMissing,
    /// The password does not open the key.
    #[error("the password does not open the private key")]
    PasswordWrong,
    /// The key file asks for a derivation that no honest writer asks for.
    #[error("the private key file asks for {asked}, which is not accepted: expected {expected}")]
    Derivation {
        /// What it asks for.
        asked: String,
        /// What is accepted.
        expected: &'static str,
    },
}

/// Why a text is not one PEM block.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct PemProblem(#[from] PemError);

impl From<PemError> for KeyError {
    fn from(error: PemError) -> Self {
        Self::Pem(PemProblem(error))
    }
}

fn malformed<E: Into<Box<dyn std::error::Error + Send + Sync>>>(
    what: &'static str,
) -> impl FnOnce(E) -> KeyError {
    move |source| KeyError::Malformed {
        what,
        source: source.into(),
    }
}

#[cfg(test)]
mod tests;
