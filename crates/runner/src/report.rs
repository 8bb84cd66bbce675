//! What a run did, typed, so that a summary can be made without reading logs.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

/// A resource version: flat strings.
pub type Version = BTreeMap<String, String>;

/// One pair of metadata that a step printed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Metadatum {
    /// Its name.
    pub name: String,
    /// Its value.
    pub value: String,
}

/// How a step or a build ended, in Concourse's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// It did what it should.
    Succeeded,
    /// Its program ended with a status other than 0 (red in Concourse), or its time ran out.
    Failed,
    /// A resource refused by policy or verdict: exit code 2. For Concourse it is a failure too.
    Denied,
    /// It could not be run or its answer could not be read (orange).
    Errored,
    /// The run was interrupted (brown).
    Aborted,
}

/// The kind of a step in a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StepKind {
    /// `check` of a resource, before the build.
    Check,
    /// `get`, or the implicit get after a put.
    Get,
    /// `put`.
    Put,
    /// `task`.
    Task,
    /// `load_var`.
    LoadVar,
    /// `set_pipeline`, which is refused here.
    SetPipeline,
    /// `run` of a prototype, which is refused here.
    Run,
}

impl fmt::Display for Status {
    /// For people, after the name of what ended so.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Denied => "was denied",
            Self::Errored => "errored",
            Self::Aborted => "was aborted",
        })
    }
}

impl fmt::Display for StepKind {
    /// As in a pipeline.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Check => "check",
            Self::Get => "get",
            Self::Put => "put",
            Self::Task => "task",
            Self::LoadVar => "load_var",
            Self::SetPipeline => "set_pipeline",
            Self::Run => "run",
        })
    }
}

/// One step that was run.
#[derive(Debug, Clone, Serialize)]
pub struct StepReport {
    /// Its kind.
    pub kind: StepKind,
    /// Its name in the pipeline; for a check, that of the resource.
    pub name: String,
    /// Where it stands in the job, as `plan[1].in_parallel[0]`; with an attempt or an `across` value where it has one.
    pub path: String,
    /// The resource of a get, put or check.
    pub resource: Option<String>,
    /// The linked resource that served it (`image`), when one did.
    pub linked: Option<String>,
    /// The version that was got or put.
    pub version: Option<Version>,
    /// The metadata that it printed.
    pub metadata: Vec<Metadatum>,
    /// Where the files of the step lie, in the state folder.
    pub dir: Option<PathBuf>,
    /// A get that was not run, because an earlier one had fetched the same (the resource cache of Concourse).
    pub cached: bool,
    /// How it ended.
    pub status: Status,
    /// The exit code of its program, when one ran to its end.
    pub exit: Option<i32>,
    /// Why it did not succeed, in one line.
    pub reason: Option<String>,
    /// When it started.
    pub started_at: Timestamp,
    /// How long it took.
    pub took: Duration,
}

/// One build of a job.
#[derive(Debug, Clone, Serialize)]
pub struct BuildReport {
    /// The job.
    pub job: String,
    /// The number of the build, counted per job over all runs.
    pub number: u64,
    /// How it ended.
    pub status: Status,
    /// Every step that ran, in the order in which they ended.
    pub steps: Vec<StepReport>,
    /// The folder of the build.
    pub dir: PathBuf,
    /// When it started.
    pub started_at: Timestamp,
    /// How long it took.
    pub took: Duration,
}

/// What became of a job in this run.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum JobOutcome {
    /// It was built, at least once (more often with `version: every`).
    Built(Vec<BuildReport>),
    /// It was not built, and that is in order.
    Idle(Idle),
    /// A check that it needs failed, so nobody knows whether it had to be built.
    Unknown(StepReport),
}

/// Why a job was not built.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Idle {
    /// Its triggering inputs are those of its last successful build.
    UpToDate,
    /// None of its gets has `trigger: true`, and `--job` does not name it.
    NotTriggered,
    /// An input has no version yet that fulfils its conditions.
    Waiting {
        /// The name of the get.
        input: String,
        /// What it waits for.
        reason: String,
    },
}

/// What became of one job.
#[derive(Debug, Clone, Serialize)]
pub struct JobReport {
    /// The job.
    pub name: String,
    /// Whether `--job` named it: then it had to be built.
    pub named: bool,
    /// What became of it.
    pub outcome: JobOutcome,
}

/// A whole run.
#[derive(Debug, Clone, Serialize)]
pub struct RunReport {
    /// Every job that was considered, in the order in which that happened.
    pub jobs: Vec<JobReport>,
    /// When the run started.
    pub started_at: Timestamp,
    /// How long it took.
    pub took: Duration,
    /// Whether it was interrupted.
    pub aborted: bool,
}

impl JobReport {
    /// Whether a person asked for a build that could not be had, because an input has no version.
    pub fn is_unbuilt(&self) -> bool {
        self.named && matches!(self.outcome, JobOutcome::Idle(_))
    }

    /// The builds of the job in this run.
    pub fn builds(&self) -> &[BuildReport] {
        match &self.outcome {
            JobOutcome::Built(builds) => builds,
            JobOutcome::Idle(_) | JobOutcome::Unknown(_) => &[],
        }
    }

    fn statuses(&self) -> Vec<Status> {
        match &self.outcome {
            JobOutcome::Built(builds) => builds.iter().map(|build| build.status).collect(),
            JobOutcome::Idle(_) => Vec::new(),
            JobOutcome::Unknown(check) => vec![check.status],
        }
    }
}

impl RunReport {
    /// All builds, in order.
    pub fn builds(&self) -> impl Iterator<Item = &BuildReport> {
        self.jobs.iter().flat_map(JobReport::builds)
    }

    /// All steps of all builds, in order.
    pub fn steps(&self) -> impl Iterator<Item = &StepReport> {
        self.builds().flat_map(|build| &build.steps)
    }

    /// The jobs that wait for a version, with what they wait for.
    pub fn waiting(&self) -> impl Iterator<Item = (&str, &str)> {
        self.jobs.iter().filter_map(|job| match &job.outcome {
            JobOutcome::Idle(Idle::Waiting { reason, .. }) => Some((&*job.name, &**reason)),
            _ => None,
        })
    }

    /// Whether no job had anything to do, and none had to be built.
    pub fn nothing_to_do(&self) -> bool {
        let is_idle = |job: &JobReport| matches!(job.outcome, JobOutcome::Idle(_));
        self.jobs.iter().all(|job| is_idle(job) && !job.named)
    }

    /// The exit code of `trireme run`: 75 aborted; 2 when a job ended in a deny (trying again will not help); 1 when one failed
    /// otherwise, or was named and could not be built; 0 all green.
    pub fn exit_code(&self) -> u8 {
        let statuses: Vec<Status> = self.jobs.iter().flat_map(JobReport::statuses).collect();
        if self.aborted || statuses.contains(&Status::Aborted) {
            75
        } else if statuses.contains(&Status::Denied) {
            2
        } else {
            let failed = statuses.iter().any(|status| *status != Status::Succeeded);
            u8::from(failed || self.jobs.iter().any(JobReport::is_unbuilt))
        }
    }
}
