//! Concourse's wire to a resource: one JSON object on standard input, one JSON value on standard output
//! (`atc/resource/resource.go`, `atc/resource_types.go`).

use crate::child::{self, Program};
use crate::error_tail::ErrorTail;
use crate::interrupt::Interrupt;
use crate::progress;
use crate::report::{Metadatum, Version};
use serde::Deserialize;
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::Path;

/// What a resource is asked.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Verb<'d> {
    /// Which versions are there?
    Check,
    /// Fetch a version into the folder.
    In(&'d Path),
    /// Make a version from the folder.
    Out(&'d Path),
}

/// One call of a resource.
pub(crate) struct Call<'c> {
    pub command: &'c [OsString],
    pub verb: Verb<'c>,
    pub source: &'c Map<String, Value>,
    pub version: Option<&'c Version>,
    pub params: Option<&'c Value>,
    pub env: Vec<(String, String)>,
}

/// How a call ended. "Could not be asked" is the error of the functions below.
#[derive(Debug)]
pub(crate) enum Reply<T> {
    Answer(T),
    /// The program ended with this code, and said this about it.
    Refused {
        code: i32,
        said: String,
    },
    /// It was told to end before it had answered, and said this.
    Interrupted {
        said: String,
    },
}

/// What `in` and `out` answer.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Fetched {
    pub version: Version,
    pub metadata: Vec<Metadatum>,
}

#[derive(Deserialize)]
struct FetchedWire {
    version: Option<Version>,
    metadata: Option<Vec<Metadatum>>,
}

/// Asks for versions, oldest first.
///
/// # Errors
/// A reason: the program could not be started, or its answer is none.
pub(crate) async fn check(
    call: Call<'_>,
    interrupt: &Interrupt,
    line: &(dyn Fn(&str) + Sync),
) -> Result<Reply<Vec<Version>>, String> {
    ask(call, interrupt, line, versions).await
}

/// Asks for `in` or `out`.
///
/// # Errors
/// A reason: the program could not be started, or its answer is none.
pub(crate) async fn fetch(
    call: Call<'_>,
    interrupt: &Interrupt,
    line: &(dyn Fn(&str) + Sync),
) -> Result<Reply<Fetched>, String> {
    ask(call, interrupt, line, fetched).await
}

async fn ask<T>(
    call: Call<'_>,
    interrupt: &Interrupt,
    line: &(dyn Fn(&str) + Sync),
    parse: impl Fn(&[u8]) -> Result<T, String>,
) -> Result<Reply<T>, String> {
    let error_tail = std::sync::Mutex::new(ErrorTail::default());
    let keep = |text: &str| {
        if let Ok(mut words) = error_tail.lock() {
            // Programs write colours without a terminal; a reason is plain text.
            words.hear(&progress::clean(text, false));
        }
        line(text);
    };
    let name = call
        .command
        .first()
        .map(|word| word.to_string_lossy().into_owned())
        .unwrap_or_default();
    let program = program(&call)?;
    let ended = child::run(program, interrupt, &keep).await;
    let ended = ended.map_err(|error| format!("cannot run {name}: {error}"))?;
    if ended.code == 0 {
        return parse(&ended.stdout).map(Reply::Answer);
    }
    let said = error_tail.into_inner().unwrap_or_default().said();
    if ended.interrupted {
        return Ok(Reply::Interrupted { said });
    }
    Ok(Reply::Refused {
        code: ended.code,
        said,
    })
}

fn program(call: &Call<'_>) -> Result<Program, String> {
    let mut command = call.command.to_vec();
    match call.verb {
        Verb::Check => command.push("check".into()),
        Verb::In(dir) => command.extend(["in".into(), dir.into()]),
        Verb::Out(dir) => command.extend(["out".into(), dir.into()]),
    }
    // Concourse leaves absent what is not given ("omitempty").
    let mut request = Map::from_iter([("source".to_owned(), Value::Object(call.source.clone()))]);
    if let Some(version) = call.version {
        request.insert("version".to_owned(), serde_json::json!(version));
    }
    if let Some(params) = call.params {
        request.insert("params".to_owned(), params.clone());
    }
    let stdin = serde_json::to_vec(&request).map_err(|error| error.to_string())?;
    Ok(Program {
        command,
        env: call.env.clone(),
        dir: "/".into(),
        stdin,
        answers: true,
    })
}

