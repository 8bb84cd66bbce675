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

pub use api_server::ApiServerError;
pub use get::GetParams;
pub use put::PutParams;
pub use running::{ApiServerSource, Running};
pub use server::{ReleaseServer, ServerError};
pub use source::{Channel, Source};
pub use version::Version;

trireme_protocol::resource! {
    /// The resource type `kubernetes-release`.
    pub struct KubernetesRelease is "kubernetes-release"
}
