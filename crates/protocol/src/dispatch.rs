//! A whole resource program: which step is asked for, its input, its end.

use std::future::Future;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use serde::Serialize;
use serde_json::{Value, json};
use tokio::signal::unix::{SignalKind, signal};

use crate::decode::{self, Request};
use crate::redact::{self, MASK, redact};
use crate::staging::Staging;
use crate::{Exit, Fault, Metadata, Outcome, Resource, Step, schema};

/// What the program was asked to do.
#[derive(Debug, PartialEq, Eq)]
enum Call {
    Check,
    Get(PathBuf),
    Put(PathBuf),
    Schema,
    Version,
    Help,
}

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
    let end = match call::<R>(arguments) {
        Ok(Call::Help) => Ok(Some(Value::from(help::<R>()))),
        Ok(Call::Version) => Ok(Some(Value::from(format!(
            "trireme-{} {}",
            R::NAME,
            R::RELEASE
        )))),
        Ok(Call::Schema) => Ok(Some(schema::<R>())),
        Ok(step) => run_step(&resource, step),
        Err(fault) => Err(fault.into()),
    };
    let exit = match end {
        Ok(Some(value)) => finish(&value),
        Ok(None) => Exit::Denied,
        Err(error) => {
            report(&error);
            Exit::of(&error)
        }
    };
    ExitCode::from(exit as u8)
}

fn call<R: Resource>(arguments: &[String]) -> Result<Call, Fault> {
    let program = arguments.first().map(String::as_str).unwrap_or_default();
    let name = Path::new(program)
        .file_name()
        .and_then(|name| name.to_str())
        .unwrap_or_default();
    let rest: Vec<&str> = arguments.iter().skip(1).map(String::as_str).collect();
    match (name, rest.as_slice()) {
        ("check", []) => Ok(Call::Check),
        ("in", [dir]) => Ok(Call::Get(dir.into())),
        ("out", [dir]) => Ok(Call::Put(dir.into())),
        ("check" | "in" | "out", _) => Err(Fault::usage(format!(
            "{program}: wrong arguments {rest:?}; expected `check`, `in DIR` or `out DIR`"
        ))),
        (_, ["check"]) => Ok(Call::Check),
        (_, ["in", dir]) => Ok(Call::Get(dir.into())),
        (_, ["out", dir]) => Ok(Call::Put(dir.into())),
        (_, ["schema"]) => Ok(Call::Schema),
        (_, ["--version" | "-V"]) => Ok(Call::Version),
        (_, ["--help" | "-h" | "help"]) => Ok(Call::Help),
        _ => Err(Fault::usage(format!(
            "{program} {rest:?} is not a call of trireme-{}\n{}",
            R::NAME,
            help::<R>()
        ))),
    }
}

fn help<R: Resource>() -> String {
    let name = R::NAME;
    let [concourse, hand, schema] = [
        "/opt/resource/check | in DIR | out DIR".to_owned(),
        format!("trireme-{name} check | in DIR | out DIR"),
        format!("trireme-{name} schema"),
    ];
    let width = concourse.len().max(hand.len());
    format!(
        "trireme-{name} {}: a Concourse resource.

  {concourse:width$}  as Concourse calls it
  {hand:width$}  the same, by hand
  {schema:width$}  JSON Schema of source, version and params
  trireme-{name} --version | --help

Each step reads one JSON object with `source`, `version` and `params` from standard input and writes one JSON value to
standard output.
Exit codes: 0 done, 1 failed (may pass on retry), 2 denied, 64 wrong call, 65 malformed input,
75 interrupted (call again to resume), 78 bad or unknown key in source or params.",
        R::RELEASE
    )
}

