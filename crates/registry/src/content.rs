//! Digests: computing them and holding content to them.

use oci_spec::image::{Descriptor, Digest, DigestAlgorithm, MediaType, Sha256Digest};
use sha2::{Digest as _, Sha256, Sha512};

use crate::RegistryError;

/// The SHA-256 digest of these bytes, `sha256:HEX`.
pub fn digest_of(bytes: &[u8]) -> String {
    format!("sha256:{}", hex::encode(Sha256::digest(bytes)))
}

/// The descriptor of these bytes.
///
/// # Errors
/// Never in practice: a SHA-256 is always a digest.
pub fn descriptor_of(media_type: &str, bytes: &[u8]) -> Result<Descriptor, RegistryError> {
    let hex = hex::encode(Sha256::digest(bytes));
    let digest: Sha256Digest = hex
        .parse()
        .map_err(|e| RegistryError::malformed("computing a digest", e))?;
    Ok(Descriptor::new(
        MediaType::from(media_type),
        bytes.len() as u64,
        digest,
    ))
}

/// Checks content while it passes.
pub(crate) struct Verifier {
    expected: Descriptor,
    hasher: Hasher,
    pub seen: u64,
}

enum Hasher {
    Sha256(Sha256),
    Sha512(Sha512),
}

impl Verifier {
    pub fn new(what: &str, expected: &Descriptor) -> Result<Self, RegistryError> {
        let hasher = match expected.digest().algorithm() {
            DigestAlgorithm::Sha256 => Hasher::Sha256(Sha256::new()),
            DigestAlgorithm::Sha512 => Hasher::Sha512(Sha512::new()),
            other => {
                let reason = format!("the digest algorithm {other} is not supported");
                return Err(RegistryError::malformed(what, reason));
            }
        };
        Ok(Self {
            expected: expected.clone(),
            hasher,
            seen: 0,
        })
    }

    /// Takes the next bytes; more than were promised are refused at once.
    pub fn update(&mut self, what: &str, bytes: &[u8]) -> Result<(), RegistryError> {
        self.seen += bytes.len() as u64;
        if self.seen > self.expected.size() {
            return Err(self.size_error(what, format!("more than {}", self.seen - 1)));
        }
        match &mut self.hasher {
            Hasher::Sha256(hasher) => hasher.update(bytes),
            Hasher::Sha512(hasher) => hasher.update(bytes),
        }
        Ok(())
    }

    pub fn finish(self, what: &str) -> Result<(), RegistryError> {
        if self.seen != self.expected.size() {
            return Err(self.size_error(what, self.seen.to_string()));
        }
        let found = match self.hasher {
            Hasher::Sha256(hasher) => hex::encode(hasher.finalize()),
            Hasher::Sha512(hasher) => hex::encode(hasher.finalize()),
        };
        let expected: &Digest = self.expected.digest();
        if found == expected.digest() {
            return Ok(());
        }
        Err(RegistryError::Content {
            what: what.into(),
            property: "digest",
            expected: expected.to_string(),
            found: format!("{}:{found}", expected.algorithm()),
        })
    }

    fn size_error(&self, what: &str, found: String) -> RegistryError {
        RegistryError::Content {
            what: what.into(),
            property: "size",
            expected: self.expected.size().to_string(),
            found,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judge(promised: &[u8], came: &[u8]) -> Result<(), RegistryError> {
        let descriptor = descriptor_of("text/plain", promised).unwrap();
        let mut verifier = Verifier::new("test", &descriptor)?;
        for chunk in came.chunks(2) {
            verifier.update("test", chunk)?;
        }
        verifier.finish("test")
    }

    #[test]
    fn content_passes_only_if_it_is_exactly_what_was_promised() {
        judge(b"hello", b"hello").unwrap();
        judge(b"", b"").unwrap();
        for came in [&b"hellp"[..], b"hell", b"hello!", b""] {
            let error = judge(b"hello", came).unwrap_err();
            assert!(matches!(error, RegistryError::Content { .. }), "{error}");
        }
    }
}
