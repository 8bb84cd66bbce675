//! What serves a resource here: a linked resource, the time, or a folder given with `--input`.

use crate::catalogue::Catalogue;
use crate::pipeline::{Pipeline, Resource};
use crate::problem::Problem;
use crate::report::Version;
use crate::schema;
use crate::yaml::Node;
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::path::PathBuf;
use std::time::SystemTime;
use trireme_protocol::redact;

/// What the program was told about resources that it does not find by itself.
#[derive(Debug, Clone, Default)]
pub struct LocalInputs {
    /// Resource → folder that is its only version (`--input NAME=DIR`).
    pub inputs: BTreeMap<String, PathBuf>,
    /// Type → name of the linked resource that serves it (`--type T=NAME`).
    pub types: BTreeMap<String, String>,
}

/// What serves one resource.
#[derive(Debug, Clone)]
pub(crate) enum Service {
    /// A linked resource, run as a child process.
    Linked {
        name: String,
        command: Vec<OsString>,
        source: Node,
        schema: Value,
        /// Whether it serves a type that is Concourse's own.
        stands_in: bool,
    },
    /// The `time` resource: a check gives the current time.
    Time { source: Node },
    /// A folder: its only version, never put.
    Folder(PathBuf),
    /// Nothing: every step with it is refused with this reason.
    Unserved(String),
}

/// Why nothing serves a resource.
#[derive(Debug)]
pub(crate) enum Unserved {
    /// Its type is ours, and the pipeline does not declare it: Concourse would not know it either.
    Undeclared(Problem),
    /// Its type is somebody else's.
    Foreign(Problem),
}

impl Unserved {
    /// What is to be said of it.
    pub fn problem(self) -> Problem {
        match self {
            Self::Undeclared(problem) | Self::Foreign(problem) => problem,
        }
    }
}

impl Service {
    /// The linked resource's name.
    pub fn linked(&self) -> Option<&str> {
        match self {
            Self::Linked { name, .. } => Some(name),
            Self::Time { .. } | Self::Folder(_) | Self::Unserved(_) => None,
        }
    }

    /// The linked resource's name, when it serves a type that is Concourse's own.
    pub fn stands_in(&self) -> Option<&str> {
        match self {
            Self::Linked {
                name,
                stands_in: true,
                ..
            } => Some(name),
            _ => None,
        }
    }

    /// One of the schemas (`source`, `get_params`, …) that the resource publishes.
    pub fn schema(&self, part: &str) -> Option<&Value> {
        match self {
            Self::Linked { schema, .. } => schema.get(part),
            Self::Time { .. } | Self::Folder(_) | Self::Unserved(_) => None,
        }
    }

    /// Whether the version has every key that the resource asks of one.
    pub fn is_whole(&self, version: &Version) -> bool {
        let node = Node::from_json(&serde_json::json!(version), crate::Position::default());
        self.schema("version")
            .is_none_or(|schema| schema::objections(schema, &node).is_empty())
    }

    /// The configuration, for the resource.
    pub fn source(&self) -> Map<String, Value> {
        match self {
            Self::Linked { source, .. } | Self::Time { source } => match source.to_json() {
                Value::Object(fields) => fields,
                _ => Map::new(),
            },
            Self::Folder(_) | Self::Unserved(_) => Map::new(),
        }
    }

    /// Teaches the redactor the secrets of params.
    pub fn hide_params(&self, part: &str, params: Option<&Value>) {
        if let (Some(schema), Some(params)) = (self.schema(part), params) {
            schema::secrets(schema, params)
                .iter()
                .for_each(|secret| redact::register_secret(secret));
        }
    }

    /// The secrets of the configuration.
    pub fn secrets(&self) -> Vec<String> {
        let source = Value::Object(self.source());
        self.schema("source")
            .map(|schema| schema::secrets(schema, &source))
            .unwrap_or_default()
    }

