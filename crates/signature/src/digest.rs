//! The digest that a signature is about.

use std::{fmt, str::FromStr};

use sha2::{Digest as _, Sha256};
use trireme_evidence::is_sha256;

/// The digest of an image manifest: `sha256:` and 64 lower-case hexadecimal digits.
///
/// Only SHA-256: it is what every registry computes, and the two signature formats name it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ImageDigest {
    hex: String,
}

/// The text is not a digest that can be signed.
#[derive(Debug, thiserror::Error)]
#[error("{text:?} is not an image digest: expected sha256: and 64 lower-case hexadecimal digits")]
pub struct DigestError {
    text: String,
}

impl ImageDigest {
    /// The digest of these bytes.
    pub fn of(bytes: &[u8]) -> Self {
        Self {
            hex: hex::encode(Sha256::digest(bytes)),
        }
    }

    /// The 64 digits without the algorithm.
    pub fn hex(&self) -> &str {
        &self.hex
    }

    /// The 32 bytes.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        hex::decode(&self.hex).unwrap_or_default()
    }
}

impl FromStr for ImageDigest {
    type Err = DigestError;

    fn from_str(text: &str) -> Result<Self, DigestError> {
        match text.strip_prefix("sha256:") {
            Some(hex) if is_sha256(text) => Ok(Self { hex: hex.into() }),
            _ => Err(DigestError {
                text: text.chars().take(100).collect(),
            }),
        }
    }
}

impl fmt::Display for ImageDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "sha256:{}", self.hex)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_exact_form_is_a_digest() {
        let text = format!("sha256:{}", "ab".repeat(32));
        assert_eq!(text.parse::<ImageDigest>().unwrap().to_string(), text);
        let longer = format!("{text}0");
        let upper = text.to_uppercase();
        let sha512 = format!("sha512:{}", "ab".repeat(64));
        for bad in ["", "sha256:", "sha256:ab", &longer, &upper, &sha512] {
            assert!(
                bad.parse::<ImageDigest>().is_err(),
                "{bad} was taken for a digest"
            );
        }
    }
}
