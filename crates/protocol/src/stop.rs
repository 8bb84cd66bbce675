//! SIGTERM and SIGINT: Concourse sends the first on an abort and on a timeout, and kills ten seconds later.

use std::future::Future;

use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::{Fault, Resource, StepContext};

/// SIGTERM and SIGINT, from when this was made on.
pub(crate) struct StopSignals {
    terminate: Signal,
    interrupt: Signal,
}

impl StopSignals {
    pub(crate) fn new() -> std::io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    /// Returns once one of them has come.
    pub(crate) async fn received(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

/// Ends `work` on SIGTERM or SIGINT, after [`Resource::GRACE`].
pub(crate) async fn interruptible<R: Resource, T>(
    step: &StepContext,
    stop: &mut StopSignals,
    work: impl Future<Output = anyhow::Result<T>>,
) -> anyhow::Result<T> {
    let mut work = std::pin::pin!(work);
    tokio::select! {
        end = &mut work => return end,
        () = stop.received() => {}
    }
    step.cancellation().cancel();
    tokio::select! {
        end = &mut work => end,
        () = tokio::time::sleep(R::GRACE) => Err(Fault::interrupted(
            "interrupted by a signal; the same call again goes on from here"
        ).into()),
    }
}