    /// A digest of what decides which versions there are, without secrets: a rotated password changes no version, and a digest of
    /// one could be guessed from.
    pub fn fingerprint(&self) -> String {
        let mut source = Value::Object(self.source());
        blank(&mut source, &self.secrets());
        let text = format!("{} {source}", self.linked().unwrap_or("native"));
        hex::encode(Sha256::digest(text))
    }

    /// Under which a get of this version is kept: the program, the configuration, the version and the params. Concourse uses the
    /// same (`atc/db/resource_cache.go`), with the image of the resource type for the program. `None`: it is never kept.
    pub fn cache_key(&self, version: &Version, params: Option<&Value>) -> Option<String> {
        let Self::Linked {
            command, schema, ..
        } = self
        else {
            return None;
        };
        let mut params = params.cloned().unwrap_or_default();
        if let Some(schema) = schema.get("get_params") {
            let secrets = schema::secrets(schema, &params);
            blank(&mut params, &secrets);
        }
        let parts = serde_json::json!([program(command), self.fingerprint(), version, params]);
        Some(hex::encode(Sha256::digest(parts.to_string())))
    }
}

/// What tells one build of a program from another.
fn program(command: &[OsString]) -> Value {
    let file = command.first().and_then(|path| fs::metadata(path).ok());
    let changed = file.as_ref().and_then(|file| file.modified().ok());
    let changed = changed.and_then(|time| time.duration_since(SystemTime::UNIX_EPOCH).ok());
    let words: Vec<_> = command.iter().map(|word| word.to_string_lossy()).collect();
    serde_json::json!([
        words,
        file.map(|file| file.len()),
        changed.map(|time| time.as_nanos().to_string())
    ])
}

fn blank(value: &mut Value, secrets: &[String]) {
    match value {
        Value::String(text) if secrets.contains(text) => text.clear(),
        Value::Array(items) => items.iter_mut().for_each(|item| blank(item, secrets)),
        Value::Object(fields) => fields.values_mut().for_each(|field| blank(field, secrets)),
        _ => {}
    }
}

/// What serves this resource, or why nothing does.
pub(crate) fn resolve(
    pipeline: &Pipeline,
    resource: &Resource,
    catalogue: &Catalogue,
    supply: &LocalInputs,
) -> Result<Service, Unserved> {
    let name = &resource.name.text;
    if let Some(dir) = supply.inputs.get(name) {
        return Ok(Service::Folder(dir.clone()));
    }
    let kind = resource.kind.text.as_str();
    let declared = pipeline.resource_type(kind);
    let defaults = declared.and_then(|declared| declared.defaults.as_ref());
    let source = schema::over_defaults(defaults, resource.source.as_ref(), resource.at);
    let image = declared
        .and_then(|declared| declared.source.as_ref())
        .and_then(linked_name);
    let linked = match supply.types.get(kind) {
        Some(name) => Some(name.as_str()),
        None if declared.is_some() => image.as_deref(),
        None if kind == "time" => return Ok(Service::Time { source }),
        // trireme-image speaks the same versions and files; keys that it does not know are refused by its schema.
        None if kind == "registry-image" => Some("image"),
        None => None,
    };
    let found = linked.and_then(|name| Some((name, catalogue.resources.get(name)?)));
    let Some((linked, entry)) = found else {
        let at = resource.kind.at;
        return Err(match linked {
            None if declared.is_none() && catalogue.resources.contains_key(kind) => {
                let message = undeclared(resource);
                Unserved::Undeclared(Problem { at, message })
            }
            _ => {
                let message = unserved(resource, linked, catalogue);
                Unserved::Foreign(Problem { at, message })
            }
        });
    };
    let (command, schema) = (entry.command.clone(), entry.schema.clone());
    Ok(Service::Linked {
        name: linked.to_owned(),
        command,
        source,
        schema,
        stands_in: declared.is_none() && !supply.types.contains_key(kind),
    })
}

