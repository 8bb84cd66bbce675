//! One step by itself: `trireme check|get|put FILE RESOURCE`. Nothing of it is remembered.

use crate::catalogue::Catalogue;
use crate::error::RunnerError;
use crate::interrupt::Interrupt;
use crate::load;
use crate::progress;
use crate::report::{StepKind, Version};
use crate::service::{self, LocalInputs, Service};
use crate::vars::Vars;
use crate::wire::{self, Call, Fetched, Reply, Verb};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use tracing::Instrument as _;
use trireme_protocol::redact;

/// Which resource of which pipeline.
#[derive(Debug, Clone, Default)]
pub struct SingleOptions {
    /// The pipeline.
    pub file: PathBuf,
    /// Values for its `((vars))`.
    pub vars: Vars,
    /// Content and types that a person supplies.
    pub supply: LocalInputs,
    /// The linked resources.
    pub catalogue: Catalogue,
    /// The resource.
    pub resource: String,
}

/// What to do with it.
#[derive(Debug, Clone)]
pub enum Single {
    /// Ask for versions.
    Check {
        /// The version from which to look on.
        from: Option<Version>,
    },
    /// Fetch a version.
    Get {
        /// The version; the newest that check finds when absent.
        version: Option<Version>,
        /// What the resource is told.
        params: Option<Value>,
        /// Where the files go.
        dir: PathBuf,
    },
    /// Make a version.
    Put {
        /// What the resource is told.
        params: Option<Value>,
        /// The folder that holds the artifacts which the params name.
        dir: PathBuf,
    },
}

/// What the resource said.
#[derive(Debug, Clone, PartialEq)]
pub struct Said {
    /// Its answer, as it would go to Concourse; none when it refused.
    pub answer: Option<Value>,
    /// Its exit code; 75 when it was interrupted.
    pub exit: i32,
}

/// Runs one step.
///
/// # Errors
/// The pipeline is not right, has no such resource, or its resource cannot be run or gives no answer.
pub async fn run_single(
    options: &SingleOptions,
    single: &Single,
    interrupt: &Interrupt,
) -> Result<Said, RunnerError> {
    options
        .vars
        .secrets()
        .iter()
        .for_each(|secret| redact::register_secret(secret));
    let service = find(options)?;
    let Service::Linked { command, .. } = &service else {
        let message = format!(
            "{} is given as a folder or a time: there is nothing to call",
            options.resource
        );
        return Err(RunnerError::Option(message));
    };
    service
        .secrets()
        .iter()
        .for_each(|secret| redact::register_secret(secret));
    let caller = Caller {
        service: &service,
        command,
        resource: &options.resource,
        interrupt,
    };
    match single {
        Single::Check { from } => caller.check(from.as_ref()).await,
        Single::Get {
            version: Some(version),
            params,
            dir,
        } => caller.get(version, params.as_ref(), dir).await,
        Single::Get {
            version: None,
            params,
            dir,
        } => caller.get_newest(params.as_ref(), dir).await,
        Single::Put { params, dir } => {
            let dir = dir.canonicalize().map_err(RunnerError::io("read", dir))?;
            caller
                .fetch(StepKind::Put, Verb::Out(&dir), None, params.as_ref())
                .await
        }
    }
}

fn find(options: &SingleOptions) -> Result<Service, RunnerError> {
    let (pipeline, _) = load::pipeline(
        &options.file,
        &options.vars,
        &options.catalogue,
        &options.supply,
    )?;
    let Some(resource) = pipeline.resource(&options.resource) else {
        let known: Vec<&str> = pipeline
            .resources
            .iter()
            .map(|resource| resource.name.text.as_str())
            .collect();
        let message = format!(
            "no resource `{}`; the pipeline has {}",
            options.resource,
            known.join(", ")
        );
        return Err(RunnerError::Option(message));
    };
    service::resolve(&pipeline, resource, &options.catalogue, &options.supply)
        .map_err(|unserved| RunnerError::Option(unserved.problem().message))
}

struct Caller<'c> {
    service: &'c Service,
    command: &'c [std::ffi::OsString],
    resource: &'c str,
    interrupt: &'c Interrupt,
}

impl Caller<'_> {
    async fn check(&self, from: Option<&Version>) -> Result<Said, RunnerError> {
        let source = self.service.source();
        let call = self.call(Verb::Check, &source, from, None);
        let reply = wire::check(call, self.interrupt, &progress::program_line);
        let reply = reply.instrument(self.span(StepKind::Check)).await;
        said(reply, |versions| json!(versions))
    }

    async fn get(
        &self,
        version: &Version,
        params: Option<&Value>,
        dir: &Path,
    ) -> Result<Said, RunnerError> {
        std::fs::create_dir_all(dir).map_err(RunnerError::io("create", dir))?;
        let dir = dir.canonicalize().map_err(RunnerError::io("read", dir))?;
        self.fetch(StepKind::Get, Verb::In(&dir), Some(version), params)
            .await
    }

    async fn get_newest(&self, params: Option<&Value>, dir: &Path) -> Result<Said, RunnerError> {
        let found = self.check(None).await?;
        let Some(answer) = &found.answer else {
            return Ok(found);
        };
        let newest = answer
            .as_array()
            .and_then(|versions| versions.last())
            .cloned();
        let newest = newest.and_then(|version| serde_json::from_value::<Version>(version).ok());
        let none = || {
            RunnerError::Step(format!(
                "{}: check found no version to get; name one with --version KEY=VALUE",
                self.resource
            ))
        };
        self.get(&newest.ok_or_else(none)?, params, dir).await
    }

    async fn fetch(
        &self,
        kind: StepKind,
        verb: Verb<'_>,
        version: Option<&Version>,
        params: Option<&Value>,
    ) -> Result<Said, RunnerError> {
        let source = self.service.source();
        let call = self.call(verb, &source, version, params);
        let reply = wire::fetch(call, self.interrupt, &progress::program_line);
        let reply = reply.instrument(self.span(kind)).await;
        said(
            reply,
            |Fetched { version, metadata }| json!({"version": version, "metadata": metadata}),
        )
    }

    fn call<'c>(
        &'c self,
        verb: Verb<'c>,
        source: &'c serde_json::Map<String, Value>,
        version: Option<&'c Version>,
        params: Option<&'c Value>,
    ) -> Call<'c> {
        Call {
            command: self.command,
            verb,
            source,
            version,
            params,
            env: wire::environment(None),
        }
    }

    fn span(&self, kind: StepKind) -> tracing::Span {
        progress::step("trireme", kind, self.resource)
    }
}

fn said<T>(
    reply: Result<Reply<T>, String>,
    show: impl Fn(T) -> Value,
) -> Result<Said, RunnerError> {
    match reply.map_err(RunnerError::Step)? {
        Reply::Answer(answer) => Ok(Said {
            answer: Some(show(answer)),
            exit: 0,
        }),
        Reply::Refused { code, .. } => Ok(Said {
            answer: None,
            exit: code,
        }),
        Reply::Interrupted { .. } => Ok(Said {
            answer: None,
            exit: 75,
        }),
    }
}
