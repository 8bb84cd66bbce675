//! A whole resource program: which step is asked for, its input, its end.

use std::io::Write;
use std::path::Path;
use std::process::ExitCode;

use serde::Serialize;
use serde_json::{Value, json};
use tracing::{error, warn};

use crate::call::{Call, call, help};
use crate::decode::{self, Request};
use crate::lines::{self, DebugSwitch, LineLayer};
use crate::redact::{self, MASK, redact};
use crate::staging::Staging;
use crate::stop::{StopSignals, interruptible};
use crate::{Exit, Fault, Metadata, Outcome, Resource, StepContext, schema};

/// Runs a resource program: argv, standard input, standard output, standard error, exit code.
pub fn main<R: Resource>(resource: R) -> ExitCode {
    let arguments: Vec<String> = std::env::args_os()
        .map(|argument| argument.to_string_lossy().into_owned())
        .collect();
    main_with(resource, &arguments)
}

/// Runs a resource program as if it had been called with these arguments, the first of which is its name: for a program
/// that has several resources linked in.
pub fn main_with<R: Resource>(resource: R, arguments: &[String]) -> ExitCode {
    let lines = LineLayer::to_stderr(lines::colour_is_wanted());
    let debug = lines.debug_switch();
    lines.install();
    let end = match call::<R>(arguments) {
        Ok(Call::Help) => Ok(Some(Value::from(help::<R>()))),
        Ok(Call::Version) => Ok(Some(Value::from(format!(
            "trireme-{} {}",
            R::NAME,
            R::RELEASE
        )))),
        Ok(Call::Schema) => Ok(Some(schema::<R>())),
        Ok(step) => run_step(&resource, step, &debug),
        Err(fault) => Err(fault.into()),
    };
    let exit = match end {
        Ok(Some(value)) => write_answer(&value),
        Ok(None) => Exit::Denied,
        Err(error) => {
            log_error(&error);
            Exit::of(&error)
        }
    };
    ExitCode::from(exit as u8)
}

/// Runs one step to its JSON value; `None` is a deny that was already reported.
fn run_step<R: Resource>(
    resource: &R,
    call: Call,
    debug: &DebugSwitch,
) -> anyhow::Result<Option<Value>> {
    register_proxies();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    let end = runtime.block_on(async {
        let mut stop = StopSignals::new()?;
        let request = read_request(&mut stop).await?;
        debug.set(request.debug());
        let mut running = RunningStep {
            step: StepContext::new(),
            request,
            stop,
        };
        match call {
            Call::Get(dir) => get(resource, &mut running, &dir).await,
            Call::Put(dir) => put(resource, &mut running, &dir).await,
            _ => check(resource, &mut running).await.map(Some),
        }
    });
    // A blocking read that nobody waits for must not keep the program past its end.
    runtime.shutdown_background();
    end
}

/// Reads standard input; a signal that comes before its end is an interruption too.
async fn read_request(stop: &mut StopSignals) -> anyhow::Result<Request> {
    let read = tokio::task::spawn_blocking(|| decode::request(std::io::stdin().lock()));
    tokio::select! {
        request = read => Ok(request??),
        () = stop.received() => Err(Fault::interrupted("interrupted by a signal before anything was done").into()),
    }
}

/// The proxies of the worker may have passwords (`atc/worker/gardenruntime/worker.go` hands them on in lower case).
fn register_proxies() {
    for (name, value) in std::env::vars_os() {
        if name
            .to_ascii_lowercase()
            .to_string_lossy()
            .ends_with("_proxy")
        {
            redact::register_url(&value.to_string_lossy());
        }
    }
}

/// The step that runs: its input, what a resource is handed, and the signals that end it.
struct RunningStep {
    request: Request,
    step: StepContext,
    stop: StopSignals,
}

async fn check<R: Resource>(resource: &R, running: &mut RunningStep) -> anyhow::Result<Value> {
    let RunningStep {
        request,
        step,
        stop,
    } = running;
    let source = request.source::<R::Source>()?;
    let version = last_version::<R>(request);
    let versions = interruptible::<R, _>(step, stop, resource.check(step, source, version)).await?;
    let versions: anyhow::Result<Vec<Value>> = versions.iter().map(version_to_json).collect();
    Ok(Value::Array(versions?))
}

/// The version from which to look on. Concourse hands the last one to `check` whatever it is; one that fails on it fails for
/// good, once a minute.
fn last_version<R: Resource>(request: &Request) -> Option<R::Version> {
    let validated = |version: R::Version| R::validate_version(&version).map(|()| version);
    let found = request.version::<R::Version>();
    let found = found.and_then(|version| version.map(validated).transpose());
    found.unwrap_or_else(|fault| {
        let reason = format!("{:#}", anyhow::Error::new(fault));
        warn!(
            object = "version",
            "not understood, so that the check begins without one: {reason}"
        );
        None
    })
}

