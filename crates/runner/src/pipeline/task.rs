//! A task's configuration: inline, or from a file of an artifact.

use super::{Fields, Name};
use crate::problem::Problems;
use crate::yaml::{Kind, Node};
use serde_json::Value;
use std::collections::BTreeMap;

/// What a task needs, does and gives.
#[derive(Debug, Clone)]
pub struct TaskConfig {
    /// Artifacts that it reads.
    pub inputs: Vec<TaskDir>,
    /// Artifacts that it makes.
    pub outputs: Vec<TaskDir>,
    /// Folders kept from one build to the next.
    pub caches: Vec<String>,
    /// Its environment.
    pub params: BTreeMap<String, String>,
    /// Its program.
    pub run: TaskRun,
    /// Keys about containers: the task runs on the host all the same, and says so.
    pub not_used: Vec<&'static str>,
}

/// An input or output of a task.
#[derive(Debug, Clone)]
pub struct TaskDir {
    /// The name of the artifact.
    pub name: Name,
    /// Its folder inside the task's own, when not the name.
    pub path: Option<String>,
    /// Whether the task runs without it.
    pub optional: bool,
}

/// The program of a task.
#[derive(Debug, Clone)]
pub struct TaskRun {
    /// The program: a name on `PATH`, or a path inside the task's folder.
    pub path: String,
    /// Its arguments.
    pub args: Vec<String>,
    /// The folder in which it starts, inside the task's own.
    pub dir: Option<String>,
}

impl TaskConfig {
    /// Reads a configuration by the rules of `atc/task.go`.
    pub fn read(node: &Node, context: &str, problems: &mut Problems) -> Self {
        let mut fields = Fields::new(node, context, problems);
        if fields.string("platform").is_none() {
            fields.error(node.at, "missing `platform`");
        }
        let not_used = fields.present(&["image_resource", "rootfs_uri", "container_limits"]);
        let config = Self {
            inputs: fields.each("inputs", &format!("{context}.inputs"), TaskDir::read),
            outputs: fields.each("outputs", &format!("{context}.outputs"), TaskDir::read),
            caches: fields.each("caches", &format!("{context}.caches"), read_cache),
            params: environment(fields.mapping("params").as_ref()),
            run: read_run(&mut fields),
            not_used,
        };
        fields.finish();
        config
    }
}

impl TaskDir {
    fn read(node: &Node, context: &str, problems: &mut Problems) -> Self {
        let mut fields = Fields::new(node, context, problems);
        let name = fields.string("name").filter(|name| !name.text.is_empty());
        if name.is_none() {
            fields.error(node.at, "is missing a name");
        }
        let path = fields.string("path").map(|path| path.text);
        let optional = fields.flag("optional");
        fields.finish();
        Self {
            name: name.unwrap_or(Name {
                text: String::new(),
                at: node.at,
            }),
            path,
            optional,
        }
    }

    /// The folder of this input or output inside the task's own.
    pub fn folder(&self) -> &str {
        self.path.as_deref().unwrap_or(&self.name.text)
    }
}

fn read_cache(node: &Node, context: &str, problems: &mut Problems) -> String {
    let mut fields = Fields::new(node, context, problems);
    let path = fields.string("path").map(|path| path.text);
    if path.is_none() {
        fields.error(node.at, "is missing a path");
    }
    fields.finish();
    path.unwrap_or_default()
}

fn read_run(fields: &mut Fields<'_, '_>) -> TaskRun {
    let mut run = TaskRun {
        path: String::new(),
        args: Vec::new(),
        dir: None,
    };
    let Some(node) = fields.node("run") else {
        fields.error(fields.at(), "missing `run`: the path of the program");
        return run;
    };
    let context = format!("{}.run", fields.context);
    let mut inner = Fields::new(node, &context, fields.problems);
    match inner.string("path") {
        Some(path) if !path.text.is_empty() => run.path = path.text,
        _ => inner.error(node.at, "missing `path`: the program to run"),
    }
    run.args = inner
        .strings("args")
        .into_iter()
        .map(|arg| arg.text)
        .collect();
    run.dir = inner.string("dir").map(|dir| dir.text);
    inner.refuse("user", "tasks run as the user who started the runner");
    inner.finish();
    run
}

/// Values as `atc/task.go` makes texts of them: null is empty, everything else that is no text is JSON.
pub(crate) fn environment(node: Option<&Node>) -> BTreeMap<String, String> {
    let Some(Kind::Map(entries)) = node.map(|node| &node.kind) else {
        return BTreeMap::new();
    };
    let text = |value: Value| match value {
        Value::Null => String::new(),
        Value::String(text) => text,
        other => other.to_string(),
    };
    entries
        .iter()
        .map(|entry| (entry.key.clone(), text(entry.value.to_json())))
        .collect()
}
