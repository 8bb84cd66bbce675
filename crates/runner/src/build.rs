//! One build of a job: its steps, what they share, and their ends.

mod across;
mod flow;
mod get;
mod leaf;
mod load_var;
mod parallel;
mod put;
mod scope;
mod task;

pub(crate) use flow::run_plan;
pub(crate) use scope::Scope;

use crate::pipeline::Pipeline;
use crate::progress;
use crate::report::{Status, StepReport};
use crate::service::Service;
use crate::store::{Store, Taken};
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use trireme_protocol::redact::{MASK, redact};

/// What all builds of a run share.
pub(crate) struct World {
    pub pipeline: Pipeline,
    /// The pipeline's name: that of its file.
    pub name: String,
    pub services: BTreeMap<String, Service>,
    pub launcher: Vec<OsString>,
    pub store: Mutex<Store>,
}

impl World {
    pub fn store(&self) -> MutexGuard<'_, Store> {
        lock(&self.store)
    }
}

/// One build.
pub(crate) struct Build {
    pub world: Arc<World>,
    pub job: String,
    pub number: u64,
    pub dir: PathBuf,
    /// Name of the get → what it takes.
    pub inputs: BTreeMap<String, Taken>,
    reports: Mutex<Vec<StepReport>>,
    folders: AtomicU64,
    /// Values that `load_var` read without `reveal`.
    masked: Mutex<Vec<String>>,
}

impl Build {
    pub fn new(
        world: Arc<World>,
        job: &str,
        number: u64,
        dir: PathBuf,
        inputs: BTreeMap<String, Taken>,
    ) -> Self {
        let (reports, masked) = (Mutex::default(), Mutex::default());
        Self {
            world,
            job: job.to_owned(),
            number,
            dir,
            inputs,
            reports,
            folders: AtomicU64::new(1),
            masked,
        }
    }

    /// A new folder for a step, made and empty; numbered in the order in which steps start.
    pub fn folder(&self, kind: &str, name: &str) -> Result<PathBuf, String> {
        let number = self.folders.fetch_add(1, Ordering::Relaxed);
        let folder = self.dir.join(format!(
            "{number:02}-{kind}-{}",
            crate::store::file_name(name)
        ));
        std::fs::create_dir_all(&folder)
            .map_err(|error| format!("cannot create {}: {error}", folder.display()))?;
        Ok(folder)
    }

    /// Shows a line of the present step, without secrets.
    pub fn line(&self, text: &str) {
        progress::program_line(&self.mask(text));
    }

    /// Hides these values in the lines of this build, as Concourse hides the values of vars.
    pub fn hide(&self, values: Vec<String>) {
        // Concourse skips values of one character (`atc/engine/build_step_delegate.go`).
        let lines = values
            .iter()
            .flat_map(|value| value.lines())
            .filter(|line| line.chars().count() > 1);
        let mut masked = lock(&self.masked);
        masked.extend(lines.map(str::to_owned));
        masked.sort_by_key(|value| std::cmp::Reverse(value.len()));
        masked.dedup();
    }

    /// The text without secrets.
    pub fn mask(&self, text: &str) -> String {
        let mut text = redact(text);
        for value in lock(&self.masked)
            .iter()
            .filter(|value| value.as_str() != MASK)
        {
            text = text.replace(value.as_str(), MASK);
        }
        text
    }

    /// Takes in the report of the present step.
    pub fn report(&self, report: StepReport) {
        progress::step_ended(&report);
        lock(&self.reports).push(report);
    }

    pub fn reports(&self) -> Vec<StepReport> {
        lock(&self.reports).clone()
    }
}

/// A lock whose holder panicked is still a lock: the run reports the panic by itself.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The end of several steps that ran together: the worst of them. An error outweighs a refusal, because it may hide one.
pub(crate) fn worst(statuses: impl IntoIterator<Item = Status>) -> Status {
    let weight = |status: &Status| match status {
        Status::Succeeded => 0,
        Status::Failed => 1,
        Status::Denied => 2,
        Status::Errored => 3,
        Status::Aborted => 4,
    };
    statuses
        .into_iter()
        .max_by_key(weight)
        .unwrap_or(Status::Succeeded)
}
