//! A run: which jobs are built, in which order, with which versions.

use crate::build::{self, Build, Scope, World};
use crate::catalogue::Catalogue;
use crate::checks::Checks;
use crate::error::RunnerError;
use crate::inputs::{self, Chosen};
use crate::interrupt::Interrupt;
use crate::pipeline::{Job, Pipeline, VersionChoice};
use crate::report::{BuildReport, Idle, JobOutcome, JobReport, RunReport, Status};
use crate::service::{self, LocalInputs, Service};
use crate::store::{StateLock, Store};
use crate::vars::Vars;
use crate::{load, order, progress, wire};
use jiff::Timestamp;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Instant;
use tracing::Instrument as _;
use trireme_protocol::redact;

/// With `version: every`, builds of one job in one run: a history of more waits for the next run.
const MAX_BUILDS: usize = 100;

/// What to run, and with what.
#[derive(Debug, Clone, Default)]
pub struct RunOptions {
    /// The pipeline.
    pub file: PathBuf,
    /// Values for its `((vars))`.
    pub vars: Vars,
    /// Jobs to build whether or not something triggers them; all others stay. Empty: all that are triggered.
    pub jobs: Vec<String>,
    /// Content and types that a person supplies.
    pub supply: LocalInputs,
    /// The linked resources.
    pub catalogue: Catalogue,
}

/// A pipeline that is ready to run.
pub struct Runner {
    world: Arc<World>,
    jobs: Vec<String>,
}

impl Runner {
    /// Reads and judges the pipeline and opens the state folder.
    ///
    /// # Errors
    /// Everything that is wrong with the pipeline; an unknown job; a state folder that is not understood.
    pub fn new(options: RunOptions, state: StateLock) -> Result<Self, RunnerError> {
        let (pipeline, notes) = load::pipeline(
            &options.file,
            &options.vars,
            &options.catalogue,
            &options.supply,
        )?;
        progress::notes(&options.file, &notes);
        known_jobs(&pipeline, &options.jobs)?;
        may_be_started(&pipeline, &options.jobs)?;
        options
            .vars
            .secrets()
            .iter()
            .for_each(|secret| redact::register_secret(secret));
        // What a task prints of its environment.
        wire::proxies().for_each(|(_, url)| redact::register_url(&url));
        let mut services = BTreeMap::new();
        for resource in &pipeline.resources {
            let service =
                service::resolve(&pipeline, resource, &options.catalogue, &options.supply)
                    .unwrap_or_else(|unserved| Service::Unserved(unserved.problem().message));
            service
                .secrets()
                .iter()
                .for_each(|secret| redact::register_secret(secret));
            services.insert(resource.name.text.clone(), service);
        }
        let store = Mutex::new(Store::open(state)?);
        let name = options
            .file
            .file_stem()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        let launcher = options.catalogue.launcher;
        let world = World {
            pipeline,
            name,
            services,
            launcher,
            store,
        };
        Ok(Self {
            world: Arc::new(world),
            jobs: options.jobs,
        })
    }

    /// Runs the jobs. A failing job is part of the report, not an error.
    ///
    /// # Errors
    /// The state folder could not be written.
    pub async fn run(&self, interrupt: &Interrupt) -> Result<RunReport, RunnerError> {
        let (started_at, clock) = (Timestamp::now(), Instant::now());
        let mut checks = Checks::new(&self.world)?;
        let mut jobs = Vec::new();
        for job in order::order(&self.world.pipeline) {
            let name = job.name.text.clone();
            if interrupt.is_raised() || !(self.jobs.is_empty() || self.jobs.contains(&name)) {
                continue;
            }
            let outcome = self.job(job, &mut checks, interrupt);
            let outcome = outcome.instrument(progress::job(&name)).await?;
            let named = !self.jobs.is_empty();
            jobs.push(JobReport {
                name,
                named,
                outcome,
            });
        }
        Ok(RunReport {
            jobs,
            started_at,
            took: clock.elapsed(),
            aborted: interrupt.is_raised(),
        })
    }

