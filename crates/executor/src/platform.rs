//! The seam to a platform: what the executor asks of it.

use std::error::Error;
use std::future::Future;
use std::time::Duration;

use trireme_blueprint::{Goal, Snapshot};

/// A platform whose units are rolled: observe it, write to it, hear of changes, and keep the lock that lets one run write.
///
/// Kubernetes is the first adapter (`trireme-kubernetes`); an in-memory one carries the simulator.
pub trait Platform: Send + Sync {
    /// What is observed.
    type Snapshot: Snapshot;
    /// What can go wrong.
    type Error: PlatformError;

    /// The platform as it is known now: as it was at some time after this run took the lock, or the run that had it before may
    /// have changed it since.
    ///
    /// # Errors
    /// When it is not known: what was observed is incomplete or stale, or the platform does not answer.
    fn observe(&self) -> impl Future<Output = Result<Self::Snapshot, Self::Error>> + Send;

    /// Makes one write, or with [`Mode::DryRun`] only asks whether it would be made.
    ///
    /// A dry run of the write that begins a unit also asks for everything that follows from it: whether the work on the unit
    /// could leave, and whether the action could start.
    ///
    /// The future may be dropped when the write has lasted as long as this run may write: what became of it is then not known.
    ///
    /// # Errors
    /// When it is not known whether the write was made, or the platform refuses us altogether.
    fn perform(
        &self,
        goal: &Goal,
        action: &Action<Self>,
        mode: Mode,
    ) -> impl Future<Output = Result<Answer, Self::Error>> + Send;

    /// Returns when something has changed since the last call, or after `longest`.
    fn watch(&self, longest: Duration) -> impl Future<Output = ()> + Send;

    /// Renews the lock that lets this run write.
    ///
    /// # Errors
    /// [`ErrorKind::LockLost`] when another run has it.
    fn renew(&self) -> impl Future<Output = Result<(), Self::Error>> + Send;
}

/// One write to the platform `P`.
pub type Action<P> = <<P as Platform>::Snapshot as Snapshot>::Action;

/// Whether a write is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// It is.
    Commit,
    /// It is only asked for.
    DryRun,
}

/// What a platform answers to a write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// It was accepted. A later observation shows it.
    Accepted,
    /// There is nothing to do any more, or the object has changed since it was observed: look again.
    Outdated,
    /// Not now, and why. It is asked for again.
    NotNow(String),
    /// Never, and why.
    Refused(String),
}

/// An error of a platform, by what follows from it.
pub trait PlatformError: Error + Send + Sync + 'static {
    /// What follows from it.
    fn kind(&self) -> ErrorKind;
}

/// What follows from an error of a platform.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorKind {
    /// The same may succeed later: no answer, an error of the server, or not known yet.
    MayPass,
    /// Another run holds the lock.
    LockLost,
    /// It will not succeed.
    Lasting,
}
