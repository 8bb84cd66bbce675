//! What a put still does after SIGTERM, and for how long.
//!
//! Concourse kills 10 s after SIGTERM. A request that hangs would outlive that, so that everything a put waits for is
//! dropped some time after the signal: at most [`WORK`], then [`LOOK`], then [`PUT_AWAY`] twice.

use std::time::Duration;

use trireme_protocol::{Fault, Step};

/// For what is under way.
pub(crate) const WORK: Duration = Duration::from_secs(3);
/// For the look at the nodes that are left cordoned.
pub(crate) const LOOK: Duration = Duration::from_secs(2);
/// For the record and for the Lease, each.
pub(crate) const PUT_AWAY: Duration = Duration::from_secs(1);

/// `work`, unless it is still under way `pause` after the interruption.
pub(crate) async fn cut<T>(
    step: &Step,
    pause: Duration,
    work: impl Future<Output = T>,
) -> Option<T> {
    tokio::select! {
        biased;
        ended = work => Some(ended),
        () = async {
            step.cancelled().await;
            tokio::time::sleep(pause).await;
        } => None,
    }
}

/// `work` outside of the roll itself.
///
/// # Errors
/// Its own; exit 75 when it was cut.
pub(crate) async fn unless_interrupted<T>(
    step: &Step,
    work: impl Future<Output = anyhow::Result<T>>,
) -> anyhow::Result<T> {
    let ended = cut(step, WORK, work).await;
    ended.unwrap_or_else(|| {
        let message = "interrupted; the same call again goes on from here";
        Err(Fault::interrupted(message).into())
    })
}
