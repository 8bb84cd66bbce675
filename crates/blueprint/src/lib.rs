//! From what is observed, what is wanted and what must hold, to what comes next. Pure: time is an argument.
//!
//! The planner knows [`Unit`]s: things that are rolled, in groups (control plane, or the workers of a zone), with limits, a
//! canary, a soak, a window and gates. [`next_actions`] says which actions are due now on any platform, or gives a typed
//! reason to wait ([`WaitReason`]) or to stop ([`StopReason`]). What a platform alone can decide it says through a
//! [`Snapshot`]: what a unit lacks ([`Blocker`]), and what one that was begun needs. [`kubernetes`] is the first platform.
//!
//! [`plan`] makes a [`Blueprint`]: waves of steps, each a fact to reach with the state of its precondition, under an id that
//! stays the same while the roll goes on.
//!
//! **Invariant:** [`next_actions`] sees the snapshot and what this run has measured, nothing else. Where a roll is follows from
//! the nodes' own annotations, their versions and our Jobs, so that a roll that was killed at any instant goes on from there.
//! **Invariant:** what belongs together carries an id (attempt, roll, epoch) and is compared for equality. Times of two
//! machines are never compared; intervals are measured by one monotonic clock ([`Timers`]).
//! **Invariant:** an unknown is never a yes: pods that were not observed are not gone, a budget whose controller has not
//! processed its last change is not satisfied, a gate that could not be answered is not open.

mod blocker;
mod decision;
mod evidence;
mod goal;
mod identity;
pub mod kubernetes;
mod limit;
mod next;
mod observation_log;
mod plan;
#[doc(hidden)]
pub mod planted;
mod policy;
mod report;
mod snapshot;
mod timers;
mod unit;

pub use blocker::Blocker;
pub use decision::{Decision, NextActions, Stop, StopReason, Wait, WaitReason};
pub use evidence::{Ending, roll_file};
pub use goal::{Before, Goal, Window};
pub use identity::{CurrentRoll, Identity, Pool};
pub use kubernetes::{
    Action, ActionJob, Budget, DaemonSet, Inventory, JobState, Node, NodeVersion, Owner, Pod,
    PodKind, RollAnnotation, RolledAnnotation, Start, inventory_file, job_name,
};
pub use limit::Limit;
pub use next::next_actions;
pub use observation_log::{BudgetSamples, ObservationLog, Sample, Span};
pub use plan::{Blueprint, NoPlan, Plan, Step, StepState, Wave, plan};
pub use policy::{Health, Policy, Unmanaged, Wanted};
pub use report::{describe, summarise};
pub use snapshot::{Gate, GateAnswer, Preflight, Snapshot};
pub use timers::{Moment, Stage, Timers};
pub use unit::{Driver, Role, Status, Unit};

/// The format number of every file and object that this crate describes.
pub const FORMAT: u32 = 1;
