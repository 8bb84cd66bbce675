//! Clients of a Kubernetes API, the sandbox's or a real one: they know no more than their credentials let them see.
//!
//! [`pods`] lets pods answer on the network, [`front`] is the service address before them, [`prober`] measures whether
//! that address answers, [`observer`] judges a roll by watching, [`actor`] is what the act on a node brings about.

pub mod actor;
mod connection;
pub mod front;
pub mod observer;
pub mod pods;
pub mod prober;
mod watch;

pub use connection::connect;
pub(crate) use connection::ensure;
