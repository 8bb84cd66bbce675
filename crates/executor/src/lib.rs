//! Carries out a blueprint, one observed step after another.
//!
//! [`roll`] is a loop: look ([`trireme_kubernetes::Cluster::inventory`]), decide ([`trireme_blueprint::moves`], pure), do the
//! writes that are due, wait until something changes. It keeps nothing that matters: killed at any instant and started
//! again, it goes on where it was. An API that is away is waited for, within the policy's `api_timeout`.
//!
//! **Invariant:** a node is cordoned only after the API server has granted the eviction of each of its pods in a dry run,
//! and would accept the Job that acts on it.
//! **Invariant:** no write without the Lease.
//! **Invariant:** every way out names the nodes that are left cordoned, and those that may be: a node is in doubt from before a
//! write to it is sent until the cluster was looked at again.

mod act;
mod cordons;
mod error;
pub mod interruption;
mod job;
mod pass;
mod roll;
mod run;
mod voice;

pub use act::ActSpec;
pub use cordons::Cordons;
pub use error::{Cause, RollError};
pub use roll::Roll;
pub use run::roll;
pub use voice::{Interruption, Voice};
