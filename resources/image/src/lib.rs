//! Concourse resource: container images, every byte verified.
//!
//! `check` follows a tag, or one digest; `get` fetches an image, or only names it; `put` stores an image of the build,
//! or copies one from another repository without touching the disk, an index with all its platforms. The version is that of Concourse's own
//! `registry-image`: `tag` and `digest`.

mod check;
mod endpoint;
mod get;
mod origin;
mod platform;
mod put;
mod registry_image;
mod rootfs;
mod source;
mod version;

use std::path::Path;

use trireme_protocol::{Fault, Outcome, Resource, StepContext};

pub use get::{Format, GetParams};
pub use platform::Platform;
pub use put::{From, PutParams};
pub use source::Source;
pub use version::Version;

/// The resource type `image`.
pub struct Image;

impl Resource for Image {
    const NAME: &'static str = "image";
    type Source = Source;
    type Version = Version;
    type GetParams = GetParams;
    type PutParams = PutParams;

    fn validate_version(version: &Version) -> Result<(), Fault> {
        version.clone().checked().map(drop)
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
        params: GetParams,
        dir: &Path,
    ) -> anyhow::Result<Outcome<Version>> {
        get::get(step, &source, version.checked()?, &params, dir).await
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
