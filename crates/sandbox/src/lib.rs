//! A whole platform on one address, loopback unless it is told otherwise, for `trireme run --sandbox`, `trireme sandbox` and the tests.
//!
//! It has small versions of the servers that the resources of Trireme use, with the same protocols: an OCI [`registry`], a
//! release server with Kubernetes' markers, advisories in OSV format, and a Kubernetes API. The resources cannot tell
//! it from the real thing; what differs is checked by the contract suites in `tests/`.
//!
//! The world lives in one folder and survives a kill at any instant, as a real platform would: every file is written
//! beside its place and renamed, the Kubernetes objects are an append-only log, and the ports are chosen once.
//!
//! Three helpers are clients like any other, and so also run against a real API server: the actor (it plays the upgrade of
//! a node), the observer (it judges a roll by watching) and the prober (it measures whether a service
//! answered all along).

pub mod client;
mod connections;
mod error;
mod folder_lock;
pub mod images;
pub mod kubernetes;
mod listen;
pub mod platform;
mod publisher;
mod record;
pub mod registry;
pub mod sites;
mod untidy;
pub mod witnesses;
mod world;

pub use error::SandboxError;
pub use listen::Listen;
pub use publisher::{Publishing, publishing};
pub use sites::{advisories, releases};
pub use untidy::Untidy;
pub use witnesses::Witness;
pub use world::{Sandbox, SandboxOptions};
