//! What happens during a run, told while it happens.

use crate::report::{BuildReport, Idle, StepKind, StepReport};

/// One thing that happened. Texts in it have passed the redactor.
#[derive(Debug)]
#[non_exhaustive]
pub enum Event<'e> {
    /// A build of a job starts.
    BuildStarted {
        /// The job.
        job: &'e str,
        /// The number of its build.
        number: u64,
    },
    /// A step starts.
    StepStarted {
        /// Its place.
        step: StepId<'e>,
    },
    /// A program of a step wrote a line.
    Line {
        /// Its place.
        step: StepId<'e>,
        /// The line, without its end.
        text: &'e str,
    },
    /// A step ended.
    StepEnded {
        /// Its place.
        step: StepId<'e>,
        /// What it did.
        report: &'e StepReport,
    },
    /// A build ended.
    BuildEnded {
        /// What it did.
        report: &'e BuildReport,
    },
    /// A job has nothing to do.
    JobIdle {
        /// The job.
        job: &'e str,
        /// Why.
        idle: &'e Idle,
    },
}

/// Which step an event is about.
#[derive(Debug, Clone, Copy)]
pub struct StepId<'e> {
    /// The job; for a check outside of a build, the job that needs it.
    pub job: &'e str,
    /// The kind of the step.
    pub kind: StepKind,
    /// Its name.
    pub name: &'e str,
}

/// Receives the events of a run, from several steps at a time.
pub trait Observer: Send + Sync {
    /// Called for each event, in order per step. Must return quickly: the run waits for it.
    fn event(&self, event: &Event<'_>);
}

/// An observer that does nothing.
#[derive(Debug, Clone, Copy)]
pub struct Silent;

impl Observer for Silent {
    fn event(&self, _: &Event<'_>) {}
}
