//! Who is trusted to sign images, and one verifier for each kind of signature.
//!
//! Today there is one kind: a sigstore bundle signed with a key ([`CosignKey`]). Another one is another [`Verifier`] and another
//! [`Signer`]: keyless (a certificate of a trusted root, an identity and its issuer, a time from a log) shares the artifact type
//! of bundles; Notation has its own. The verdict, the evidence and the resource ask the policy, and stay as they are.

use std::fmt;

use crate::{BUNDLE_MEDIA_TYPE, ImageDigest, PublicKey, Refusal, SignatureKind, verify};

/// Whose signatures are accepted. An image is signed when one of those who are trusted signed it.
#[derive(Debug)]
pub struct TrustPolicy {
    verifiers: Vec<Box<dyn Verifier>>,
}

/// Verifies one kind of signature, made by one trusted signer.
pub trait Verifier: fmt::Debug + Send + Sync {
    /// Under which artifact type a registry lists signatures of this kind.
    fn artifact_type(&self) -> &'static str;

    /// Whose signatures it accepts.
    fn signer(&self) -> Signer;

    /// Is `artifact` a signature of `digest` by the signer?
    ///
    /// # Errors
    /// The [`Refusal`] that says why it is not.
    fn verify(&self, artifact: &[u8], digest: &ImageDigest) -> Result<SignatureKind, Refusal>;
}

/// Somebody whose signatures are accepted.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Signer {
    /// Whoever has the private half of this key.
    Key {
        /// SHA-256 of the public key, `sha256:HEX`.
        fingerprint: String,
    },
}

/// A signature that a verifier accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    /// Who made it.
    pub signer: Signer,
    /// In which form.
    pub kind: SignatureKind,
}

impl TrustPolicy {
    /// Accepts what any of these verifiers accepts.
    pub fn any_of(verifiers: Vec<Box<dyn Verifier>>) -> Self {
        Self { verifiers }
    }

    /// Those whose signatures are accepted.
    pub fn signers(&self) -> impl Iterator<Item = Signer> {
        self.verifiers.iter().map(|verifier| verifier.signer())
    }

    /// Under which artifact types a registry lists what can be verified: each once.
    pub fn artifact_types(&self) -> Vec<&'static str> {
        let mut types: Vec<_> = self
            .verifiers
            .iter()
            .map(|one| one.artifact_type())
            .collect();
        types.sort_unstable();
        types.dedup();
        types
    }

    /// Is this artifact a signature of `digest` by somebody who is trusted?
    ///
    /// # Errors
    /// Why it is not: a refusal by each verifier of its artifact type; none if there is no such verifier.
    pub fn verify(
        &self,
        artifact_type: &str,
        artifact: &[u8],
        digest: &ImageDigest,
    ) -> Result<Verified, Vec<Refusal>> {
        let of_type = |one: &&Box<dyn Verifier>| one.artifact_type() == artifact_type;
        let mut refusals = Vec::new();
        for verifier in self.verifiers.iter().filter(of_type) {
            match verifier.verify(artifact, digest) {
                Ok(kind) => {
                    let signer = verifier.signer();
                    return Ok(Verified { signer, kind });
                }
                Err(refusal) => refusals.push(refusal),
            }
        }
        Err(refusals)
    }
}

/// The trusted signers, for people.
impl fmt::Display for TrustPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let signers: Vec<_> = self.signers().map(|signer| signer.to_string()).collect();
        f.write_str(&signers.join(" or "))
    }
}

impl Signer {
    /// What names it, and its name.
    pub fn described(&self) -> (&'static str, &str) {
        match self {
            Self::Key { fingerprint } => ("key", fingerprint),
        }
    }
}

impl fmt::Display for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (what, name) = self.described();
        write!(f, "{what} {name}")
    }
}

/// Accepts the signatures that cosign, or [`sign`](crate::sign()), makes with one key: sigstore bundles.
#[derive(Debug)]
pub struct CosignKey(pub PublicKey);

impl Verifier for CosignKey {
    fn artifact_type(&self) -> &'static str {
        BUNDLE_MEDIA_TYPE
    }

    fn signer(&self) -> Signer {
        Signer::Key {
            fingerprint: self.0.fingerprint().to_owned(),
        }
    }

    fn verify(&self, artifact: &[u8], digest: &ImageDigest) -> Result<SignatureKind, Refusal> {
        verify(artifact, digest, &self.0)
    }
}
