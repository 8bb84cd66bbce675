//! One write, one wait, and the reasons to stop.

use std::time::Duration;

use jiff::Timestamp;

use crate::inventory::{Node, Rolled};

/// One write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Act {
    /// Cordon the node and say so on it, in one patch.
    Cordon(String),
    /// Ask for the eviction of every pod that must leave and is not leaving yet.
    Evict(String),
    /// Start the Job that acts on the node.
    StartJob(String),
    /// Remove a Job of an earlier run, which failed or acted before the node was what it is now, so that another can act.
    RetireJob(String),
    /// Let pods on the node again and say what was done, in one patch.
    Uncordon(String, Box<Rolled>),
}

/// Something that has to happen first, without us.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wait {
    /// For whom, e.g. `node w-3 (az-b)`.
    pub object: String,
    /// For what.
    pub what: String,
}

/// Why the roll ends before its time.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StopReason {
    /// Pods did not leave in time.
    #[error("not empty after {0} s; still there: {1}")]
    DrainTimeout(u64, String),
    /// The Job failed.
    #[error("the act failed: Job {job}: {why}")]
    ActFailed {
        /// The Job's name.
        job: String,
        /// What its status says, and how its container ended as far as that is known.
        why: String,
    },
    /// The Job did not end in time.
    #[error("the act did not end within {0} s")]
    ActTimeout(u64),
    /// The node did not become Ready and healthy in time.
    #[error("not back in service {0} s after its act: {1}")]
    NodeTimeout(u64, String),
    /// The cluster was not healthy enough to take the next node.
    #[error("the cluster did not become healthy within {0} s: {1}")]
    HealthTimeout(u64, String),
    /// The version-skew policy forbids the step.
    #[error("{0}")]
    Skew(String),
}

/// The end of the roll, before its time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stop {
    /// Which node stopped it, as [`Node::title`]; or `cluster`.
    pub object: String,
    /// Why.
    pub reason: StopReason,
    /// A node on which nothing was done yet: it is given back to service.
    pub restore: Option<String>,
}

/// What one node needs.
pub(crate) enum Turn {
    Act(Act),
    Wait(Wait),
    Stop(Stop),
}

/// Whether `limit` has passed since `since`.
pub(crate) fn overdue(since: Timestamp, limit: Duration, now: Timestamp) -> bool {
    now.duration_since(since).unsigned_abs() >= limit && now >= since
}

/// The end of the roll, because of `node`.
pub(crate) fn stop(node: &Node, reason: StopReason) -> Turn {
    Turn::Stop(Stop {
        object: node.title(),
        reason,
        restore: None,
    })
}
