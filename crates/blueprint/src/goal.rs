//! What one run of the executor pursues.

use std::collections::BTreeSet;

use jiff::Timestamp;

use crate::policy::{Policy, Wanted};

/// What a run pursues.
#[derive(Clone, Debug)]
pub struct Goal {
    /// The blueprint's id.
    pub blueprint: String,
    /// The id of the roll: it stays the same from the first node to the last, through every run and every change of goal, and is
    /// another for the next roll, also when that has the same blueprint.
    pub roll: String,
    /// The epoch of the Lease of this run: it grows with every run.
    pub epoch: u64,
    /// The target state.
    pub wanted: Wanted,
    /// What must hold on the way.
    pub policy: Policy,
    /// Whether units may be begun now.
    pub window: Window,
    /// What this run found when it began.
    pub before: Before,
}

/// Whether units may be begun now. Those that were begun are finished in any case.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Window {
    /// They may.
    #[default]
    Open,
    /// Not before then.
    ClosedUntil(Timestamp),
}

/// What a run found at its first look, by identity: what was so before is no harm of this run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Before {
    /// UIDs of Jobs that had failed: a person has asked again, so that a new attempt is made.
    pub failed_jobs: BTreeSet<String>,
    /// Budgets (`namespace/name`) that were not satisfied. None when the roll was under way already: it may be the cause.
    pub unsatisfied_budgets: Option<BTreeSet<String>>,
}
