//! Why a roll did not end well.

use std::error::Error;
use std::fmt;

use trireme_blueprint::{Blocker, StopReason};

use crate::TakenOut;

/// A roll that did not end well: why, and which units are left out of service.
#[derive(Debug)]
pub struct RollError {
    /// Why it ended.
    pub cause: Box<Cause>,
    /// What is known of the units that are left out of service.
    pub taken_out: TakenOut,
}

/// What ended a roll before its time.
#[derive(Debug, thiserror::Error)]
pub enum Cause {
    /// Something would have stopped the roll half-way. Nothing was changed.
    #[error("Preflight failed; no node was changed:\n{}", lines(.0))]
    Preflight(Vec<Blocker>),
    /// A deadline, a failed Job, or something that can never pass.
    #[error("{object}: {reason}")]
    Stopped {
        /// What stopped it.
        object: String,
        /// Why.
        reason: StopReason,
    },
    /// The platform refuses a write for good.
    #[error("{object}: the API refused it ({action}), and a retry cannot help: {reason}")]
    Refused {
        /// The unit.
        object: String,
        /// The write.
        action: String,
        /// What the platform says.
        reason: String,
    },
    /// A unit could not be begun in time, because the platform did not allow what follows.
    #[error("{object}: not begun within {seconds} s: {reason}")]
    NotAllowed {
        /// The unit.
        object: String,
        /// `policy.drain_timeout`.
        seconds: u64,
        /// What the platform says.
        reason: String,
    },
    /// SIGTERM. The same call continues from here.
    #[error("interrupted; run the same put again to continue")]
    Interrupted,
    /// The platform was away for too long, or refused a request.
    #[error("the roll could not go on")]
    Platform(#[source] Box<dyn Error + Send + Sync>),
    /// The lock could not be renewed in time.
    #[error(
        "the roll could not go on: the Lease was not renewed for {0} s, because the API did not answer"
    )]
    Unrenewed(u64),
}

impl fmt::Display for RollError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let cause = self.cause.to_string();
        let end = match *self.cause {
            Cause::Preflight(_) => "\n",
            _ if cause.ends_with('?') => " ",
            _ => ". ",
        };
        write!(
            formatter,
            "{}{end}{}",
            cause.trim_end_matches('.'),
            self.taken_out
        )
    }
}

impl Error for RollError {
    /// What led to the cause, which is told already.
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.cause.source()
    }
}

/// An error with everything that led to it, for people.
pub fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text += &format!(": {error}");
        source = error.source();
    }
    text
}

fn lines(blockers: &[Blocker]) -> String {
    let lines: Vec<_> = blockers.iter().map(|one| format!("- {one}")).collect();
    lines.join("\n")
}
