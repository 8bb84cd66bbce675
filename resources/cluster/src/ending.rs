//! How a roll ended, as its evidence says it.

use jiff::Timestamp;
use trireme_blueprint::Ending;
use trireme_evidence::{Outcome, Run};
use trireme_executor::{Cause, RollError, chain};
use trireme_kubernetes::Lease;
use trireme_protocol::redact;

/// The ending of a roll that is done, or that `error` ended, in the run that holds `lease`.
pub(crate) fn ending(error: Option<&RollError>, lease: &Lease, now: Timestamp) -> Ending {
    let outcome = match error.map(|error| &*error.cause) {
        None => Outcome::Done,
        Some(Cause::Interrupted) => Outcome::Aborted,
        Some(_) => Outcome::Failed,
    };
    let names = |names: Vec<&str>| names.into_iter().map(str::to_owned).collect();
    let certain = error.map(|error| error.taken_out.certain());
    let doubtful = error.map(|error| error.taken_out.doubtful().collect());
    Ending {
        outcome,
        reason: error.map(reason),
        left_cordoned: names(certain.unwrap_or_default()),
        may_be_cordoned: names(doubtful.unwrap_or_default()),
        run: Some(Run {
            epoch: lease.epoch(),
            holder: Some(lease.holder().to_owned()),
        }),
        at: now,
    }
}

/// Why a roll did not end well, with what led to it.
fn reason(error: &RollError) -> String {
    // An API may repeat what it was sent.
    redact::redact(&chain(&*error.cause))
}
