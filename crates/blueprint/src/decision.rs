//! What comes next: actions, and typed reasons to wait or to stop.

use std::fmt;

use jiff::Timestamp;

use crate::blocker::Blocker;

/// What one unit needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision<A> {
    /// Do this now.
    Do(A),
    /// Something has to happen first.
    Wait(Wait),
    /// The roll ends before its time.
    Stop(Stop<A>),
}

/// What to do now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NextActions<A> {
    /// Every unit runs what is wanted.
    UpToDate,
    /// Do these (perhaps none), then look again when something has changed.
    Go(Vec<A>, Vec<Wait>),
    /// Stop.
    Stop(Stop<A>),
}

/// Something that has to happen first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wait {
    /// For what, e.g. `node w-3 (az-b)`.
    pub object: String,
    /// Why.
    pub reason: WaitReason,
}

/// Why the roll waits.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WaitReason {
    /// The unit may not be begun yet, or not be given back yet.
    #[error("waiting: {0}")]
    Blocked(Blocker),
    /// Evicted pods have not left yet.
    #[error("waiting until {} left", pods(*.0, "has", "have"))]
    PodsLeaving(usize),
    /// The Job of the attempt runs.
    #[error("waiting for Job {0}")]
    JobRunning(String),
    /// A Job of an earlier attempt still runs, or is being deleted.
    #[error("waiting for the end of Job {0} of an earlier attempt")]
    EarlierJob(String),
    /// The Job of the attempt is gone before its outcome was seen.
    #[error("Job {job} is gone, so its outcome is not known; waiting: {lacks}")]
    JobGone {
        /// The Job's name.
        job: String,
        /// What the node lacks to go back into service.
        lacks: Blocker,
    },
    /// A pod of an earlier action is still on the node.
    #[error("waiting until pod {0} of an earlier action has ended")]
    ActionPod(String),
    /// Time to watch the canary.
    #[error("waiting for {0} s after the canary")]
    Soaking(u64),
    /// The maintenance window is closed.
    #[error("waiting for the next window, which opens at {0}")]
    WindowClosed(Timestamp),
    /// A gate is not open.
    #[error("waiting for gate {gate}: {reason}")]
    GateClosed {
        /// What is asked.
        gate: String,
        /// What was answered.
        reason: String,
    },
    /// The unit was there when the roll chose it, and is gone.
    #[error("it is gone; looking again")]
    UnitGone,
    /// The platform rolls the unit by itself.
    #[error("{done} of {total} done by the platform")]
    PlatformProgress {
        /// How many parts are done.
        done: usize,
        /// Of how many.
        total: usize,
    },
}

/// For people: `1 pod has`, `3 pods have`.
fn pods(count: usize, one: &str, more: &str) -> String {
    match count {
        1 => format!("1 pod {one}"),
        count => format!("{count} pods {more}"),
    }
}

/// Why the roll ends before its time.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StopReason {
    /// Pods did not leave in time.
    #[error("not empty after {seconds} s; still there: {pods}")]
    DrainTimeout {
        /// `policy.drain_timeout`.
        seconds: u64,
        /// Some of the pods.
        pods: String,
    },
    /// The node was uncordoned while it was drained, each time that it was cordoned.
    #[error(
        "not drained after {seconds} s, because something uncordons it. Find out what does, then run the put again"
    )]
    Uncordoned {
        /// `policy.drain_timeout`.
        seconds: u64,
    },
    /// The Job failed.
    #[error("Job {job} failed: {why}")]
    JobFailed {
        /// The Job's name.
        job: String,
        /// What its status says, and how its container ended as far as that is known.
        why: String,
    },
    /// The Job is gone before its outcome was seen, and the node does not run what it should.
    #[error(
        "Job {job} is gone, so its outcome is not known; after {seconds} s {lacks} Look at the node, then run the put again: it \
         starts the Job again"
    )]
    JobGone {
        /// The Job's name.
        job: String,
        /// `policy.node_timeout`.
        seconds: u64,
        /// What the node lacks to go back into service.
        lacks: String,
    },
    /// The Job did not end in time.
    #[error("Job {job} did not end within {seconds} s")]
    JobTimeout {
        /// The Job's name.
        job: String,
        /// `act.timeout`.
        seconds: u64,
    },
    /// A Job or pod of an earlier attempt did not end in time.
    #[error("{what} did not end within {seconds} s; look at it, then run again")]
    EarlierTimeout {
        /// E.g. `Job trireme-w-1-0123456789 of an earlier attempt`.
        what: String,
        /// `act.timeout`.
        seconds: u64,
    },
    /// The unit did not become healthy in time.
    #[error("not back in service {seconds} s after its Job: {lacks}")]
    ReturnTimeout {
        /// `policy.node_timeout`.
        seconds: u64,
        /// What it lacks.
        lacks: String,
    },
    /// The platform was not healthy enough to begin the next unit.
    #[error("it could not be begun for {seconds} s: {blocker}")]
    BeginTimeout {
        /// `policy.node_timeout`.
        seconds: u64,
        /// What it lacks.
        blocker: Blocker,
    },
    /// A gate stayed closed or unknown.
    #[error("gate {gate} was not open for {seconds} s: {reason}")]
    GateTimeout {
        /// What is asked.
        gate: String,
        /// `policy.node_timeout`.
        seconds: u64,
        /// What was answered.
        reason: String,
    },
    /// The platform answered each try of an action that the unit had changed, or did not answer.
    #[error(
        "tried for {seconds} s without success: {action}. The unit changes too often, or what is observed of it is out of date. \
         Find out what changes it, then run again"
    )]
    WriteTimeout {
        /// `policy.node_timeout`.
        seconds: u64,
        /// The action.
        action: String,
    },
    /// It can never be begun as things are.
    #[error("{0}")]
    Blocked(Blocker),
    /// The platform's own roll failed.
    #[error("the platform's own roll failed: {0}")]
    PlatformFailed(String),
}

/// The end of the roll, before its time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stop<A> {
    /// What stopped it, e.g. `node w-3 (az-b)`.
    pub object: String,
    /// Why.
    pub reason: StopReason,
    /// The last write before the end: it gives a unit back on which nothing was done.
    pub last: Option<A>,
}

impl fmt::Display for Wait {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}", self.object, self.reason)
    }
}
