//! A client of a Kubernetes API, the sandbox's or a real one: it knows no more than its credentials let it see.

mod connection;
mod watch;

pub use connection::connect;
pub(crate) use connection::{ensure, merge};
pub(crate) use watch::{Change, follow};
