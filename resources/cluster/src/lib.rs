//! Concourse resource: bring a Kubernetes cluster to a version, with no downtime.
//!
//! `check` emits a blueprint when the cluster differs from what is wanted, and goes on returning it when it is finished.
//! `get` writes what was observed, what is planned and, of a finished roll, the evidence. `put` records what is wanted and
//! rolls, node after node. What is wanted is in the source, or was recorded on the cluster by a `put`.
//!
//! Decisions are made in [`trireme_blueprint`], requests in [`trireme_kubernetes`], the loop is in [`trireme_executor`]. This
//! crate knows the wire, the artifacts of a build, and who may say what is wanted.

mod act;
mod check;
mod cordoned;
mod done;
mod due;
mod ending;
mod evidence;
mod get;
mod interruption;
mod proof;
mod put;
mod source;
mod version;
mod wanted;

use std::time::Duration;

pub use evidence::EvidenceSource;
pub use get::GetParams;
pub use put::PutParams;
pub use source::{ActSource, PolicySource, Require, Source};
pub use version::Version;

/// Enough for what is under way, a last look, what is released ([`interruption`]) and the evidence; Concourse kills after 10 s.
const GRACE: Duration = Duration::from_millis(9_500);

trireme_protocol::resource! {
    /// The resource type `cluster`.
    pub struct Cluster is "cluster" with grace GRACE
}
