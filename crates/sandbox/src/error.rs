//! What can go wrong while the sandbox is built or kept up.

use std::{io, path::PathBuf};

/// A failure of the sandbox itself. An error of a client is answered to that client in its own protocol instead.
#[derive(Debug, thiserror::Error)]
pub enum SandboxError {
    /// A file or folder of the state folder could not be read or written.
    #[error("could not {action} {}", path.display())]
    File {
        /// What was tried: `read`, `write`, `create`.
        action: &'static str,
        /// On which file.
        path: PathBuf,
        /// Why it failed.
        #[source]
        source: io::Error,
    },
    /// Another sandbox serves the world.
    #[error(
        "another sandbox (process {process}) runs on {}: end it, or give another state folder (`--state DIR`)",
        folder.display()
    )]
    Busy {
        /// The folder of the world.
        folder: PathBuf,
        /// The id of the process that has it.
        process: String,
    },
    /// An address that a world was given once is taken.
    #[error(
        "could not listen on {address} for the {service}: end what listens there (`ss -ltnp` names it), or move {} away to start with a new world on other ports",
        folder.display()
    )]
    Taken {
        /// Which server wanted it.
        service: &'static str,
        /// The address tried.
        address: std::net::SocketAddr,
        /// The folder of the world.
        folder: PathBuf,
        /// Why it failed.
        #[source]
        source: io::Error,
    },
    /// No loopback address is free.
    #[error("could not listen on {address} for the {service}")]
    Listen {
        /// Which server wanted it.
        service: &'static str,
        /// The address tried.
        address: std::net::SocketAddr,
        /// Why it failed.
        #[source]
        source: io::Error,
    },
    /// The Kubernetes API could not take up its world.
    #[error(
        "could not start the Kubernetes API on {}; move the folder of the world away to start with a new one",
        folder.display()
    )]
    Api {
        /// Its folder.
        folder: PathBuf,
        /// Why it failed.
        #[source]
        source: io::Error,
    },
    /// The recorded world is of another format, or damaged.
    #[error("{} is not a world of this sandbox: {reason}; move the folder away to start with a new one", path.display())]
    World {
        /// The record.
        path: PathBuf,
        /// Expected against found.
        reason: String,
    },
    /// A release is to be published where no sandbox was ever started.
    #[error("no sandbox was started on {}: start one with `trireme sandbox` (`--state DIR`)", folder.display())]
    NoWorld {
        /// The folder of the world.
        folder: PathBuf,
    },
    /// A manifest to be seeded was refused by the registry's own rules.
    #[error("could not seed image {reference}: {reason}")]
    Seed {
        /// Repository and tag.
        reference: String,
        /// The registry's reason.
        reason: String,
    },
    /// The archive of advisories could not be built.
    #[error("could not pack the advisories of {ecosystem}")]
    Pack {
        /// OSV's name of the ecosystem.
        ecosystem: String,
        /// Why it failed.
        #[source]
        source: zip::result::ZipError,
    },
    /// A call to the Kubernetes API failed.
    #[error("could not {action}")]
    Kubernetes {
        /// What was asked, of which object.
        action: String,
        /// What the API answered.
        #[source]
        source: Box<kube::Error>,
    },
    /// A kubeconfig could not be used.
    #[error("the kubeconfig cannot be used")]
    Kubeconfig(#[source] Box<kube::config::KubeconfigError>),
    /// A condition did not come true in time.
    #[error("waited {seconds} s for {what}, last seen: {seen}")]
    Deadline {
        /// The condition.
        what: String,
        /// How long it was waited for.
        seconds: u64,
        /// The last observation.
        seen: String,
    },
}

impl SandboxError {
    pub(crate) fn file(
        action: &'static str,
        path: impl Into<PathBuf>,
    ) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::File {
            action,
            path,
            source,
        }
    }

    pub(crate) fn kubernetes(action: impl Into<String>) -> impl FnOnce(kube::Error) -> Self {
        let action = action.into();
        move |source| Self::Kubernetes {
            action,
            source: Box::new(source),
        }
    }
}
