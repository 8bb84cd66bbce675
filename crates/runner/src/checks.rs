//! Checks: which resources are asked for versions, and when. A resource is asked before a job that gets
//! it freely, once per run, and again after a put: a put changes the world, and Concourse would have
//! checked in the meantime.

use crate::build::World;
use crate::error::RunnerError;
use crate::interrupt::Interrupt;
use crate::pipeline::{Get, Job, VersionChoice};
use crate::report::{BuildReport, Status, StepKind, StepReport, Version};
use crate::service::Service;
use crate::wire::{self, Call, Reply, Verb};
use crate::{clock, files, inputs, progress};
use jiff::Timestamp;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tracing::Instrument as _;
use trireme_protocol::redact::redact;

/// Concourse's default for `check_timeout`.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(3600);

/// What has been checked in this run.
pub(crate) struct Checks {
    world: Arc<World>,
    done: BTreeSet<String>,
}

impl Checks {
    /// Compares the configuration of each resource with that of the last run.
    pub fn new(world: &Arc<World>) -> Result<Self, RunnerError> {
        for (resource, service) in &world.services {
            world.store().set_config(resource, service.fingerprint());
        }
        Ok(Self {
            world: world.clone(),
            done: BTreeSet::new(),
        })
    }

    /// Asks for the versions that a job needs. Gives the check that failed, if one did.
    pub async fn for_job(
        &mut self,
        job: &Job,
        interrupt: &Interrupt,
    ) -> Result<Option<StepReport>, RunnerError> {
        for get in inputs::gets(job) {
            let resource = get.resource.text.as_str();
            // What has passed a job was found by it.
            if get.passed.is_empty() && !self.done.contains(resource) {
                let failed = self.check(job, get, interrupt).await?;
                if failed.is_some() {
                    return Ok(failed);
                }
                self.done.insert(resource.to_owned());
            }
        }
        Ok(None)
    }

    /// Forgets what was asked, when the build has put something.
    pub fn after(&mut self, report: &BuildReport) {
        if report.steps.iter().any(|step| step.kind == StepKind::Put) {
            self.done.clear();
        }
    }

    async fn check(
        &self,
        job: &Job,
        get: &Get,
        interrupt: &Interrupt,
    ) -> Result<Option<StepReport>, RunnerError> {
        let resource = get.resource.text.as_str();
        let Some(service) = self.world.services.get(resource) else {
            return Ok(None);
        };
        let span = progress::step(&job.name.text, StepKind::Check, resource);
        let report = self.report(get, service, interrupt);
        let (report, versions) = report.instrument(span).await;
        if report.status != Status::Succeeded {
            return Ok(Some(report));
        }
        self.world.store().add_versions(resource, versions)?;
        Ok(None)
    }

    /// Asks inside of the span of a check; gives what was found beside the report.
    async fn report(
        &self,
        get: &Get,
        service: &Service,
        interrupt: &Interrupt,
    ) -> (StepReport, Vec<Version>) {
        let resource = get.resource.text.as_str();
        progress::step_started();
        let (started_at, clock) = (Timestamp::now(), Instant::now());
        let last = self.last(get, service);
        let configured = self.world.pipeline.resource(resource);
        let limit = configured
            .and_then(|resource| resource.check_timeout)
            .unwrap_or(DEFAULT_TIMEOUT);
        let part = interrupt.part();
        let asked = self.ask(service, last.as_ref(), &part);
        let (asked, _) = part.limit(limit, asked).await;
        let found = Found::new(asked, interrupt, limit);
        let report = StepReport {
            kind: StepKind::Check,
            name: resource.to_owned(),
            path: format!("check {resource}"),
            resource: Some(resource.to_owned()),
            linked: service.linked().map(str::to_owned),
            version: found.versions.last().cloned(),
            metadata: Vec::new(),
            dir: None,
            cached: false,
            status: found.status,
            exit: found.exit,
            reason: found.reason.as_deref().map(redact),
            started_at,
            took: clock.elapsed(),
        };
        progress::step_ended(&report);
        (report, found.versions)
    }

    /// The version from which to look on: a pinned one, or the newest known.
    fn last(&self, get: &Get, service: &Service) -> Option<Version> {
        let name = get.resource.text.as_str();
        let store = self.world.store();
        let known = store.versions(name);
        let pin = match (
            self.world.pipeline.resource(name)?.version.as_ref(),
            &get.version,
        ) {
            (Some(pin), _) | (None, VersionChoice::Pinned(pin)) => pin,
            _ => return known.last().cloned(),
        };
        let found = known
            .iter()
            .rev()
            .find(|version| inputs::is_pinned(version, pin));
        // A pin that names a part of a version is nothing that a resource could look on from.
        found
            .or_else(|| service.is_whole(pin).then_some(pin))
            .cloned()
    }

    async fn ask(
        &self,
        service: &Service,
        last: Option<&Version>,
        interrupt: &Interrupt,
    ) -> Result<Reply<Vec<Version>>, String> {
        let command = match service {
            Service::Linked { command, .. } => command,
            Service::Time { source } => {
                return clock::check(source, last, Timestamp::now()).map(Reply::Answer);
            }
            Service::Unserved(reason) => return Err(reason.clone()),
            Service::Folder(dir) => {
                let digest = files::digest(dir).map_err(|error| error.to_string())?;
                return Ok(Reply::Answer(vec![Version::from([(
                    "content".to_owned(),
                    digest,
                )])]));
            }
        };
        let source = service.source();
        let env = wire::environment(None);
        let call = Call {
            command,
            verb: Verb::Check,
            source: &source,
            version: last,
            params: None,
            env,
        };
        wire::check(call, interrupt, &progress::program_line).await
    }
}

/// What a check found, or why nothing is known.
struct Found {
    versions: Vec<Version>,
    status: Status,
    exit: Option<i32>,
    reason: Option<String>,
}

impl Found {
    fn new(
        asked: Result<Reply<Vec<Version>>, String>,
        interrupt: &Interrupt,
        limit: Duration,
    ) -> Self {
        let nothing = |status, exit, reason| Self {
            versions: Vec::new(),
            status,
            exit,
            reason: Some(reason),
        };
        match asked {
            Ok(Reply::Answer(versions)) => Self {
                versions,
                status: Status::Succeeded,
                exit: Some(0),
                reason: None,
            },
            // To Concourse a check that fails is an error, whatever its exit code: no verdict comes from a check.
            Ok(Reply::Refused { code, said }) => nothing(
                Status::Errored,
                Some(code),
                format!("check failed with exit code {code}: {said}"),
            ),
            Ok(Reply::Interrupted { .. }) if interrupt.is_raised() => {
                nothing(Status::Aborted, None, "interrupted".to_owned())
            }
            Ok(Reply::Interrupted { .. }) => nothing(
                Status::Errored,
                None,
                format!("check took longer than {limit:?} (`check_timeout`)"),
            ),
            Err(reason) => nothing(Status::Errored, None, reason),
        }
    }
}
