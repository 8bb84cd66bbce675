//! Bugs that the simulator plants to show that it would find them. Without the feature `planted` there are none.

/// A mistake that this project or a comparable tool has made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bug {
    /// The API server's time of a Job is compared with the run's time of a cordon.
    TwoClocks,
    /// A time in whole seconds is compared with one with fractions.
    SecondsFloored,
    /// A write is waited for longer than the lock is held.
    LeaseWithoutFence,
    /// A Job is deleted in the background, and its pod is not waited for.
    BackgroundDelete,
    /// A budget that selects no pods counts as not satisfied.
    EmptyBudget,
    /// A pod that was not Ready before counts against its node.
    UnreadyPodNotSeen,
    /// A node that a person cordoned is taken, and uncordoned at the end.
    ForeignCordon,
    /// The Job is started before the node says that it was begun.
    ActBeforeRecord,
    /// One healthy pod less than the budget wants is enough.
    BudgetRoundedDown,
    /// What was observed too long ago counts as what is so now.
    StaleStore,
    /// Whether a node is still cordoned by the attempt is not asked before its pods are evicted.
    NodeNotAsked,
    /// That a Job is started is not written on its node, so that one that is gone looks as if it never ran.
    StartNotRecorded,
}

#[cfg(feature = "planted")]
mod switch {
    use std::cell::Cell;

    use super::Bug;

    thread_local! {
        static PLANTED: Cell<Option<Bug>> = const { Cell::new(None) };
    }

    /// Plants a bug in this thread, or none.
    pub fn plant(bug: Option<Bug>) {
        PLANTED.set(bug);
    }

    /// Whether `bug` is planted in this thread.
    pub fn planted(bug: Bug) -> bool {
        PLANTED.get() == Some(bug)
    }
}

#[cfg(feature = "planted")]
pub use switch::{plant, planted};

/// Whether `bug` is planted: never, without the feature.
#[cfg(not(feature = "planted"))]
pub const fn planted(_bug: Bug) -> bool {
    false
}
