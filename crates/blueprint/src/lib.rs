//! From what is, what is wanted and what must hold, to what comes next. Pure: time is an argument.
//!
//! An [`Inventory`] is what was observed of a cluster; [`Wanted`] is what it shall become; a [`Policy`] is what must hold
//! on the way. [`plan`] makes a [`Blueprint`] of them: waves of steps, each a fact to reach with the state of its
//! precondition, under an id that stays the same while the roll goes on. [`rehearse`] names, before anything is touched,
//! what would stop the roll half-way. [`moves`] says which writes are due now.
//!
//! **Invariant:** [`moves`] sees the inventory and nothing else. Where a roll is follows from the nodes' own annotations
//! ([`Roll`], [`Rolled`]), their versions and our Jobs, so a roll that was killed at any instant goes on from there.
//! **Invariant:** an unknown is never a yes: pods that were not listed are not gone, a budget whose controller has not
//! caught up is not met.

mod act;
mod budget;
mod evidence;
mod goal;
mod identity;
mod inventory;
mod journal;
mod limit;
mod moves;
mod obstacle;
mod order;
mod plan;
mod policy;
mod rehearsal;
mod report;
#[cfg(test)]
mod simulation;
mod turn;

pub use act::{Act, Stop, StopReason, Wait};
pub use evidence::{Evidence, NodeEvidence};
pub use goal::Goal;
pub use identity::{Identity, Pool};
pub use inventory::{
    ActJob, Budget, Daemon, Inventory, JobState, Node, Owner, Pod, PodKind, Roll, Rolled,
};
pub use journal::{BudgetSamples, Journal, Sample, Span};
pub use limit::Limit;
pub use moves::{Moves, moves};
pub use obstacle::Obstacle;
pub use plan::{Blueprint, Plan, Quiet, Step, StepState, Wave, plan};
pub use policy::{Policy, Unmanaged, Wanted};
pub use rehearsal::{leavers, rehearse};
pub use report::describe;

/// The format number of every file and object that this crate describes.
pub const FORMAT: u32 = 1;
