//! What a put still does after SIGTERM, and for how long.
//!
//! After what the roll allows itself ([`trireme_executor::interruption`]) the record and the Lease are put away, each within
//! [`PUT_AWAY`]: together that stays within the 10 s after which Concourse kills.

use std::time::Duration;

use trireme_executor::interruption::{WORK, cut};
use trireme_protocol::{Fault, Step};

use crate::voice::Spoken;

/// For the record and for the Lease, each.
const PUT_AWAY: Duration = Duration::from_secs(1);

/// `work` outside of the roll itself.
///
/// # Errors
/// Its own; exit 75 when it was cut.
pub(crate) async fn unless_interrupted<T>(
    step: &Step,
    work: impl Future<Output = anyhow::Result<T>>,
) -> anyhow::Result<T> {
    let ended = cut(&Spoken(step), WORK, work).await;
    ended.unwrap_or_else(|| {
        let message = "interrupted; the same call again goes on from here";
        Err(Fault::interrupted(message).into())
    })
}

/// Puts something away; says why it could not.
pub(crate) async fn put_away<E: std::fmt::Display>(
    step: &Step,
    work: impl Future<Output = Result<(), E>>,
) -> Result<(), String> {
    match cut(&Spoken(step), PUT_AWAY, work).await {
        Some(done) => done.map_err(|error| error.to_string()),
        None => Err("the API did not answer".into()),
    }
}
