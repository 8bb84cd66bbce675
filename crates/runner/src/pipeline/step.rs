//! Steps: one core (`get`, `put`, `task`, …) with modifiers and hooks around it, by the order of
//! precedence of `atc/steps.go`: ensure, `on_error`, `on_abort`, `on_failure`, `on_success`, across,
//! attempts, timeout, core.

mod across;
mod elsewhere;
mod leaf;

pub use across::{Across, AcrossVar};
pub use elsewhere::Elsewhere;
pub use leaf::{Get, Inputs, LoadFormat, LoadVar, Put, TaskStep, VersionChoice};

use super::{Fields, duration::parse_duration};
use crate::problem::{Position, Problems};
use crate::vars;
use crate::yaml::{Kind, Node};

/// One step.
#[derive(Debug, Clone)]
pub struct Step {
    /// Where it starts.
    pub at: Position,
    /// How messages call it: `jobs.repair.plan[0].do[1]`.
    pub context: String,
    /// What it does.
    pub core: Core,
    /// How long one attempt may take, as written (it may hold a local var).
    pub timeout: Option<String>,
    /// How often it is tried at most.
    pub attempts: u64,
    /// The values for which it is repeated.
    pub across: Option<Across>,
    /// What follows on it.
    pub hooks: Hooks,
}

/// What a step does.
#[derive(Debug, Clone)]
pub enum Core {
    /// Fetches a version of a resource.
    Get(Get),
    /// Makes a version of a resource.
    Put(Put),
    /// Runs a program.
    Task(Box<TaskStep>),
    /// Sets a local var from a file.
    LoadVar(LoadVar),
    /// Goes on whatever becomes of the inner step.
    Try(Box<Step>),
    /// One after another.
    Do(Vec<Step>),
    /// At the same time.
    InParallel(InParallel),
    /// What only a Concourse does; a run refuses it at this step.
    Elsewhere(Elsewhere),
    /// Something that was refused; a pipeline with one in it is never run.
    Refused,
}

/// Steps at the same time.
#[derive(Debug, Clone)]
pub struct InParallel {
    /// The steps.
    pub steps: Vec<Step>,
    /// How many at a time; all when absent.
    pub limit: Option<u64>,
    /// Whether the first failure interrupts the others.
    pub fail_fast: bool,
}

/// What follows on a step or job.
#[derive(Debug, Clone, Default)]
pub struct Hooks {
    /// After success.
    pub on_success: Option<Box<Step>>,
    /// After failure.
    pub on_failure: Option<Box<Step>>,
    /// After an error.
    pub on_error: Option<Box<Step>>,
    /// After an interruption.
    pub on_abort: Option<Box<Step>>,
    /// In any case.
    pub ensure: Option<Box<Step>>,
}

impl Hooks {
    /// Takes the hooks of a step or job. The context of a hook is that of its owner with `suffix` and its name.
    pub(super) fn read(fields: &mut Fields<'_, '_>, suffix: &str) -> Self {
        let context = format!("{}{suffix}", fields.context);
        let mut hook = |key| {
            let node = fields.node(key)?;
            Some(Box::new(Step::read(
                node,
                &format!("{context}.{key}"),
                fields.problems,
            )))
        };
        Self {
            on_success: hook("on_success"),
            on_failure: hook("on_failure"),
            on_error: hook("on_error"),
            on_abort: hook("on_abort"),
            ensure: hook("ensure"),
        }
    }

    /// The hooks that are set.
    pub fn all(&self) -> impl Iterator<Item = &Step> {
        let hooks = [
            &self.on_success,
            &self.on_failure,
            &self.on_error,
            &self.on_abort,
            &self.ensure,
        ];
        hooks.into_iter().filter_map(|hook| hook.as_deref())
    }

    pub(super) fn visit<'s>(&'s self, visitor: &mut dyn FnMut(&'s Step)) {
        self.all().for_each(|step| step.visit(visitor));
    }
}

/// Cores in the order in which `atc/steps.go` looks for them.
const CORES: [&str; 10] = [
    "task",
    "put",
    "get",
    "run",
    "set_pipeline",
    "load_var",
    "try",
    "do",
    "in_parallel",
    "aggregate",
];

impl Step {
    /// Reads a step with everything inside it.
    pub fn read(node: &Node, context: &str, problems: &mut Problems) -> Self {
        let mut fields = Fields::in_step(node, context, problems);
        let timeout = read_timeout(&mut fields);
        let attempts = fields.count("attempts", 1).unwrap_or(1);
        let across = Across::read(&mut fields);
        let hooks = Hooks::read(&mut fields, "");
        let core = read_core(&mut fields);
        if !matches!(core, Core::Refused) {
            fields.finish();
        }
        Self {
            at: node.at,
            context: context.to_owned(),
            core,
            timeout,
            attempts,
            across,
            hooks,
        }
    }

