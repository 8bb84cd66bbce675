//! Concourse resource: scan verdicts that follow the advisories.
//!
//! The packages of an image (dpkg and apk, straight from its layers, in memory) are matched against a database of
//! advisories in OSV format, and a policy makes of the findings a verdict: permit or deny. `check` emits a new version
//! when the outcome changes, also when only the advisories did; `get` and `put` write the verdict and exit 2 on deny.
//!
//! How packages are found and matched is told in [`trireme_scan`], what counts in [`trireme_finding`]; this crate
//! brings the bytes. [`Scanner`] is the [`ScanGate`](trireme_finding::ScanGate) for other crates.
//!
//! **Invariant:** what could not be fetched, read or matched is an error, and what was not examined is named; neither
//! is ever a permit. A verdict is about a digest, never about a tag.

mod advisories;
mod check;
mod checksum;
mod evidence;
mod get;
mod image;
mod layers;
mod memo;
mod put;
mod scanner;
mod source;
mod verdict_file;
mod version;

use std::path::Path;

use trireme_protocol::{Fault, Outcome, Resource, Step};

pub use evidence::FOLDER_IN_BUILD;
pub use get::GetParams;
pub use put::PutParams;
pub use scanner::{Scanner, ScannerError};
pub use source::{OnDeny, Source, Target};
pub use version::Version;

/// The resource type `image-scan`.
pub struct ImageScan;

impl Resource for ImageScan {
    const NAME: &'static str = "image-scan";
    type Source = Source;
    type Version = Version;
    type GetParams = GetParams;
    type PutParams = PutParams;

    fn recognise(version: &Version) -> Result<(), Fault> {
        check::known(version).map(drop)
    }

    async fn check(
        &self,
        step: &Step,
        source: Source,
        version: Option<Version>,
    ) -> anyhow::Result<Vec<Version>> {
        check::check(step, &source, version).await
    }

    async fn get(
        &self,
        step: &Step,
        source: Source,
        version: Version,
        params: GetParams,
        dir: &Path,
    ) -> anyhow::Result<Outcome<Version>> {
        get::get(step, &source, version, params, dir).await
    }

    async fn put(
        &self,
        step: &Step,
        source: Source,
        params: PutParams,
        dir: &Path,
    ) -> anyhow::Result<Outcome<Version>> {
        put::put(step, &source, params, dir).await
    }
}
