//! Concourse resource: new Kubernetes releases.
//!
//! `check` reads the stable markers of a release server (`stable.txt`, `stable-1.37.txt`), as `dl.k8s.io` publishes them,
//! and emits the releases that a pipeline wants; given the release that runs, only the one to go to next by the
//! version-skew policy ([`trireme_release::next`]). `get` writes the release, the references of its control-plane images,
//! and a chosen artifact whose published checksum it verified.
//!
//! A minor without a marker is skipped. Any other answer, and a marker that is no release of its minor, is an error:
//! a login page is not "nothing new". How many markers one check asks for is bounded.

mod artifact;
mod check;
mod get;
mod images;
mod put;
mod server;
mod source;
mod version;

use std::path::Path;

use trireme_protocol::{Fault, Outcome, Resource, Step};

pub use get::GetParams;
pub use put::PutParams;
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

    fn recognise(version: &Version) -> Result<(), Fault> {
        version.release().map(drop)
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
        get::get(step, &source, version, &params, dir).await
    }

    async fn put(
        &self,
        _step: &Step,
        _source: Source,
        _params: PutParams,
        _dir: &Path,
    ) -> anyhow::Result<Outcome<Version>> {
        put::put()
    }
}
