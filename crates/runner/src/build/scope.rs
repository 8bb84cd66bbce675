//! What a step can see: artifacts, local vars, and whether it is to stop.

use super::{Build, lock};
use crate::interrupt::Interrupt;
use crate::problem::{Position, Problems};
use crate::report::Status;
use crate::vars::{Missing, Vars};
use crate::yaml::{Kind, Node};
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

/// The surroundings of a step. Steps that run together share one; `across` gives each repetition its own.
#[derive(Clone)]
pub(crate) struct Scope {
    pub build: Arc<Build>,
    pub interrupt: Interrupt,
    /// Where the step stands, for reports: values of `across` and numbers of attempts.
    pub suffix: String,
    artifacts: Arc<Mutex<BTreeMap<String, PathBuf>>>,
    locals: Arc<Mutex<Vars>>,
}

impl Scope {
    pub fn new(build: Arc<Build>, interrupt: Interrupt) -> Self {
        let (artifacts, locals) = (Arc::default(), Arc::default());
        Self {
            build,
            interrupt,
            suffix: String::new(),
            artifacts,
            locals,
        }
    }

    /// The same with another interrupt.
    pub fn with(&self, interrupt: Interrupt) -> Self {
        Self {
            interrupt,
            ..self.clone()
        }
    }

    /// How a step ends that is told to stop: on a deadline Concourse sees an error, so that `on_error` follows and `try` goes
    /// on, and `on_abort` does not (`atc/exec/on_abort.go`: "run only on abort, not timeout").
    pub fn stopped(&self) -> Status {
        if self.interrupt.is_late() {
            Status::Errored
        } else {
            Status::Aborted
        }
    }

    /// The same with more in its place.
    pub fn at(&self, suffix: &str) -> Self {
        Self {
            suffix: format!("{}{suffix}", self.suffix),
            ..self.clone()
        }
    }

    /// A copy whose artifacts and vars do not come back.
    pub fn own(&self) -> Self {
        let artifacts = Arc::new(Mutex::new(lock(&self.artifacts).clone()));
        let locals = Arc::new(Mutex::new(lock(&self.locals).clone()));
        Self {
            artifacts,
            locals,
            ..self.clone()
        }
    }

    pub fn add_artifact(&self, name: &str, dir: PathBuf) {
        lock(&self.artifacts).insert(name.to_owned(), dir);
    }

    pub fn artifact(&self, name: &str) -> Option<PathBuf> {
        lock(&self.artifacts).get(name).cloned()
    }

    pub fn artifacts(&self) -> BTreeMap<String, PathBuf> {
        lock(&self.artifacts).clone()
    }

    /// The folder of an artifact that is needed, or what there is instead.
    pub fn need_artifact(&self, name: &str) -> Result<PathBuf, String> {
        self.artifact(name).ok_or_else(|| {
            let known: Vec<String> = self.artifacts().into_keys().collect();
            format!(
                "there is no artifact `{name}` here; there is: {}",
                known.join(", ")
            )
        })
    }

    pub fn set_local(&self, name: &str, value: Value) {
        lock(&self.locals).add_layer(serde_json::Map::from_iter([(name.to_owned(), value)]));
    }

    /// The node with all local vars filled in.
    pub fn fill(&self, node: &Node) -> Result<Node, String> {
        let mut missing = Vec::new();
        let filled = lock(&self.locals).fill_local(node, Missing::Report, &mut missing);
        if missing.is_empty() {
            return Ok(filled);
        }
        let lines: Vec<String> = missing
            .into_iter()
            .map(|problem| format!("{}: {}", problem.at, problem.message))
            .collect();
        Err(lines.join("; "))
    }

    /// A text with all local vars filled in.
    pub fn fill_text(&self, text: &str) -> Result<String, String> {
        let node = Node {
            at: Position::default(),
            kind: Kind::String(text.to_owned()),
        };
        match self.fill(&node)?.to_json() {
            Value::String(text) => Ok(text),
            other => Ok(other.to_string()),
        }
    }

    /// A step read once more, with its local vars filled in.
    pub fn reread<T>(
        &self,
        node: &Node,
        context: &str,
        read: impl Fn(&mut crate::pipeline::Fields<'_, '_>) -> T,
    ) -> Result<T, String> {
        let filled = self.fill(node)?;
        let mut problems = Problems::default();
        let value = read(&mut crate::pipeline::Fields::new(
            &filled,
            context,
            &mut problems,
        ));
        match problems.errors.first() {
            None => Ok(value),
            Some(problem) => Err(format!("{}: {}", problem.at, problem.message)),
        }
    }
}
