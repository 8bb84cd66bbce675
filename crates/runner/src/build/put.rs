//! `put`: the artifacts it sees, the version it makes, and the get that follows.

use super::Scope;
use super::get::{self, Wanted};
use super::leaf::{StepResult, reported};
use crate::pipeline::{Inputs, Put, Step};
use crate::report::{Status, StepKind, Version};
use crate::service::Service;
use crate::store::Taken;
use crate::wire::{self, Call, Fetched, Reply, Verb};
use crate::yaml::Node;
use crate::{clock, files};
use serde_json::Value;
use std::collections::BTreeSet;
use std::ffi::OsString;
use std::path::Path;

pub(super) async fn run(put: &Put, step: &Step, scope: &Scope) -> Status {
    let mut made = None;
    let status = reported(StepKind::Put, &put.name.text, step, scope, async |ending| {
        let put = scope.reread(&put.node, &step.context, Put::read)?;
        if let Some(version) = make(&put, scope, ending).await? {
            made = Some((put, version));
        }
        Ok(())
    })
    .await;
    match made {
        Some((put, version)) if !put.no_get => get_after(&put, &version, step, scope).await,
        _ => status,
    }
}

async fn make(
    put: &Put,
    scope: &Scope,
    ending: &mut StepResult,
) -> Result<Option<Version>, String> {
    let build = &scope.build;
    let resource = put.resource.text.as_str();
    ending.resource = Some(resource.to_owned());
    let service = get::service(build, resource)?;
    ending.linked = service.linked().map(str::to_owned);
    let made = match service {
        Service::Linked { command, .. } => {
            let reply = call(command, service, put, scope, ending).await?;
            let Some(made) = ending.take(reply) else {
                return Ok(None);
            };
            made
        }
        // `out` of the time resource makes the present a version.
        Service::Time { .. } => Fetched {
            version: clock::now(),
            metadata: Vec::new(),
        },
        Service::Folder(_) => {
            return Err(format!(
                "`{resource}` cannot be put here: it is given as a folder; name the jobs that do without with --job"
            ));
        }
        Service::Unserved(reason) => return Err(reason.clone()),
    };
    ending.metadata = get::masked(build, made.metadata);
    ending.version = Some(made.version.clone());
    let output = Taken {
        resource: resource.to_owned(),
        version: made.version.clone(),
    };
    build
        .world
        .store()
        .add_output(&build.job, build.number, output)
        .map_err(|error| error.to_string())?;
    Ok(Some(made.version))
}

/// Calls `out` of a linked resource in a folder with the artifacts that it sees.
async fn call(
    command: &[OsString],
    service: &Service,
    put: &Put,
    scope: &Scope,
    ending: &mut StepResult,
) -> Result<Result<Reply<Fetched>, String>, String> {
    let (build, name) = (&scope.build, put.name.text.as_str());
    let dir = build.folder("put", name)?;
    ending.dir = Some(dir.clone());
    let params = put.params.as_ref().map(Node::to_json);
    service.hide_params("put_params", params.as_ref());
    place_inputs(put, params.as_ref(), scope, &dir)?;
    let source = service.source();
    let call = Call {
        command,
        verb: Verb::Out(&dir),
        source: &source,
        version: None,
        params: params.as_ref(),
        env: get::environment(build),
    };
    let show = |line: &str| build.line(line);
    Ok(wire::fetch(call, &scope.interrupt, &show).await)
}

async fn get_after(put: &Put, version: &Version, step: &Step, scope: &Scope) -> Status {
    reported(StepKind::Get, &put.name.text, step, scope, async |ending| {
        let params = put.get_params.as_ref().map(Node::to_json);
        let wanted = Wanted {
            name: &put.name.text,
            resource: &put.resource.text,
            version,
        };
        get::fetch(wanted, params, scope, ending).await
    })
    .await
}

/// Copies the artifacts that the put sees into its folder.
fn place_inputs(
    put: &Put,
    params: Option<&Value>,
    scope: &Scope,
    dir: &Path,
) -> Result<(), String> {
    let names: Vec<String> = match &put.inputs {
        Inputs::All => scope.artifacts().into_keys().collect(),
        Inputs::Listed(names) => names.iter().map(|name| name.text.clone()).collect(),
        // Names of no artifact are ignored (`atc/exec/put_inputs.go`): they are other texts.
        Inputs::Detect => {
            let named = params.map(detected).unwrap_or_default();
            scope
                .artifacts()
                .into_keys()
                .filter(|name| named.contains(name))
                .collect()
        }
    };
    for name in names {
        let artifact = scope.need_artifact(&name)?;
        let target = files::below(dir, Path::new(&name))
            .ok_or_else(|| format!("`{name}` is no name of a folder"))?;
        files::copy_tree(&artifact, &target)
            .map_err(|error| format!("artifact {name}: {error}"))?;
    }
    Ok(())
}

/// The first path segments of all texts in the params that are neither `.` nor `..`.
fn detected(params: &Value) -> BTreeSet<String> {
    let mut texts = Vec::new();
    crate::value::texts(params, &mut texts);
    let first = |text: &String| {
        let mut segments = text
            .split('/')
            .filter(|segment| !matches!(*segment, "" | "." | ".."));
        segments.next().map(str::to_owned)
    };
    texts.iter().filter_map(first).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn artifacts_are_found_wherever_params_name_them() {
        let params = serde_json::json!({"a": "image/oci", "b": [{"c": "./repo/x"}, "../up/y"], "d": 3, "e": "plain"});
        let expected = ["3", "image", "plain", "repo", "up"].map(str::to_owned);
        assert_eq!(detected(&params), BTreeSet::from(expected));
    }
}
