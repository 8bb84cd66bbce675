//! A small Concourse for one laptop: reads a pipeline, runs its jobs in the order that `passed` and
//! `trigger` imply, and tells what happened.
//!
//! The way of a pipeline through this crate: [`yaml`] reads the text with positions, [`vars`] fills in
//! `((vars))`, [`pipeline`] makes typed jobs and steps of it, [`validate()`] says everything that is wrong
//! with them, and [`Runner`] runs them. Resources are not known here: the program hands in a
//! [`Catalogue`] of those it has linked, and each runs as a child process over the same wire protocol
//! as in Concourse, so that what works here works there.
//!
//! Which versions exist and which jobs they passed is kept in the state folder (see `store.rs`); a
//! build that was cut off (even by kill -9) counts as not done and is done again.

mod build;
mod catalogue;
mod checks;
mod child;
mod clock;
mod error;
mod error_tail;
mod files;
mod inputs;
mod interrupt;
mod load;
mod order;
pub mod pipeline;
mod problem;
mod progress;
mod report;
mod rules;
mod runner;
mod schema;
mod service;
mod single;
mod store;
mod value;
pub mod vars;
mod wire;
pub mod yaml;

pub use catalogue::{Catalogue, Linked};
pub use error::RunnerError;
pub use interrupt::Interrupt;
pub use load::{Valid, read_vars, validate};
pub use problem::{Position, Problem, Problems};
pub use progress::{progress_line, show_progress};
pub use report::{
    BuildReport, Idle, JobOutcome, JobReport, Metadatum, RunReport, Status, StepKind, StepReport,
    Version,
};
pub use runner::{DEFAULT_STATE, RunOptions, Runner};
pub use service::LocalInputs;
pub use single::{Said, Single, SingleOptions, run_single};
pub use store::StateLock;
