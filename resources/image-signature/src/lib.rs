//! Concourse resource: sign images and verify their signatures.
//!
//! `put` signs the digest of an image with a key, as `cosign sign --key` without a transparency log does, and
//! attaches the signature in the image's own registry: as an OCI referrer, with the fallback tag where the registry
//! has no referrers API. `check` emits a version when the set of valid signatures of an image changes, and `get`
//! verifies: it writes `signature.json`, and exits 2 when no signature by the key is there.
//!
//! A signature is looked up, and judged, by digest only. What a signature is, and why an attestation is none, is told
//! in [`trireme_signature`]; this crate brings the bytes. Whatever else is attached to an image can neither hide a
//! valid signature nor stand for one, but what cannot be fetched is an error: an unknown is never a yes.

mod attach;
mod check;
mod evidence;
mod get;
mod put;
mod signatures;
mod source;
mod version;

pub use get::GetParams;
pub use put::PutParams;
pub use signatures::{Signatures, SignaturesError};
pub use source::{Key, Source, Target};
pub use version::Version;

trireme_protocol::resource! {
    /// The resource type `image-signature`.
    pub struct ImageSignature is "image-signature"
}
