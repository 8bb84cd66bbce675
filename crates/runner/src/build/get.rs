//! `get`, and the implicit get after a put.

use super::leaf::{StepResult, reported};
use super::{Build, Scope};
use crate::files;
use crate::pipeline::{Get, Step};
use crate::report::{Metadatum, Status, StepKind, Version};
use crate::service::Service;
use crate::store::FetchedRecord;
use crate::wire::{self, Call, Fetched, Verb};
use serde_json::{Map, Value};
use std::path::{Path, PathBuf};

pub(super) async fn run(get: &Get, step: &Step, scope: &Scope) -> Status {
    reported(StepKind::Get, &get.name.text, step, scope, async |ending| {
        let get = scope.reread(&get.node, &step.context, Get::read)?;
        let taken = scope.build.inputs.get(&get.name.text);
        let taken =
            taken.ok_or_else(|| format!("no version was chosen for `{}`", get.name.text))?;
        let params = get.params.as_ref().map(crate::yaml::Node::to_json);
        let what = Wanted {
            name: &get.name.text,
            resource: &get.resource.text,
            version: &taken.version,
        };
        fetch(what, params, scope, ending).await
    })
    .await
}

/// What to fetch.
pub(super) struct Wanted<'w> {
    pub name: &'w str,
    pub resource: &'w str,
    pub version: &'w Version,
}

/// Fetches a version into a new folder, which becomes the artifact.
pub(super) async fn fetch(
    wanted: Wanted<'_>,
    params: Option<Value>,
    scope: &Scope,
    ending: &mut StepResult,
) -> Result<(), String> {
    let build = &scope.build;
    let service = service(build, wanted.resource)?;
    service.hide_params("get_params", params.as_ref());
    ending.resource = Some(wanted.resource.to_owned());
    ending.linked = service.linked().map(str::to_owned);
    ending.version = Some(wanted.version.clone());
    let key = service.cache_key(wanted.version, params.as_ref());
    let kept = key
        .as_ref()
        .and_then(|key| build.world.store().fetched(key));
    if let Some(kept) = kept {
        reuse(wanted, kept, scope, ending);
        return Ok(());
    }
    let dir = build.folder("get", wanted.name)?;
    ending.dir = Some(dir.clone());
    let fetched = match service {
        Service::Linked { command, .. } => {
            let source = service.source();
            let call = Call {
                command,
                verb: Verb::In(&dir),
                source: &source,
                version: Some(wanted.version),
                params: params.as_ref(),
                env: environment(build),
            };
            let show = |line: &str| build.line(line);
            let reply = wire::fetch(call, &scope.interrupt, &show).await;
            let Some(fetched) = ending.take(reply) else {
                return Ok(());
            };
            fetched
        }
        Service::Unserved(reason) => return Err(reason.clone()),
        Service::Time { .. } => write_time(wanted.version, &dir)?,
        Service::Folder(folder) => {
            files::copy_tree(folder, &dir).map_err(|error| error.to_string())?;
            Fetched {
                version: wanted.version.clone(),
                metadata: Vec::new(),
            }
        }
    };
    // A secret must not come into the state folder, and a var must not become a mask.
    if let Some(key) = key
        && masked(build, fetched.metadata.clone()) == fetched.metadata
    {
        keep(build, key, &dir, &fetched)?;
    }
    done(wanted.name, dir, fetched, scope, ending);
    Ok(())
}

/// Makes the folder the artifact.
fn done(name: &str, dir: PathBuf, fetched: Fetched, scope: &Scope, ending: &mut StepResult) {
    if !fetched.metadata.is_empty() {
        scope.set_local(name, as_var(&fetched.metadata));
    }
    scope.add_artifact(name, dir);
    ending.metadata = masked(&scope.build, fetched.metadata);
    ending.version = Some(fetched.version);
}

/// Takes what an earlier get of the same has fetched (`atc/exec/get_step.go`: "found existing resource cache").
fn reuse(wanted: Wanted<'_>, kept: FetchedRecord, scope: &Scope, ending: &mut StepResult) {
    scope.build.line(&format!(
        "not run: in the resource cache since {:.0} (same version, source and params), as in Concourse",
        kept.fetched_at
    ));
    ending.dir = Some(kept.dir.clone());
    ending.cached = true;
    let fetched = Fetched {
        version: kept.version,
        metadata: kept.metadata,
    };
    done(wanted.name, kept.dir, fetched, scope, ending);
}

fn keep(build: &Build, key: String, dir: &Path, fetched: &Fetched) -> Result<(), String> {
    let record = FetchedRecord {
        dir: dir.to_owned(),
        fetched_at: jiff::Timestamp::now(),
        version: fetched.version.clone(),
        metadata: fetched.metadata.clone(),
    };
    let kept = build.world.store().keep_fetched(key, record);
    kept.map_err(|error| error.to_string())
}

/// The metadata of a get are local vars since Concourse 8.1: `((.:name.key))`; the last of a name wins.
fn as_var(metadata: &[Metadatum]) -> Value {
    let pairs = metadata
        .iter()
        .map(|datum| (datum.name.clone(), Value::from(datum.value.as_str())));
    Value::Object(pairs.collect::<Map<String, Value>>())
}

pub(super) fn masked(build: &Build, metadata: Vec<Metadatum>) -> Vec<Metadatum> {
    let mask = |datum: Metadatum| Metadatum {
        value: build.mask(&datum.value),
        ..datum
    };
    metadata.into_iter().map(mask).collect()
}

pub(super) fn service<'b>(build: &'b Build, resource: &str) -> Result<&'b Service, String> {
    build
        .world
        .services
        .get(resource)
        .ok_or_else(|| format!("there is no resource `{resource}`"))
}

pub(super) fn environment(build: &Build) -> Vec<(String, String)> {
    wire::environment(Some((&build.world.name, &build.job, build.number)))
}

/// What the `time` resource writes: the time, in three forms that its own documentation names.
fn write_time(version: &Version, dir: &Path) -> Result<Fetched, String> {
    let text = version.get("time").ok_or("the version has no `time`")?;
    let time: jiff::Timestamp = text
        .parse()
        .map_err(|error| format!("{text} is no time: {error}"))?;
    let files = [
        ("timestamp", text.clone()),
        ("epoch", time.as_second().to_string()),
        ("input", "{}".to_owned()),
    ];
    for (name, content) in files {
        let path = dir.join(name);
        std::fs::write(&path, content)
            .map_err(|error| format!("cannot write {}: {error}", path.display()))?;
    }
    Ok(Fetched {
        version: version.clone(),
        metadata: Vec::new(),
    })
}
