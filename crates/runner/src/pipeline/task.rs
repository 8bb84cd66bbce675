//! A task's configuration: inline, or from a file of an artifact.

use super::{Fields, Name, Reading, Shape};
use crate::problem::Problems;
use crate::vars;
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
    /// The platform, when it is not that of this host: then the task cannot run here.
    pub foreign: Option<String>,
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
    pub(crate) fn read(
        reading: Reading,
        node: &Node,
        context: &str,
        problems: &mut Problems,
    ) -> Self {
        let mut fields = Fields::read(reading, node, context, problems);
        let foreign = read_platform(&mut fields);
        let mut not_used = fields.present(&[
            ("image_resource", Shape::Mapping),
            ("rootfs_uri", Shape::Text),
            ("container_limits", Shape::Mapping),
        ]);
        read_image(&mut fields, reading);
        read_limits(&mut fields, reading);
        let dir = |node: &Node, context: &str, problems: &mut Problems| {
            TaskDir::read(reading, node, context, problems)
        };
        let cache = |node: &Node, context: &str, problems: &mut Problems| {
            read_cache(reading, node, context, problems)
        };
        let config = Self {
            inputs: fields.each("inputs", &format!("{context}.inputs"), dir),
            outputs: fields.each("outputs", &format!("{context}.outputs"), dir),
            caches: fields.each("caches", &format!("{context}.caches"), cache),
            params: environment(fields.mapping("params").as_ref()),
            run: read_run(&mut fields, reading, &mut not_used),
            not_used,
            foreign,
        };
        fields.finish_inside();
        config
    }
}

impl TaskDir {
    fn read(reading: Reading, node: &Node, context: &str, problems: &mut Problems) -> Self {
        let mut fields = Fields::read(reading, node, context, problems);
        let name = fields.string("name").filter(|name| !name.text.is_empty());
        if name.is_none() {
            fields.error(node.at, "is missing a name");
        }
        let path = fields.string("path").map(|path| path.text);
        let optional = fields.flag("optional");
        fields.finish_inside();
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

/// Tasks run on this host: gives the platform when it is another.
fn read_platform(fields: &mut Fields<'_, '_>) -> Option<String> {
    let Some(platform) = fields.string("platform") else {
        fields.error(fields.at(), "missing `platform`");
        return None;
    };
    if platform.text == "linux" || !vars::references(&platform.text).is_empty() {
        return None;
    }
    let message = format!(
        "`platform`: a task for `{}` does not run here: `trireme run` has no worker but this host, which is linux",
        platform.text
    );
    fields.note("platform", &message);
    Some(platform.text)
}

/// An image that the task does not run in, since it runs on the host.
fn read_image(fields: &mut Fields<'_, '_>, reading: Reading) {
    let Some(node) = fields.inner("image_resource") else {
        return;
    };
    let context = format!("{}.image_resource", fields.context);
    let mut image = Fields::read(reading, node, &context, fields.problems);
    if image.string("type").is_none() {
        image.warning(node.at, "missing `type`");
    }
    image.mapping("source");
    image.mapping("params");
    image.texts("version");
    image.finish_inside();
}

/// Limits that nobody holds the task to: numbers, or texts such as `512MB` (`atc/container_limits.go`).
pub(super) fn read_limits(fields: &mut Fields<'_, '_>, reading: Reading) {
    let Some(node) = fields.inner("container_limits") else {
        return;
    };
    let context = format!("{}.container_limits", fields.context);
    let mut limits = Fields::read(reading, node, &context, fields.problems);
    for key in ["cpu", "memory"] {
        if !matches!(node.get(key).map(|node| &node.kind), Some(Kind::String(_))) {
            limits.count(key, 0);
        } else {
            limits.string(key);
        }
    }
    limits.finish_inside();
}

fn read_cache(reading: Reading, node: &Node, context: &str, problems: &mut Problems) -> String {
    let mut fields = Fields::read(reading, node, context, problems);
    let path = fields.string("path").map(|path| path.text);
    if path.is_none() {
        fields.error(node.at, "is missing a path");
    }
    fields.finish_inside();
    path.unwrap_or_default()
}

fn read_run(
    fields: &mut Fields<'_, '_>,
    reading: Reading,
    not_used: &mut Vec<&'static str>,
) -> TaskRun {
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
    let mut inner = Fields::read(reading, node, &context, fields.problems);
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
    if inner.string("user").is_some() {
        inner.note(
            "user",
            "`user`: tasks run as the user who started `trireme run`",
        );
        not_used.push("user");
    }
    inner.finish_inside();
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
