//! What Trireme asks of a Kubernetes API.
//!
//! [`connect`] makes a client from the content of a kubeconfig or from an address and a token; [`Cluster`] observes an
//! inventory, whole or not at all, and holds every write that we make: two patches of a node, the eviction, the Job that
//! acts on a node, the [`Record`] and the [`Lease`]. [`Alarm`] wakes a waiter when something has changed.
//!
//! **Invariant:** there is no delete of pods here. Pods leave by eviction (policy/v1), which budgets may refuse.
//! **Invariant:** a node is cordoned and marked, and uncordoned and marked, in one patch each.
//! **Invariant:** every request has a deadline, and a list that is not complete is an error.

mod access;
mod alarm;
mod certificates;
mod cluster;
mod convert;
mod ending;
mod endpoint;
mod error;
mod identity;
mod kubeconfig;
mod lease;
pub mod names;
mod proxy;
mod record;
mod requests;
mod writes;

pub use access::{Access, connect};
pub use alarm::Alarm;
pub use cluster::{Cluster, Pods};
pub use error::Error;
pub use kubeconfig::secrets;
pub use lease::Lease;
pub use record::{Mark, Record};
pub use trireme_transport::{Observer, RequestLog};
pub use writes::Eviction;