/// Runs one step to its JSON value; `None` is a deny that was already reported.
fn run_step<R: Resource>(resource: &R, call: Call) -> anyhow::Result<Option<Value>> {
    learn_proxies();
    let request = decode::request(std::io::stdin().lock())?;
    let step = Step::new(request.debug());
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    let end = runtime.block_on(async {
        match call {
            Call::Get(dir) => get(resource, &step, &request, &dir).await,
            Call::Put(dir) => put(resource, &step, &request, &dir).await,
            _ => check(resource, &step, &request).await.map(Some),
        }
    });
    // A blocking read that nobody waits for must not keep the program past its end.
    runtime.shutdown_background();
    end
}

/// The proxies of the worker may have passwords (`atc/worker/gardenruntime/worker.go` hands them on in lower case).
fn learn_proxies() {
    for (name, value) in std::env::vars_os() {
        if name
            .to_ascii_lowercase()
            .to_string_lossy()
            .ends_with("_proxy")
        {
            redact::learn_url(&value.to_string_lossy());
        }
    }
}

async fn check<R: Resource>(resource: &R, step: &Step, request: &Request) -> anyhow::Result<Value> {
    let source = request.source::<R::Source>()?;
    let version = request.version::<R::Version>()?;
    let versions = interruptible::<R, _>(step, resource.check(step, source, version)).await?;
    let versions: anyhow::Result<Vec<Value>> = versions.iter().map(flat).collect();
    Ok(Value::Array(versions?))
}

async fn get<R: Resource>(
    resource: &R,
    step: &Step,
    request: &Request,
    destination: &Path,
) -> anyhow::Result<Option<Value>> {
    let source = request.source::<R::Source>()?;
    let params = request.params::<R::GetParams>()?;
    let version = request
        .version::<R::Version>()?
        .ok_or_else(|| Fault::data("the request has no `version`; `in` needs the one to fetch"))?;
    let staging = Staging::new(destination).map_err(|error| {
        let destination = destination.display();
        let message =
            format!("could not prepare {destination}; is it a folder that this user may write?");
        Fault::operational(message).because(error)
    })?;
    let work = resource.get(step, source, version, params, staging.path());
    let outcome = interruptible::<R, _>(step, work).await?;
    // An answer that cannot be given must not leave files that look complete.
    let answer = ended(step, &outcome)?;
    staging.publish().map_err(|error| {
        Fault::operational(format!(
            "could not move files into {}",
            destination.display()
        ))
        .because(error)
    })?;
    Ok(answer)
}

async fn put<R: Resource>(
    resource: &R,
    step: &Step,
    request: &Request,
    dir: &Path,
) -> anyhow::Result<Option<Value>> {
    let source = request.source::<R::Source>()?;
    let params = request.params::<R::PutParams>()?;
    let outcome = interruptible::<R, _>(step, resource.put(step, source, params, dir)).await?;
    ended(step, &outcome)
}

fn ended<V: Serialize>(step: &Step, outcome: &Outcome<V>) -> anyhow::Result<Option<Value>> {
    if let Some(reason) = &outcome.denied {
        step.error("denied", reason);
        return Ok(None);
    }
    let shown = |line: &Metadata| json!({"name": redact(&line.name), "value": redact(&line.value)});
    let metadata: Vec<Value> = outcome.metadata.iter().map(shown).collect();
    Ok(Some(
        json!({"version": flat(&outcome.version)?, "metadata": metadata}),
    ))
}

