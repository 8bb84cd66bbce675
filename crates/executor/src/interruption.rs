//! What still happens after SIGTERM, and for how long.
//!
//! Concourse kills 10 s after SIGTERM. A request without an answer would outlast that, so that everything a roll waits for is
//! dropped some time after the signal: what is under way after [`WORK`], then the look at what is left cordoned after
//! [`LOOK`]. The rest of the time is the caller's, for what it has to release.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

/// For what is under way.
pub const WORK: Duration = Duration::from_secs(3);
/// For the look at the units that are left out of service.
const LOOK: Duration = Duration::from_secs(2);
/// For that look without a signal: a platform that does not answer within this is not known.
const LOOK_UNHURRIED: Duration = Duration::from_secs(5);

/// Runs `work` to its end, unless it is still under way `grace` after the cancellation.
pub async fn run_until_cancelled<T>(
    cancellation: &CancellationToken,
    grace: Duration,
    work: impl Future<Output = T>,
) -> Option<T> {
    tokio::select! {
        biased;
        ended = work => Some(ended),
        () = async {
            cancellation.cancelled().await;
            tokio::time::sleep(grace).await;
        } => None,
    }
}

/// The time that a last look may take.
pub fn last_look_limit(cancellation: &CancellationToken) -> Duration {
    if cancellation.is_cancelled() {
        LOOK
    } else {
        LOOK_UNHURRIED
    }
}
