//! Why a roll did not end well.

use std::error::Error;
use std::fmt;

use trireme_blueprint::{Obstacle, StopReason};

use crate::Cordons;

/// A roll that did not end well: why, and which nodes are left cordoned.
#[derive(Debug)]
pub struct RollError {
    /// Why it ended.
    pub cause: Box<Cause>,
    /// What is known of the nodes that are left cordoned.
    pub cordons: Cordons,
}

/// What ended a roll before its time.
#[derive(Debug, thiserror::Error)]
pub enum Cause {
    /// Something would have stopped the roll half-way. Nothing was touched.
    #[error("no node was touched, because the roll could not end well:\n{}", lines(.0))]
    Obstacles(Vec<Obstacle>),
    /// A deadline, a failed act, or a refusal.
    #[error("{object}: {reason}")]
    Stopped {
        /// What stopped it.
        object: String,
        /// Why.
        reason: StopReason,
    },
    /// The API refuses an eviction for good.
    #[error("{object}: the API refuses its eviction for good: {reason}")]
    Refused {
        /// The pod.
        object: String,
        /// What the API says.
        reason: String,
    },
    /// SIGTERM. The same call goes on from here.
    #[error("interrupted; the same call goes on from here")]
    Interrupted,
    /// The API was away for too long, or refused a request.
    #[error("the roll could not go on")]
    Api(#[from] trireme_kubernetes::Error),
}

impl fmt::Display for RollError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let end = match *self.cause {
            Cause::Obstacles(_) => "\n",
            _ => "; ",
        };
        write!(formatter, "{}{end}{}", self.cause, self.cordons)
    }
}

impl Error for RollError {
    /// What led to the cause, which is told already.
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.cause.source()
    }
}

fn lines(obstacles: &[Obstacle]) -> String {
    let lines: Vec<_> = obstacles.iter().map(|one| format!("- {one}")).collect();
    lines.join("\n")
}
