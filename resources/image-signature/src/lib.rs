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

use std::path::Path;

use trireme_protocol::{Fault, Outcome, Resource, StepContext};

pub use get::GetParams;
pub use put::PutParams;
pub use signatures::{Signatures, SignaturesError};
pub use source::{Key, Source, Target};
pub use version::Version;

/// The resource type `image-signature`.
pub struct ImageSignature;

impl Resource for ImageSignature {
    const NAME: &'static str = "image-signature";
    type Source = Source;
    type Version = Version;
    type GetParams = GetParams;
    type PutParams = PutParams;

    fn validate_version(version: &Version) -> Result<(), Fault> {
        check::digest_of_version(version).map(drop)
    }

    async fn check(
        &self,
        step: &StepContext,
        source: Source,
        version: Option<Version>,
    ) -> anyhow::Result<Vec<Version>> {
        check::check(step, &source, version).await
    }

    async fn get(
        &self,
        step: &StepContext,
        source: Source,
        version: Version,
        _params: GetParams,
        dir: &Path,
    ) -> anyhow::Result<Outcome<Version>> {
        get::get(step, &source, version, dir).await
    }

    async fn put(
        &self,
        step: &StepContext,
        source: Source,
        params: PutParams,
        dir: &Path,
    ) -> anyhow::Result<Outcome<Version>> {
        put::put(step, &source, &params, dir).await
    }
}
