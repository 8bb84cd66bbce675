//! The steps that do something themselves. Each keeps the mapping it was read from: at run time it is
//! filled with the local vars and read once more.

use crate::pipeline::resource::version_of;
use crate::pipeline::{Fields, Name, Reading, Shape, TaskConfig, task};
use crate::problem::Position;
use crate::report::Version;
use crate::vars;
use crate::yaml::{Kind, Node};
use std::collections::BTreeMap;

/// `get`.
#[derive(Debug, Clone)]
pub struct Get {
    /// The name of the artifact.
    pub name: Name,
    /// The resource.
    pub resource: Name,
    /// Which version.
    pub version: VersionChoice,
    /// What the resource is told.
    pub params: Option<Node>,
    /// Jobs that the version must have passed.
    pub passed: Vec<Name>,
    /// Whether a new version starts the job.
    pub trigger: bool,
    /// What it was read from.
    pub node: Node,
}

/// Which version a get takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum VersionChoice {
    /// The newest.
    Latest,
    /// Each, one build after another.
    Every,
    /// This one.
    Pinned(Version),
}

/// `put`.
#[derive(Debug, Clone)]
pub struct Put {
    /// The name of the artifact that its get makes.
    pub name: Name,
    /// The resource.
    pub resource: Name,
    /// What the resource is told.
    pub params: Option<Node>,
    /// Which artifacts it sees.
    pub inputs: Inputs,
    /// What the resource is told in the get that follows.
    pub get_params: Option<Node>,
    /// Whether no get follows.
    pub no_get: bool,
    /// What it was read from.
    pub node: Node,
}

/// Which artifacts a put sees.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Inputs {
    /// Those that its params name, which is the default since Concourse 8.0.
    Detect,
    /// All.
    All,
    /// These.
    Listed(Vec<Name>),
}

/// `task`.
#[derive(Debug, Clone)]
pub struct TaskStep {
    /// Its name.
    pub name: Name,
    /// Its configuration, when it is inline.
    pub config: Option<TaskConfig>,
    /// The artifact and path of its configuration, otherwise.
    pub file: Option<Name>,
    /// Vars for that file.
    pub vars: Option<Node>,
    /// Environment over that of the configuration.
    pub params: Option<Node>,
    /// Input of the task → artifact.
    pub input_mapping: BTreeMap<String, String>,
    /// Output of the task → artifact.
    pub output_mapping: BTreeMap<String, String>,
    /// Keys about containers: the task runs on the host all the same, and says so.
    pub not_used: Vec<&'static str>,
    /// What it was read from.
    pub node: Node,
}

/// `load_var`.
#[derive(Debug, Clone)]
pub struct LoadVar {
    /// The name of the local var.
    pub name: Name,
    /// The artifact and path.
    pub file: Name,
    /// How to read it; by the ending of the file when absent.
    pub format: Option<LoadFormat>,
    /// Whether the value may be shown.
    pub reveal: bool,
    /// What it was read from.
    pub node: Node,
}

/// How `load_var` reads a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LoadFormat {
    /// JSON.
    Json,
    /// YAML.
    Yaml,
    /// The text without white space around it.
    Trim,
    /// The text as it is.
    Raw,
}

impl Get {
    /// Reads the step; its modifiers are left to the caller.
    pub(crate) fn read(fields: &mut Fields<'_, '_>) -> Self {
        let name = name(fields, "get");
        let resource = fields.string("resource").unwrap_or_else(|| name.clone());
        fields.tags();
        Self {
            version: read_version(fields),
            params: fields.mapping("params"),
            passed: fields.strings("passed"),
            trigger: fields.flag("trigger"),
            node: bare(fields.value()),
            name,
            resource,
        }
    }
}

impl Put {
    /// Reads the step; its modifiers are left to the caller.
    pub(crate) fn read(fields: &mut Fields<'_, '_>) -> Self {
        let name = name(fields, "put");
        let resource = fields.string("resource").unwrap_or_else(|| name.clone());
        fields.tags();
        Self {
            params: fields.mapping("params"),
            inputs: read_inputs(fields),
            get_params: fields.mapping("get_params"),
            no_get: fields.flag("no_get"),
            node: bare(fields.value()),
            name,
            resource,
        }
    }
}