/// A version as Concourse takes it: at least one key, every value a non-empty string (`atc/resource_types.go`).
fn flat<V: Serialize>(version: &V) -> anyhow::Result<Value> {
    let value = serde_json::to_value(version)?;
    let members = value.as_object().filter(|members| !members.is_empty());
    let all_text = |members: &serde_json::Map<String, Value>| {
        members
            .values()
            .all(|member| member.as_str().is_some_and(|text| !text.is_empty()))
    };
    let text = value.to_string();
    if redact(&text) != text {
        return Err(leak(&text).into());
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
fn leak(text: &str) -> Fault {
    Fault::operational(format!(
        "the answer holds a secret of the source (shown as {MASK}): {text}"
    ))
}

/// Ends `work` on SIGTERM or SIGINT, after [`Resource::GRACE`].
async fn interruptible<R: Resource, T>(
    step: &Step,
    work: impl Future<Output = anyhow::Result<T>>,
) -> anyhow::Result<T> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut work = std::pin::pin!(work);
    tokio::select! {
        end = &mut work => return end,
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    step.cancel();
    tokio::select! {
        end = &mut work => end,
        () = tokio::time::sleep(R::GRACE) => Err(Fault::interrupted(
            "interrupted by a signal; the same call again goes on from here"
        ).into()),
    }
}

/// The one place that writes standard output: one JSON value (or the text of `--help` and `--version`).
fn finish(value: &Value) -> Exit {
    let text = match value {
        Value::String(text) => text.clone(),
        value => value.to_string(),
    };
    if redact(&text) != text {
        report(&leak(&text).into());
        return Exit::Operational;
    }
    let written = std::io::stdout()
        .lock()
        .write_all(format!("{text}\n").as_bytes());
    match written.and_then(|()| std::io::stdout().flush()) {
        Ok(()) => Exit::Done,
        Err(error) => {
            report(&anyhow::Error::new(error).context("could not write standard output"));
            Exit::Operational
        }
    }
}

/// Prints the chain of an error, outermost first.
fn report(error: &anyhow::Error) {
    let step = Step::new(false);
    let mut lines: Vec<String> = Vec::new();
    for cause in error.chain().map(ToString::to_string) {
        if lines.last() != Some(&cause) {
            lines.push(cause);
        }
    }
    step.error("error", lines.join("\n  because: "));
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Nothing;

    #[derive(serde::Deserialize, serde::Serialize, schemars::JsonSchema, Clone)]
    struct Empty {}

    impl Resource for Nothing {
        const NAME: &'static str = "nothing";
        type Source = Empty;
        type Version = Empty;
        type GetParams = Empty;
        type PutParams = Empty;

        async fn check(&self, _: &Step, _: Empty, _: Option<Empty>) -> anyhow::Result<Vec<Empty>> {
            Ok(Vec::new())
        }

        async fn get(
            &self,
            _: &Step,
            _: Empty,
            _: Empty,
            _: Empty,
            _: &Path,
        ) -> anyhow::Result<Outcome<Empty>> {
            Ok(Outcome::new(Empty {}))
        }

        async fn put(
            &self,
            _: &Step,
            _: Empty,
            _: Empty,
            _: &Path,
        ) -> anyhow::Result<Outcome<Empty>> {
            Ok(Outcome::new(Empty {}))
        }
    }

    fn called(words: &str) -> Result<Call, Exit> {
        let words: Vec<String> = words.split(' ').map(str::to_owned).collect();
        call::<Nothing>(&words).map_err(|fault| fault.exit())
    }

    #[test]
    fn the_step_follows_from_argv() {
        assert_eq!(called("/opt/resource/check"), Ok(Call::Check));
        assert_eq!(
            called("/opt/resource/in /tmp/build/get"),
            Ok(Call::Get("/tmp/build/get".into()))
        );
        assert_eq!(
            called("/opt/resource/out /tmp/build/put"),
            Ok(Call::Put("/tmp/build/put".into()))
        );
        assert_eq!(called("trireme-nothing in d"), Ok(Call::Get("d".into())));
        assert_eq!(called("trireme-nothing schema"), Ok(Call::Schema));
        assert_eq!(called("/opt/resource/in"), Err(Exit::Usage));
        assert_eq!(called("/opt/resource/chek"), Err(Exit::Usage));
        assert_eq!(called("trireme-nothing out"), Err(Exit::Usage));
    }

    #[test]
    fn a_version_is_flat_text() {
        assert!(flat(&json!({"a": "1"})).is_ok());
        for bad in [
            json!({}),
            json!({"a": 1}),
            json!({"a": ""}),
            json!([]),
            json!({"a": {"b": "c"}}),
        ] {
            assert!(flat(&bad).is_err(), "{bad}");
        }
    }
}
