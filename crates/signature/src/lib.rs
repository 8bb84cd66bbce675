//! Signature formats and verification of bytes given (pure).
//!
//! An image is signed as cosign 3 does it: an in-toto statement about the digest of its manifest, in a DSSE
//! envelope, in a sigstore bundle v0.3, which a registry keeps as a referrer of the image. [`sign`] makes such a
//! bundle and [`verify`] judges one; a [`TrustPolicy`] says whose signatures are accepted, and has one [`Verifier`] for each kind. Both work on bytes given to them: no I/O, no clock, and signatures are
//! deterministic (ECDSA after RFC 6979, RSA PKCS #1 v1.5), so that the same key never signs a digest twice in
//! two ways.
//!
//! **What is a signature here.** A bundle that verifies under a trusted key over its exact bytes, and is either
//! a statement with cosign's own signing predicate whose subject is the digest, or a message signature of the
//! manifest. An attestation over the same digest (a scan report, an SBOM) is not one, though cosign 3.1.3 accepts
//! it: whoever attests says what was found, not that it may run. Everything else is refused with a [`Refusal`]
//! that names the reason.
//!
//! **Keys.** P-256 with SHA-256, and RSA of 2048 to 4096 bits with SHA-256: those that cosign verifies both ways.
//! It fails on its own P-384 and Ed25519 signatures (3.1.3), so these are refused by name until that is settled.

mod bundle;
mod digest;
mod encoding;
mod envelope;
mod key;
mod pem;
mod sign;
mod statement;
mod trust;
mod verdict;
mod verify;

pub use bundle::{BUNDLE_LIMIT_BYTES, BUNDLE_MEDIA_TYPE, CONTENT_DSSE, key_hint};
pub use digest::{DigestError, ImageDigest};
pub use key::{KeyError, Password, PrivateKey, PublicKey, seal};
pub use sign::{SignError, sign};
pub use statement::SIGN_PREDICATE;
pub use trust::{CosignKey, Signer, TrustPolicy, Verified, Verifier};
pub use verdict::{RefusedSignature, SignatureVerdict, ValidSignature};
pub use verify::{Refusal, SignatureKind, verify};
