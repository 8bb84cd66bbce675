//! What the linked resources say about `source`, `params` and versions: their own JSON Schemas.

use crate::catalogue::Catalogue;
use crate::clock;
use crate::pipeline::{Core, Pipeline, Resource, Step, VersionChoice};
use crate::problem::{Position, Problems};
use crate::report::Version;
use crate::schema;
use crate::service::{self, LocalInputs, Service, Unserved};
use crate::vars;
use crate::yaml::{Kind, Node};
use serde_json::Value;
use std::collections::BTreeMap;

/// Judges every resource, and every step by its resource.
pub(crate) fn resources(
    pipeline: &Pipeline,
    catalogue: &Catalogue,
    supply: &LocalInputs,
    problems: &mut Problems,
) {
    let mut services = BTreeMap::new();
    for resource in pipeline
        .resources
        .iter()
        .filter(|resource| is_known(pipeline, resource))
    {
        match service::resolve(pipeline, resource, catalogue, supply) {
            Ok(service) => {
                source(resource, &service, problems);
                services.insert(resource.name.text.as_str(), service);
            }
            Err(Unserved::Undeclared(problem)) => problems.errors.push(problem),
            Err(Unserved::Foreign(problem)) => problems.notes.push(problem),
        }
    }
    options(pipeline, catalogue, supply, problems);
    for job in &pipeline.jobs {
        job.visit(&mut |step| judge(step, &services, problems));
    }
}

/// Whether the type can be told: it is there, and nothing that decides it is still a reference.
fn is_known(pipeline: &Pipeline, resource: &Resource) -> bool {
    let kind = resource.kind.text.as_str();
    let image = pipeline
        .resource_type(kind)
        .and_then(|declared| declared.source.as_ref()?.get("repository")?.as_str());
    let is_open = |text: &str| !vars::references(text).is_empty();
    let last = |image: &str| {
        is_open(image.rsplit('/').next().unwrap_or(image)) && !image.contains("/trireme-")
    };
    !kind.is_empty() && !is_open(kind) && !image.is_some_and(last)
}

fn source(resource: &Resource, service: &Service, problems: &mut Problems) {
    let context = format!("resources.{}.source", resource.name.text);
    match service {
        Service::Linked { source, .. } => against(service, "source", source, &context, problems),
        Service::Time { source } => clock::validate(source, &context, problems),
        Service::Folder(_) | Service::Unserved(_) => {}
    }
    if let Some(version) = &resource.version {
        let context = format!("resources.{}.version", resource.name.text);
        pin(service, version, resource.at, &context, problems);
    }
}

/// `--input` and `--type` that name nothing are typing errors.
fn options(
    pipeline: &Pipeline,
    catalogue: &Catalogue,
    supply: &LocalInputs,
    problems: &mut Problems,
) {
    let mut wrong = |message: String| problems.error(Position { line: 1, column: 1 }, message);
    for (name, dir) in &supply.inputs {
        let shown = dir.display();
        if pipeline.resource(name).is_none() {
            wrong(format!(
                "--input {name}={shown}: the pipeline has no resource of that name"
            ));
        } else if !dir.is_dir() {
            wrong(format!("--input {name}={shown}: there is no such folder"));
        }
    }
    for (kind, name) in &supply.types {
        if !catalogue.resources.contains_key(name) {
            wrong(format!(
                "--type {kind}={name}: linked in are {}",
                catalogue.names()
            ));
        }
        if !pipeline
            .resources
            .iter()
            .any(|resource| resource.kind.text == *kind)
        {
            wrong(format!(
                "--type {kind}={name}: no resource of the pipeline has that type"
            ));
        }
    }
}

fn judge(step: &Step, services: &BTreeMap<&str, Service>, problems: &mut Problems) {
    let context = step.context.as_str();
    match &step.core {
        Core::Get(get) => {
            let Some(service) = services.get(get.resource.text.as_str()) else {
                return;
            };
            let at = get.name.at;
            params(
                service,
                "get_params",
                get.params.as_ref(),
                at,
                &format!("{context}.params"),
                problems,
            );
            if let VersionChoice::Pinned(version) = &get.version {
                pin(
                    service,
                    version,
                    at,
                    &format!("{context}.version"),
                    problems,
                );
            }
        }
        Core::Put(put) => {
            let Some(service) = services.get(put.resource.text.as_str()) else {
                return;
            };
            let at = put.name.at;
            if matches!(service, Service::Folder(_)) {
                let name = &put.resource.text;
                problems.note(
                    at,
                    format!("{context}: `{name}` cannot be put here: it is given as a folder"),
                );
            }
            params(
                service,
                "put_params",
                put.params.as_ref(),
                at,
                &format!("{context}.params"),
                problems,
            );
            if !put.no_get {
                let context = format!("{context}.get_params");
                params(
                    service,
                    "get_params",
                    put.get_params.as_ref(),
                    at,
                    &context,
                    problems,
                );
            }
        }
        _ => {}
    }
}

/// Params that are absent are `{}` for the resource: it may need some.
fn params(
    service: &Service,
    part: &str,
    node: Option<&Node>,
    at: Position,
    context: &str,
    problems: &mut Problems,
) {
    let empty = Node {
        at,
        kind: Kind::Map(Vec::new()),
    };
    against(service, part, node.unwrap_or(&empty), context, problems);
}

/// A pin may name a part of a version, so that nothing is required of it; what it names must be a key of one.
fn pin(service: &Service, version: &Version, at: Position, context: &str, problems: &mut Problems) {
    let Some(mut schema) = service.schema("version").cloned() else {
        return;
    };
    if let Some(schema) = schema.as_object_mut() {
        schema.remove("required");
    }
    let node = Node::from_json(&serde_json::json!(version), at);
    judged(service, &schema, &node, context, problems);
}

fn against(service: &Service, part: &str, node: &Node, context: &str, problems: &mut Problems) {
    let Some(schema) = service.schema(part) else {
        return;
    };
    judged(service, schema, node, context, problems);
}

/// What a resource of ours that the pipeline names would refuse is an error; where one only stands in for Concourse's own type,
/// the pipeline may be right all the same.
fn judged(service: &Service, schema: &Value, node: &Node, context: &str, problems: &mut Problems) {
    for objection in schema::objections(schema, node) {
        let path = objection.pointer.replace('/', ".");
        let at = place(node, &objection.pointer);
        let message = format!("{context}{path}: {}", objection.message);
        match service.stands_in() {
            None => problems.error(at, message),
            Some(linked) => problems.note(
                at,
                format!("{message} (for trireme-{linked}, which serves this type here)"),
            ),
        }
    }
}

/// The place of the key that a pointer ends in, or of the deepest value on the way.
fn place(node: &Node, pointer: &str) -> Position {
    let (around, key) = pointer.rsplit_once('/').unwrap_or(("", ""));
    let key = key.replace("~1", "/").replace("~0", "~");
    node.at_pointer(around)
        .entry(&key)
        .map_or(node.at_pointer(pointer).at, |entry| entry.at)
}