/// `NAME` of an image whose repository ends in `trireme-NAME`.
fn linked_name(source: &Node) -> Option<String> {
    let repository = source.get("repository")?.as_str()?;
    let last = repository.rsplit('/').next()?;
    let end = last.find(['@', ':']).unwrap_or(last.len());
    last[..end].strip_prefix("trireme-").map(str::to_owned)
}

/// A type of ours that the pipeline forgot to declare: Concourse would not know it either.
fn undeclared(resource: &Resource) -> String {
    let (name, kind) = (&resource.name.text, &resource.kind.text);
    format!(
        "resources.{name}: the type `{kind}` is not declared; add to resource_types: {{name: {kind}, type: registry-image, \
         source: {{repository: …/trireme-{kind}}}}}, or run with --type {kind}={kind}"
    )
}

fn unserved(resource: &Resource, linked: Option<&str>, catalogue: &Catalogue) -> String {
    let (name, kind, names) = (&resource.name.text, &resource.kind.text, catalogue.names());
    let what = match linked {
        Some(linked) => {
            format!("`{kind}` is to be served by trireme-{linked}, which is not linked in")
        }
        None => format!("nothing here serves the type `{kind}`"),
    };
    format!(
        "resources.{name}: {what}; give the content of {name} with --input {name}=DIR, or name what serves the type \
         with --type {kind}=NAME ({names})"
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue::Linked;
    use crate::problem::Problems;
    use crate::yaml;

    const TYPES: &str = "
resource_types:
- {name: ours, type: registry-image, source: {repository: 'r.example/x/trireme-image:1'}, defaults: {insecure: true}}
- {name: theirs, type: registry-image, source: {repository: x/git}}
- {name: later, type: registry-image, source: {repository: x/trireme-later}}
resources:
- {name: r, type: KIND, source: {repository: a}}
";

    fn served(kind: &str, supply: &LocalInputs) -> Result<Service, String> {
        let root = yaml::parse(&TYPES.replace("KIND", kind)).unwrap();
        let pipeline = Pipeline::read(&root, &mut Problems::default());
        let linked = Linked {
            schema: Value::Null,
            command: vec!["trireme".into()],
        };
        let catalogue = Catalogue {
            resources: [("image".to_owned(), linked)].into(),
            launcher: vec![],
        };
        resolve(&pipeline, &pipeline.resources[0], &catalogue, supply)
            .map_err(|unserved| unserved.problem().message)
    }

    #[test]
    fn a_type_is_served_by_the_image_it_names() {
        let none = LocalInputs::default();
        let service = served("ours", &none).unwrap();
        assert_eq!(
            (service.linked(), service.stands_in()),
            (Some("image"), None)
        );
        assert_eq!(
            Value::Object(service.source()),
            serde_json::json!({"repository": "a", "insecure": true})
        );
        let service = served("registry-image", &none).unwrap();
        assert_eq!(service.stands_in(), Some("image"));
        assert!(matches!(served("time", &none), Ok(Service::Time { .. })));
        let message = served("image", &none).unwrap_err();
        assert!(
            message.contains("`image` is not declared") && message.contains("--type image=image"),
            "{message}"
        );
        for (kind, part) in [
            ("git", "nothing here serves"),
            ("theirs", "nothing here"),
            ("later", "trireme-later"),
        ] {
            let message = served(kind, &none).unwrap_err();
            assert!(
                message.contains(part) && message.contains("--input r=DIR"),
                "{message}"
            );
        }
    }

    #[test]
    fn a_person_can_supply_what_is_missing() {
        let types = [("git".to_owned(), "image".to_owned())].into();
        let by_type = LocalInputs {
            types,
            ..LocalInputs::default()
        };
        assert_eq!(served("git", &by_type).unwrap().linked(), Some("image"));
        let inputs = [("r".to_owned(), PathBuf::from("/x"))].into();
        let by_input = LocalInputs {
            inputs,
            ..LocalInputs::default()
        };
        assert!(
            matches!(served("git", &by_input), Ok(Service::Folder(dir)) if dir.as_os_str() == "/x")
        );
    }
}