    async fn job(
        &self,
        job: &Job,
        checks: &mut Checks,
        interrupt: &Interrupt,
    ) -> Result<JobOutcome, RunnerError> {
        if let Some(failed) = checks.for_job(job, interrupt).await? {
            return Ok(JobOutcome::Unknown(failed));
        }
        let mut builds = Vec::new();
        let mut by_hand = !self.jobs.is_empty();
        while builds.len() < MAX_BUILDS {
            let chosen = match self.next_inputs(job, by_hand) {
                Ok(chosen) => chosen,
                Err(idle) if builds.is_empty() => {
                    progress::job_idle(&idle);
                    return Ok(JobOutcome::Idle(idle));
                }
                Err(_) => break,
            };
            by_hand = false;
            let report = self.build(job, chosen, interrupt).await?;
            checks.after(&report);
            let go_on = report.status == Status::Succeeded && takes_every(job);
            builds.push(report);
            if !go_on {
                break;
            }
        }
        Ok(JobOutcome::Built(builds))
    }

    fn next_inputs(&self, job: &Job, by_hand: bool) -> Result<Chosen, Idle> {
        let store = self.world.store();
        if !by_hand && !inputs::gets(job).iter().any(|get| get.trigger) {
            return Err(Idle::NotTriggered);
        }
        let chosen = inputs::choose(&self.world.pipeline, &store, job)?;
        if !by_hand {
            inputs::is_triggered(&store, job, &chosen)?;
        }
        Ok(chosen)
    }

    async fn build(
        &self,
        job: &Job,
        chosen: Chosen,
        interrupt: &Interrupt,
    ) -> Result<BuildReport, RunnerError> {
        let (started_at, clock) = (Timestamp::now(), Instant::now());
        let name = job.name.text.as_str();
        let (number, dir) = self.world.store().start_build(name, &chosen, started_at)?;
        progress::build_started(number);
        let build = Arc::new(Build::new(
            self.world.clone(),
            name,
            number,
            dir.clone(),
            chosen.inputs,
        ));
        let scope = Scope::new(build.clone(), interrupt.part());
        let status = build::run_plan(job, &scope).await;
        self.world.store().end_build(name, number, status)?;
        let steps = build.reports();
        let report = BuildReport {
            job: name.to_owned(),
            number,
            status,
            steps,
            dir,
            started_at,
            took: clock.elapsed(),
        };
        progress::build_ended(&report);
        Ok(report)
    }

    /// The pipeline, as it was read.
    pub fn pipeline(&self) -> &Pipeline {
        &self.world.pipeline
    }
}

fn takes_every(job: &Job) -> bool {
    inputs::gets(job)
        .iter()
        .any(|get| get.version == VersionChoice::Every)
}

fn known_jobs(pipeline: &Pipeline, jobs: &[String]) -> Result<(), RunnerError> {
    let unknown: Vec<&str> = jobs
        .iter()
        .filter(|name| pipeline.job(name).is_none())
        .map(String::as_str)
        .collect();
    if unknown.is_empty() {
        return Ok(());
    }
    let known: Vec<&str> = pipeline
        .jobs
        .iter()
        .map(|job| job.name.text.as_str())
        .collect();
    Err(RunnerError::Option(format!(
        "--job {}: the pipeline has the jobs {}",
        unknown.join(", "),
        known.join(", ")
    )))
}

/// `--job` is what a person does with the button of a job's page, and that may be taken away
/// (`atc/api/jobserver/create_build.go`: 409).
fn may_be_started(pipeline: &Pipeline, jobs: &[String]) -> Result<(), RunnerError> {
    let closed = |name: &&String| {
        let job = pipeline.job(name);
        job.is_some_and(|job| job.disable_manual_trigger)
    };
    match jobs.iter().find(closed) {
        None => Ok(()),
        Some(name) => Err(RunnerError::Option(format!(
            "--job {name}: the job has `disable_manual_trigger: true`, nobody may start it by hand; run without --job, and it \
             is built when an input triggers it"
        ))),
    }
}

/// The state folder when nobody names one.
pub const DEFAULT_STATE: &str = ".trireme";
