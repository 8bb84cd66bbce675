//! What was found out about the signatures of one image.

use sha2::{Digest as _, Sha256};

use crate::{ImageDigest, SignatureKind, Signer};

/// What was found for one digest.
#[derive(Clone, Debug)]
pub struct SignatureVerdict {
    /// The image.
    pub digest: ImageDigest,
    /// The signatures by those who are trusted.
    pub valid: Vec<ValidSignature>,
    /// What else was found and why it does not count. It never hides a valid one.
    pub refused: Vec<RefusedSignature>,
}

/// A signature that verified.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ValidSignature {
    /// Digest of the bundle, `sha256:HEX`.
    pub bundle: String,
    /// Who made it.
    pub signer: Signer,
    /// In which form.
    pub kind: SignatureKind,
}

/// Something attached to the image that is not a signature by somebody who is trusted.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RefusedSignature {
    /// Digest of what was refused, `sha256:HEX`.
    pub bundle: String,
    /// Why, for people.
    pub reason: String,
}

impl SignatureVerdict {
    /// Whether at least one valid signature was found.
    pub fn permits(&self) -> bool {
        !self.valid.is_empty()
    }

    /// `permit` or `deny`.
    pub fn word(&self) -> &'static str {
        if self.permits() { "permit" } else { "deny" }
    }

    /// Why it is denied; empty when it is permitted.
    pub fn reasons(&self) -> Vec<String> {
        if self.permits() {
            return Vec::new();
        }
        if self.refused.is_empty() {
            return vec![format!("{} has no signature", self.digest)];
        }
        let refused = self.refused.iter();
        refused
            .map(|r| format!("{}: {}", r.bundle, r.reason))
            .collect()
    }

    /// The identity of this outcome: the digest of the sorted valid signatures. What is refused does not change
    /// it, so a stranger who attaches rubbish triggers nothing.
    pub fn identity(&self) -> String {
        let mut bundles: Vec<&str> = self.valid.iter().map(|v| v.bundle.as_str()).collect();
        bundles.sort_unstable();
        bundles.dedup();
        format!("sha256:{}", hex::encode(Sha256::digest(bundles.join("\n"))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(valid: &[&str], refused: &[&str]) -> SignatureVerdict {
        let valid = valid.iter().map(|bundle| ValidSignature {
            bundle: (*bundle).into(),
            signer: Signer::Key {
                fingerprint: "k".into(),
            },
            kind: SignatureKind::Statement,
        });
        let refused = refused.iter().map(|bundle| RefusedSignature {
            bundle: (*bundle).into(),
            reason: "an attestation".into(),
        });
        SignatureVerdict {
            digest: ImageDigest::of(b"manifest"),
            valid: valid.collect(),
            refused: refused.collect(),
        }
    }

    #[test]
    fn identity_covers_the_valid_ones_only_and_no_order() {
        let identity = verdict(&["a", "b"], &[]).identity();
        assert_eq!(identity, verdict(&["b", "a"], &["x"]).identity());
        assert_eq!(identity, verdict(&["b", "a", "b"], &[]).identity());
        assert_ne!(identity, verdict(&["a"], &["b"]).identity());
    }

    #[test]
    fn a_denial_names_each_refused_bundle_and_a_permit_none() {
        assert_eq!(verdict(&[], &["x"]).reasons(), ["x: an attestation"]);
        assert_eq!(verdict(&[], &[]).reasons().len(), 1);
        let permitted = verdict(&["a"], &["x"]);
        assert!(permitted.permits() && permitted.reasons().is_empty());
        assert_eq!(
            (permitted.word(), verdict(&[], &["x"]).word()),
            ("permit", "deny")
        );
    }
}