/// The first JSON value; what follows is ignored, as in Concourse. Nothing at all is none.
fn first<T: for<'d> Deserialize<'d>>(stdout: &[u8]) -> Result<Option<T>, String> {
    let mut values = serde_json::Deserializer::from_slice(stdout).into_iter::<T>();
    values
        .next()
        .transpose()
        .map_err(|error| format!("the resource's answer cannot be read: {error}"))
}

fn versions(stdout: &[u8]) -> Result<Vec<Version>, String> {
    let versions = first::<Option<Vec<Version>>>(stdout)?
        .flatten()
        .unwrap_or_default();
    versions.into_iter().map(known).collect()
}

fn fetched(stdout: &[u8]) -> Result<Fetched, String> {
    let wire = first::<FetchedWire>(stdout)?;
    let null = || "the resource gave a null version".to_owned();
    let wire = wire.ok_or_else(null)?;
    let version = known(wire.version.ok_or_else(null)?)?;
    Ok(Fetched {
        version,
        metadata: wire.metadata.unwrap_or_default(),
    })
}

/// Concourse refuses an empty version (`atc/db/resource_config_scope.go`).
fn known(version: Version) -> Result<Version, String> {
    if version.is_empty() {
        return Err("the resource gave a version without any key".to_owned());
    }
    Ok(version)
}

/// The proxies of this host under the names that Concourse gives them, which are in lower case
/// (`atc/worker/gardenruntime/worker.go`). A person may have them in upper case, which comes first as in `transport`.
pub(crate) fn proxies() -> impl Iterator<Item = (String, String)> {
    const NAMES: [&str; 4] = ["http_proxy", "https_proxy", "all_proxy", "no_proxy"];
    NAMES.iter().filter_map(|name| {
        let upper = std::env::var(name.to_ascii_uppercase());
        let value = upper.or_else(|_| std::env::var(name)).ok()?;
        Some(((*name).to_owned(), value))
    })
}

/// The environment of `in` and `out`, and that of `check` without a build.
pub(crate) fn environment(build: Option<(&str, &str, u64)>) -> Vec<(String, String)> {
    const PASSED_ON: [&str; 4] = ["PATH", "LANG", "SSL_CERT_FILE", "SSL_CERT_DIR"];
    let passed = PASSED_ON
        .iter()
        .filter_map(|name| Some(((*name).to_owned(), std::env::var(name).ok()?)));
    let mut env: BTreeMap<String, String> = passed.chain(proxies()).collect();
    if let Some((pipeline, job, number)) = build {
        let number = number.to_string();
        let pairs = [
            ("BUILD_ID", number.as_str()),
            ("BUILD_NAME", number.as_str()),
            ("BUILD_JOB_NAME", job),
            ("BUILD_PIPELINE_NAME", pipeline),
            ("BUILD_TEAM_NAME", "main"),
        ];
        env.extend(pairs.map(|(name, value)| (name.to_owned(), value.to_owned())));
    }
    env.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_read_as_concourse_reads_them() {
        let version = |pairs: &[(&str, &str)]| -> Version {
            pairs
                .iter()
                .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
                .collect()
        };
        assert_eq!(versions(b""), Ok(vec![]));
        assert_eq!(versions(b"null"), Ok(vec![]));
        assert_eq!(
            versions(br#"[{"a":"1"}] trailing"#),
            Ok(vec![version(&[("a", "1")])])
        );
        assert!(versions(br#"[{"a":1}]"#).is_err());
        assert!(versions(b"[{}]").is_err());
        assert!(versions(b"oops").is_err());
        let expected = Fetched {
            version: version(&[("a", "1")]),
            metadata: vec![],
        };
        assert_eq!(fetched(br#"{"version":{"a":"1"}}"#), Ok(expected));
        assert!(
            fetched(br#"{"version":null}"#)
                .unwrap_err()
                .contains("null version")
        );
        assert!(fetched(b"").unwrap_err().contains("null version"));
    }
}
