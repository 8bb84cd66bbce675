//! `across`: one step for each combination of values.

use crate::pipeline::{Fields, Name, Shape};
use crate::problem::Problems;
use crate::vars;
use crate::yaml::{Kind, Node};

/// The values for which a step is repeated.
#[derive(Debug, Clone)]
pub struct Across {
    /// The vars, the outermost first.
    pub vars: Vec<AcrossVar>,
    /// Whether the first failure interrupts the others.
    pub fail_fast: bool,
}

/// One var with its values.
#[derive(Debug, Clone)]
pub struct AcrossVar {
    /// The name of the local var.
    pub var: Name,
    /// A list, or a text that stands for one: `((.:list))`.
    pub values: Node,
    /// How many of its values at a time; all when none.
    pub max_in_flight: Option<u64>,
}

impl Across {
    pub(super) fn read(fields: &mut Fields<'_, '_>) -> Option<Self> {
        let context = format!("{}.across", fields.context);
        let has_across = fields.has("across");
        let vars = fields.each("across", &context, AcrossVar::read);
        if !has_across {
            return None;
        }
        let fail_fast = fields.flag("fail_fast");
        if vars.is_empty() {
            // atc/step_validator.go
            fields.error(fields.place("across"), "across: no vars specified");
        }
        Some(Self { vars, fail_fast })
    }
}

impl AcrossVar {
    fn read(node: &Node, context: &str, problems: &mut Problems) -> Self {
        let mut fields = Fields::in_step(node, context, problems);
        let var = fields.string("var").filter(|var| !var.text.is_empty());
        if var.is_none() {
            fields.error(node.at, "missing `var`: the name of the local var");
        }
        let values = fields.node("values").cloned().unwrap_or(Node {
            at: node.at,
            kind: Kind::Null,
        });
        if !is_list(&values) {
            fields.error(
                values.at,
                "`values` must be a list, or a var that holds one",
            );
        }
        let max_in_flight = read_limit(&mut fields);
        fields.finish_inside();
        Self {
            var: var.unwrap_or(Name {
                text: String::new(),
                at: node.at,
            }),
            values,
            max_in_flight,
        }
    }
}

fn is_list(values: &Node) -> bool {
    match &values.kind {
        Kind::List(_) => true,
        Kind::String(text) => !vars::references(text).is_empty(),
        _ => false,
    }
}

/// `all`, or a count; one at a time when absent.
fn read_limit(fields: &mut Fields<'_, '_>) -> Option<u64> {
    let all = fields.value().get("max_in_flight").and_then(Node::as_str) == Some("all");
    if all {
        fields.ignore(&[("max_in_flight", Shape::Text)]);
        return None;
    }
    Some(fields.count("max_in_flight", 1).unwrap_or(1))
}
