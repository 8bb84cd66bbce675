//! A Kubernetes API on loopback, with the controllers that make its objects live.
//!
//! [`Api::start`] serves it over TLS. Clients (kubectl, kube, ours) see the same as from the real one; what is not
//! served answers 404 or 405. What it serves is the table in `kinds.rs`; how each part answers was read from
//! Kubernetes 1.37 and is compared with it by the contract suite in `tests/kubernetes/contract.rs`.
//!
//! The parts: `store` keeps the objects, their revisions and the log on disk; `write` has the rules for every
//! change, `validate` and `defaults` the rules for single kinds; `eviction` and `budget` are the disruption budgets;
//! `access` authenticates and authorizes; `http` answers; `controllers` are the control loops, the scheduler and the kubelets.
//!
//! **Invariant:** everything goes through the store under its one lock, so every request and every pass of a controller
//! sees one world. **Invariant:** a change is in the log before a client sees it; a kill at any instant loses none.

mod access;
mod api;
mod budget;
mod controllers;
mod defaults;
mod delete;
mod delete_options;
mod eviction;
mod failure;
mod http;
mod kinds;
mod object;
mod options;
mod patch;
mod selector;
mod store;
pub(crate) mod tls;
mod validate;
mod write;

pub use api::Api;
pub use options::{FaultOptions, KubernetesOptions, Timings};
