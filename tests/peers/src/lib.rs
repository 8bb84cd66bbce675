//! The real servers and programs that the tests are judged by, started on free loopback ports.
//!
//! `tests/peers/install` builds them into `$TRIREME_CACHE` (default `~/.cache/trireme`); this crate finds them
//! there, starts servers and runs command-line tools. It knows nothing of Trireme, so that every crate may
//! use it in its tests without building more than this.
//!
//! [`concourse`] is different: it calls a resource program as Concourse's worker does, and holds it to what that
//! demands of every resource.
//!
//! [`leak`] looks for planted secrets in what a program wrote.
//!
//! [`programs`] builds small programs of Go and Rust, whose compilers say in them what they were built from.
//!
//! [`clock`] starts a program whose clock is off.
//!
//! [`Front`] stands before a server and makes its answers wrong.
//!
//! A server says its port itself (each is started on port 0), so two tests never race for one, and it dies with
//! the value that stands for it. A missing peer is an error that names the command which installs it; a test
//! never passes because its judge was absent.

mod cache;
pub mod clock;
pub mod concourse;
mod control_plane;
pub mod cosign;
pub mod leak;
pub mod programs;
mod registry;
mod server;
mod tool;
mod wrong;

pub use cache::{cache, program};
pub use control_plane::ControlPlane;
pub use registry::Registry;
pub use server::Server;
pub use tool::{Ran, Tool};
pub use wrong::{Front, Wrong};

/// Why a peer could not be used.
#[derive(Debug, thiserror::Error)]
pub enum PeerError {
    /// The program is not in the cache folder.
    #[error("peer {name}: not found at {path}; run tests/peers/install {name}")]
    Missing {
        /// Program name.
        name: String,
        /// Where it was looked for.
        path: String,
    },
    /// The program could not be started, or its files not be prepared.
    #[error("peer {name}: could not be started")]
    Start {
        /// Program name.
        name: String,
        /// What the operating system said.
        #[source]
        source: std::io::Error,
    },
    /// The server ended, or its deadline passed, before it said where it listens.
    #[error("peer {name}: did not say where it listens; it wrote: {log}")]
    NotReady {
        /// Program name.
        name: String,
        /// What it wrote until then.
        log: String,
    },
    /// A tool ended with a failure.
    #[error("{command}: exit {code:?}; stderr: {stderr}")]
    Failed {
        /// The command line.
        command: String,
        /// Exit code, `None` when a signal ended it.
        code: Option<i32>,
        /// What it wrote to standard error.
        stderr: String,
    },
}