impl TaskStep {
    /// Reads the step; its modifiers are left to the caller.
    pub(crate) fn read(fields: &mut Fields<'_, '_>) -> Self {
        let name = name(fields, "task");
        let context = format!("{}.config", fields.context);
        let inline = fields.node("config");
        let file = fields.string("file");
        match (inline, &file) {
            (None, None) => fields.error(name.at, "must specify either `file:` or `config:`"),
            (Some(_), Some(file)) => fields.error(
                file.at,
                "must specify one of `file:` or `config:`, not both",
            ),
            _ => {}
        }
        fields.tags();
        let about_containers = [
            ("privileged", Shape::Flag),
            ("image", Shape::Text),
            ("container_limits", Shape::Mapping),
            ("hermetic", Shape::Flag),
        ];
        let not_used = fields.present(&about_containers);
        task::read_limits(fields, Reading::InStep);
        Self {
            config: inline
                .map(|node| TaskConfig::read(Reading::InStep, node, &context, fields.problems)),
            vars: fields.mapping("vars"),
            params: fields.mapping("params"),
            input_mapping: version_of(fields.texts("input_mapping").unwrap_or_default()),
            not_used,
            output_mapping: version_of(fields.texts("output_mapping").unwrap_or_default()),
            node: bare(fields.value()),
            name,
            file,
        }
    }
}

impl LoadVar {
    /// Reads the step; its modifiers are left to the caller.
    pub(crate) fn read(fields: &mut Fields<'_, '_>) -> Self {
        let name = name(fields, "load_var");
        let file = fields.string("file");
        if file.is_none() {
            fields.error(name.at, "load_var: no file specified");
        }
        Self {
            file: file.unwrap_or(Name {
                text: String::new(),
                at: name.at,
            }),
            format: read_format(fields),
            reveal: fields.flag("reveal"),
            node: bare(fields.value()),
            name,
        }
    }
}

/// The step without what stands around it: hooks hold local vars that are not set yet when the step runs.
fn bare(step: &Node) -> Node {
    const AROUND: [&str; 9] = [
        "ensure",
        "on_error",
        "on_abort",
        "on_failure",
        "on_success",
        "across",
        "fail_fast",
        "attempts",
        "timeout",
    ];
    let kind = match &step.kind {
        Kind::Map(entries) => {
            let inside = entries
                .iter()
                .filter(|entry| !AROUND.contains(&entry.key.as_str()));
            Kind::Map(inside.cloned().collect())
        }
        other => other.clone(),
    };
    Node { at: step.at, kind }
}

pub(super) fn name(fields: &mut Fields<'_, '_>, key: &'static str) -> Name {
    let at: Position = fields.place(key);
    let name = fields.string(key).filter(|name| !name.text.is_empty());
    name.unwrap_or_else(|| {
        fields.error(at, &format!("`{key}` has no name"));
        Name {
            text: String::new(),
            at,
        }
    })
}

fn read_version(fields: &mut Fields<'_, '_>) -> VersionChoice {
    if let Some(Node {
        kind: Kind::Map(_), ..
    }) = fields.value().get("version")
    {
        return VersionChoice::Pinned(version_of(fields.version("version").unwrap_or_default()));
    }
    let Some(text) = fields.string("version") else {
        return VersionChoice::Latest;
    };
    match text.text.as_str() {
        "latest" => VersionChoice::Latest,
        "every" => VersionChoice::Every,
        other if !vars::references(other).is_empty() => {
            if let Some(node) = fields.value().get("version") {
                fields.not_local("version", node);
            }
            VersionChoice::Latest
        }
        other => {
            fields.warning(
                text.at,
                &format!(
                    "`version` is latest, every or a mapping; Concourse takes `{other}` for latest"
                ),
            );
            VersionChoice::Latest
        }
    }
}

fn read_inputs(fields: &mut Fields<'_, '_>) -> Inputs {
    if let Some(Node {
        kind: Kind::List(_),
        ..
    }) = fields.value().get("inputs")
    {
        return Inputs::Listed(fields.strings("inputs"));
    }
    let Some(text) = fields.string("inputs") else {
        return Inputs::Detect;
    };
    match text.text.as_str() {
        "all" => Inputs::All,
        "detect" => Inputs::Detect,
        other => {
            fields.warning(
                text.at,
                &format!(
                    "`inputs` is all, detect or a list of artifacts; Concourse takes `{other}` for detect"
                ),
            );
            Inputs::Detect
        }
    }
}

fn read_format(fields: &mut Fields<'_, '_>) -> Option<LoadFormat> {
    let text = fields.string("format")?;
    match text.text.as_str() {
        "json" => Some(LoadFormat::Json),
        "yaml" | "yml" => Some(LoadFormat::Yaml),
        "trim" => Some(LoadFormat::Trim),
        "raw" => Some(LoadFormat::Raw),
        other => {
            fields.error(
                text.at,
                &format!("`format` must be json, yaml, trim or raw, not `{other}`"),
            );
            None
        }
    }
}