async fn get<R: Resource>(
    resource: &R,
    running: &mut RunningStep,
    destination: &Path,
) -> anyhow::Result<Option<Value>> {
    let RunningStep {
        request,
        step,
        stop,
    } = running;
    let source = request.source::<R::Source>()?;
    let params = request.params::<R::GetParams>()?;
    let version = request
        .version::<R::Version>()?
        .ok_or_else(|| Fault::data("the request has no `version`; `in` needs the one to fetch"))?;
    let staging = Staging::new(destination).map_err(|error| {
        let destination = destination.display();
        let message =
            format!("could not prepare {destination}; is it a folder that this user may write?");
        Fault::operational(message).with_source(error)
    })?;
    let work = resource.get(step, source, version, params, staging.path());
    let outcome = interruptible::<R, _>(step, stop, work).await?;
    // An answer that cannot be given must not leave files that look complete.
    let answer = answer_of(&outcome)?;
    staging.publish().map_err(|error| {
        Fault::operational(format!(
            "could not move files into {}",
            destination.display()
        ))
        .with_source(error)
    })?;
    Ok(answer)
}

async fn put<R: Resource>(
    resource: &R,
    running: &mut RunningStep,
    dir: &Path,
) -> anyhow::Result<Option<Value>> {
    let RunningStep {
        request,
        step,
        stop,
    } = running;
    let source = request.source::<R::Source>()?;
    let params = request.params::<R::PutParams>()?;
    let outcome =
        interruptible::<R, _>(step, stop, resource.put(step, source, params, dir)).await?;
    answer_of(&outcome)
}

fn answer_of<V: Serialize>(outcome: &Outcome<V>) -> anyhow::Result<Option<Value>> {
    if let Some(reason) = &outcome.denied {
        error!(object = "denied", "{reason}");
        return Ok(None);
    }
    let shown = |line: &Metadata| json!({"name": redact(&line.name), "value": redact(&line.value)});
    let metadata: Vec<Value> = outcome.metadata.iter().map(shown).collect();
    Ok(Some(
        json!({"version": version_to_json(&outcome.version)?, "metadata": metadata}),
    ))
}

/// A version as Concourse takes it: at least one key, every value a non-empty string (`atc/resource_types.go`).
fn version_to_json<V: Serialize>(version: &V) -> anyhow::Result<Value> {
    let value = serde_json::to_value(version)?;
    let members = value.as_object().filter(|members| !members.is_empty());
    let all_text = |members: &serde_json::Map<String, Value>| {
        members
            .values()
            .all(|member| member.as_str().is_some_and(|text| !text.is_empty()))
    };
    let text = value.to_string();
    if redact(&text) != text {
        return Err(secret_in_answer(&text).into());
    }
    if members.is_some_and(all_text) {
        return Ok(value);
    }
    Err(Fault::operational(format!(
        "version {value} is not a flat map of non-empty strings; this is a bug of the resource"
    ))
    .into())
}

/// Versions are stored and shown by Concourse, so that a secret in one must stop the step instead of being masked.
fn secret_in_answer(text: &str) -> Fault {
    Fault::operational(format!(
        "the answer holds a secret of the source (shown as {MASK}): {text}"
    ))
}

/// The one place that writes standard output: one JSON value (or the text of `--help` and `--version`).
fn write_answer(value: &Value) -> Exit {
    let text = match value {
        Value::String(text) => text.clone(),
        value => value.to_string(),
    };
    if redact(&text) != text {
        log_error(&secret_in_answer(&text).into());
        return Exit::Operational;
    }
    let written = std::io::stdout()
        .lock()
        .write_all(format!("{text}\n").as_bytes());
    match written.and_then(|()| std::io::stdout().flush()) {
        Ok(()) => Exit::Done,
        Err(error) => {
            log_error(&anyhow::Error::new(error).context("could not write standard output"));
            Exit::Operational
        }
    }
}

/// Shows an error and its causes, outermost first.
fn log_error(error: &anyhow::Error) {
    let error: &(dyn std::error::Error + 'static) = error.as_ref();
    error!(object = "error", error);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_flat_text() {
        assert!(version_to_json(&json!({"a": "1"})).is_ok());
        for bad in [
            json!({}),
            json!({"a": 1}),
            json!({"a": ""}),
            json!([]),
            json!({"a": {"b": "c"}}),
        ] {
            assert!(version_to_json(&bad).is_err(), "{bad}");
        }
    }
}
