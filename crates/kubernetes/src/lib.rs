//! What Trireme asks of a Kubernetes API.
//!
//! [`connect`] makes a client from the content of a kubeconfig or from an address and a token. [`KubernetesPlatform`] is the
//! adapter to the executor: it keeps what is observed up to date by one list and one watch of each kind, makes every write
//! (two patches of a node, the eviction, the Job that acts on a node), and holds the [`Lease`]. [`Cluster`] lists once, where
//! nothing is written, and keeps the [`Record`].
//!
//! **Invariant:** there is no delete of pods here. Pods leave by eviction (policy/v1), which budgets may refuse.
//! **Invariant:** a node is cordoned and marked, and uncordoned and marked, in one patch each; that its Job is started is written on
//! it before the Job is created.
//! **Invariant:** every request has a deadline, and a list that is not complete, or a watch that is out of date, is an error.
//! **Invariant:** every write names what was observed (`resourceVersion` of a node, UID of a pod or Job, attempt of a new Job),
//! so that it fails when that has changed. Nothing that belongs to a node is written unless its attempt still has it: a patch of
//! the node goes before its Job, and a look at the node before evictions.

mod access;
mod action_spec;
mod adapter;
mod certificates;
mod cluster;
mod convert;
mod ending;
mod endpoint;
mod epoch;
mod error;
mod evict;
#[cfg(test)]
mod fake;
mod health;
mod heard;
mod holder;
mod identity;
mod job;
mod kubeconfig;
mod lease;
pub mod names;
mod proxy;
mod record;
mod refusals;
mod requests;
mod selector;
mod server;
mod still_cordoned;
mod stores;
mod writes;

pub use access::{Access, connect};
pub use action_spec::ActionSpec;
pub use adapter::KubernetesPlatform;
pub use cluster::{Cluster, Pods};
pub use error::Error;
pub use kubeconfig::secrets;
pub use lease::{Lease, LeaseWait};
pub use record::{Mark, Record};
