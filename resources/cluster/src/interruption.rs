//! What a put still does after SIGTERM, and for how long.
//!
//! After what the roll allows itself ([`trireme_executor::interruption`]: 5 s) the record is written and the Lease is released,
//! each within [`RELEASE`], and the evidence is stored ([`crate::evidence`]: 2 s): together 9 s. Concourse kills after 10 s.

use std::time::Duration;

use trireme_executor::interruption::{WORK, run_until_cancelled};
use trireme_protocol::{Fault, StepContext};

/// For the record and for the Lease, each.
const RELEASE: Duration = Duration::from_secs(1);

/// Runs `work` that is not part of the roll itself.
///
/// # Errors
/// Its own; exit 75 when it was interrupted.
pub(crate) async fn unless_interrupted<T>(
    step: &StepContext,
    work: impl Future<Output = anyhow::Result<T>>,
) -> anyhow::Result<T> {
    let ended = run_until_cancelled(step.cancellation(), WORK, work).await;
    ended.unwrap_or_else(|| {
        let message = "interrupted; run the same put again to continue";
        Err(Fault::interrupted(message).into())
    })
}

/// Runs `work` that releases something; says why it could not.
pub(crate) async fn release<E: std::fmt::Display>(
    step: &StepContext,
    work: impl Future<Output = Result<(), E>>,
) -> Result<(), String> {
    match run_until_cancelled(step.cancellation(), RELEASE, work).await {
        Some(done) => done.map_err(|error| error.to_string()),
        None => Err("the API did not answer".into()),
    }
}
