//! Concourse resource: new Kubernetes releases.
//!
//! `check` reads the stable markers of a release server (`stable.txt`, `stable-1.37.txt`), as `dl.k8s.io` publishes them,
//! and emits the releases that a pipeline wants. Given what runs (a version, or an API server that is asked for it), it emits
//! only the next release by the version-skew policy ([`trireme_release::next`]). `get` writes the release, the references of
//! its control-plane images, and a chosen artifact whose published checksum it verified.
//!
//! A minor without a marker is skipped. Any other answer, and a marker that is not a release of its minor, is an error:
//! a login page does not mean "nothing new". How many markers one check asks for is bounded.

mod api_server;
mod artifact;
mod check;
mod get;
mod images;
mod put;
mod running;
mod server;
mod source;
mod version;

use std::path::Path;

use trireme_protocol::{Fault, Outcome, Resource, StepContext};

pub use api_server::ApiServerError;
pub use get::GetParams;
pub use put::PutParams;
pub use running::{ApiServerSource, Running};
pub use server::{ReleaseServer, ServerError};
pub use source::{Channel, Source};
pub use version::Version;

/// The resource type `kubernetes-release`.
pub struct KubernetesRelease;

impl Resource for KubernetesRelease {
    const NAME: &'static str = "kubernetes-release";
    type Source = Source;
    type Version = Version;
    type GetParams = GetParams;
    type PutParams = PutParams;

    fn validate_version(version: &Version) -> Result<(), Fault> {
        version.release().map(drop)
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
        get::get(step, &source, version, &params, dir).await
    }

    async fn put(
        &self,
        _step: &StepContext,
        _source: Source,
        _params: PutParams,
        _dir: &Path,
    ) -> anyhow::Result<Outcome<Version>> {
        put::put()
    }
}
