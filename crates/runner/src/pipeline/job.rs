//! One job.

use super::step::{Hooks, Step};
use super::{Fields, Name, Shape};
use crate::problem::Problems;
use crate::yaml::{Kind, Node};

/// One job with its plan.
#[derive(Debug, Clone)]
pub struct Job {
    /// Its name; empty when the file has none.
    pub name: Name,
    /// Its steps.
    pub plan: Vec<Step>,
    /// What follows on the plan as a whole.
    pub hooks: Hooks,
    /// Whether nobody may start it by hand.
    pub disable_manual_trigger: bool,
}

impl Job {
    pub(super) fn read(node: &Node, context: &str, problems: &mut Problems) -> Self {
        let mut fields = Fields::new(node, context, problems);
        let name = fields.string("name").unwrap_or(Name {
            text: String::new(),
            at: node.at,
        });
        fields.ignore(&[
            ("old_name", Shape::Text),
            ("public", Shape::Flag),
            ("interruptible", Shape::Flag),
        ]);
        let disable_manual_trigger = fields.flag("disable_manual_trigger");
        // Jobs run one after another here, so that limits on builds at the same time hold by themselves.
        fields.flag("serial");
        fields.strings("serial_groups");
        fields.count("max_in_flight", 0);
        read_retention(&mut fields);
        let hooks = Hooks::read(&mut fields, "");
        let plan = read_plan(&mut fields);
        fields.finish();
        Self {
            name,
            plan,
            hooks,
            disable_manual_trigger,
        }
    }

    /// Every step of the job, hooks and nested ones included, from the outside in.
    pub fn visit<'j>(&'j self, visitor: &mut dyn FnMut(&'j Step)) {
        self.plan.iter().for_each(|step| step.visit(visitor));
        self.hooks.visit(visitor);
    }
}

fn read_plan(fields: &mut Fields<'_, '_>) -> Vec<Step> {
    let context = fields.context.clone();
    let steps = match fields.node("plan") {
        Some(Node {
            kind: Kind::List(items),
            ..
        }) => items.as_slice(),
        Some(node) => {
            let message = format!("`plan` must be a list of steps, not {}", node.describe());
            fields.error(node.at, &message);
            &[]
        }
        None => &[],
    };
    if steps.is_empty() {
        fields.warning(fields.at(), "the job has no plan: there is nothing to run");
    }
    let read =
        |(index, node)| Step::read(node, &format!("{context}.plan[{index}]"), fields.problems);
    steps.iter().enumerate().map(read).collect()
}

fn read_retention(fields: &mut Fields<'_, '_>) {
    let old = fields.count("build_logs_to_retain", 0);
    let Some(node) = fields.node("build_log_retention") else {
        return;
    };
    if old.is_some() {
        fields.error(
            node.at,
            "can't use both build_log_retention and build_logs_to_retain",
        );
    }
    let context = format!("{}.build_log_retention", fields.context);
    let mut retention = Fields::new(node, &context, fields.problems);
    retention.count("days", 0);
    let builds = retention.count("builds", 0).unwrap_or(0);
    let succeeded = retention.count("minimum_succeeded_builds", 0).unwrap_or(0);
    if builds > 0 && succeeded > builds {
        retention.error(node.at, "minimum_succeeded_builds is greater than builds");
    }
    retention.finish();
}
