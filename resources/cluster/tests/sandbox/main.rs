//! The program against the Kubernetes API of the sandbox, with the rights of `rbac.yaml` and no more.

// clippy.toml lets tests unwrap; their helpers are tests too.
#![allow(clippy::unwrap_used)]

mod connection;
#[cfg(feature = "peers")]
mod container;
mod cordons;
mod crash;
mod evidence;
mod get;
mod proofs;
mod proxy;
mod rights;
mod roll;
mod secrets;
mod stops;
mod tunnel;
mod world;