    /// Shows this step and every one inside it, hooks included.
    pub fn visit<'s>(&'s self, visitor: &mut dyn FnMut(&'s Self)) {
        visitor(self);
        self.children().for_each(|step| step.visit(visitor));
        self.hooks.visit(visitor);
    }

    /// The steps directly inside this one, hooks apart.
    pub fn children(&self) -> impl Iterator<Item = &Self> {
        let steps: &[Self] = match &self.core {
            Core::Do(steps) | Core::InParallel(InParallel { steps, .. }) => steps,
            Core::Try(inner) => std::slice::from_ref(inner),
            _ => &[],
        };
        steps.iter()
    }
}

fn read_core(fields: &mut Fields<'_, '_>) -> Core {
    let Some(key) = CORES.into_iter().find(|key| fields.has(key)) else {
        // atc/steps.go: "no core step type declared (e.g. get, put, task, etc.)"
        fields.error(
            fields.at(),
            &format!(
                "no step is declared here; a step has one of {}",
                CORES[..9].join(", ")
            ),
        );
        return Core::Refused;
    };
    let at = fields.place(key);
    match key {
        "task" => Core::Task(Box::new(TaskStep::read(fields))),
        "put" => Core::Put(Put::read(fields)),
        "get" => Core::Get(Get::read(fields)),
        "load_var" => Core::LoadVar(LoadVar::read(fields)),
        "try" => read_try(fields),
        "do" => Core::Do(read_steps(fields, "do", "do")),
        "in_parallel" => read_in_parallel(fields),
        "set_pipeline" => Core::Elsewhere(Elsewhere::set_pipeline(fields)),
        "run" => Core::Elsewhere(Elsewhere::run(fields)),
        _ => {
            // Its steps are judged all the same, so that nothing else is said for want of them.
            fields.error(
                at,
                "`aggregate` was removed from Concourse: use `in_parallel`",
            );
            Core::Do(read_steps(fields, "aggregate", "aggregate"))
        }
    }
}

fn refuse(fields: &mut Fields<'_, '_>, at: Position, reason: &str) -> Core {
    fields.error(at, reason);
    Core::Refused
}

fn read_try(fields: &mut Fields<'_, '_>) -> Core {
    let context = format!("{}.try", fields.context);
    match fields.node("try") {
        Some(node) => Core::Try(Box::new(Step::read(node, &context, fields.problems))),
        None => refuse(fields, fields.place("try"), "`try` has no step"),
    }
}

fn read_steps(fields: &mut Fields<'_, '_>, key: &'static str, suffix: &str) -> Vec<Step> {
    let context = format!("{}.{suffix}", fields.context);
    let Some(node) = fields.node(key) else {
        return Vec::new();
    };
    let Kind::List(items) = &node.kind else {
        let message = format!("`{key}` must be a list of steps, not {}", node.describe());
        fields.error(node.at, &message);
        return Vec::new();
    };
    let read = |(index, item)| Step::read(item, &format!("{context}[{index}]"), fields.problems);
    items.iter().enumerate().map(read).collect()
}

fn read_in_parallel(fields: &mut Fields<'_, '_>) -> Core {
    let is_mapping = |node: &&Node| matches!(node.kind, Kind::Map(_));
    let Some(node) = fields.value().get("in_parallel").filter(is_mapping) else {
        let steps = read_steps(fields, "in_parallel", "in_parallel");
        return Core::InParallel(InParallel {
            steps,
            limit: None,
            fail_fast: false,
        });
    };
    fields.node("in_parallel");
    let context = format!("{}.in_parallel", fields.context);
    let mut inner = Fields::in_step(node, &context, fields.problems);
    let parallel = InParallel {
        steps: read_steps(&mut inner, "steps", "steps"),
        limit: inner.count("limit", 0).filter(|limit| *limit > 0),
        fail_fast: inner.flag("fail_fast"),
    };
    inner.finish_inside();
    Core::InParallel(parallel)
}

fn read_timeout(fields: &mut Fields<'_, '_>) -> Option<String> {
    let text = fields.string("timeout")?;
    if parse_duration(&text.text).is_none() && vars::references(&text.text).is_empty() {
        // atc/step_validator.go: "invalid duration"
        fields.error(
            text.at,
            &format!(
                "`timeout`: invalid duration '{}'; write it as 90s, 15m or 1h30m",
                text.text
            ),
        );
    }
    Some(text.text)
}
