//! What still happens after SIGTERM, and for how long.
//!
//! Concourse kills 10 s after SIGTERM. A request that hangs would outlive that, so that everything a roll waits for is dropped
//! some time after the signal: what is under way after [`WORK`], then the look at what is left cordoned after [`LOOK`]. What
//! remains is the caller's, to put away what it holds.

use std::time::Duration;

use crate::Voice;

/// For what is under way.
pub const WORK: Duration = Duration::from_secs(3);
/// For the look at the nodes that are left cordoned.
const LOOK: Duration = Duration::from_secs(2);
/// For that look when nobody has interrupted: a cluster that does not list its nodes within this is not known.
const LOOK_UNHURRIED: Duration = Duration::from_secs(5);

/// `work`, unless it is still under way `pause` after the interruption.
pub async fn cut<T>(
    voice: &dyn Voice,
    pause: Duration,
    work: impl Future<Output = T>,
) -> Option<T> {
    tokio::select! {
        biased;
        ended = work => Some(ended),
        () = async {
            voice.cancelled().await;
            tokio::time::sleep(pause).await;
        } => None,
    }
}

/// A look at the cluster before everything ends.
///
/// # Errors
/// What it said, or that it did not answer in time.
pub async fn last_look<T, E: std::fmt::Display>(
    voice: &dyn Voice,
    look: impl Future<Output = Result<T, E>>,
) -> Result<T, String> {
    let look = tokio::time::timeout(LOOK_UNHURRIED, look);
    match cut(voice, LOOK, look).await {
        Some(Ok(seen)) => seen.map_err(|error| error.to_string()),
        Some(Err(_)) | None => Err("the API did not answer".into()),
    }
}
