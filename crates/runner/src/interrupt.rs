//! Interruption in two degrees: the first stops steps and lets hooks run, the second stops everything.

use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// Whether, and how hard, work is to stop.
#[derive(Debug, Clone, Default)]
pub struct Interrupt {
    stop: CancellationToken,
    force: CancellationToken,
    late: CancellationToken,
}

impl Interrupt {
    /// An interrupt that has not fired.
    pub fn new() -> Self {
        Self::default()
    }

    /// First call: stop, run the hooks. Second call: stop the hooks too.
    pub fn raise(&self) {
        if self.stop.is_cancelled() {
            self.force.cancel();
        }
        self.stop.cancel();
    }

    /// Stops the work without ever forcing it.
    pub(crate) fn stop(&self) {
        self.stop.cancel();
    }

    /// Waits for the work that this interrupt stops; stops it when its time is over, and waits for what becomes of it then.
    /// Gives also whether it ended in time.
    pub(crate) async fn limit<T>(
        &self,
        limit: Duration,
        work: impl Future<Output = T>,
    ) -> (T, bool) {
        tokio::pin!(work);
        tokio::select! {
            done = &mut work => return (done, true),
            () = tokio::time::sleep(limit) => {}
        }
        self.late.cancel();
        self.stop.cancel();
        (work.await, false)
    }

    /// Whether work is to stop because its time is over: to Concourse an error, not an abort.
    pub(crate) fn is_late(&self) -> bool {
        self.late.is_cancelled()
    }

    /// Whether work is to stop.
    pub fn is_raised(&self) -> bool {
        self.stop.is_cancelled()
    }

    /// Completes when work is to stop.
    pub async fn fired(&self) {
        self.stop.cancelled().await;
    }

    /// Completes when even hooks are to stop.
    pub async fn forced(&self) {
        self.force.cancelled().await;
    }

    /// One for a part of the work: fires with this one, or alone.
    pub(crate) fn part(&self) -> Self {
        Self {
            stop: self.stop.child_token(),
            force: self.force.clone(),
            late: self.late.child_token(),
        }
    }

    /// One for hooks: fires only when this one is forced.
    pub(crate) fn for_hooks(&self) -> Self {
        Self {
            stop: self.force.child_token(),
            force: self.force.clone(),
            late: CancellationToken::new(),
        }
    }
}
