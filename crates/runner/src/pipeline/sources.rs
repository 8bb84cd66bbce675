//! `var_sources`: where Concourse asks for the values of `((source:name))`. The runner asks nobody.

use super::{Fields, Shape};
use crate::problem::Problems;
use crate::yaml::Node;

/// Judges the list; it has no effect here.
pub(super) fn read_var_sources(fields: &mut Fields<'_, '_>) {
    if fields.each("var_sources", "var_sources", read).is_empty() {
        return;
    }
    fields.note(
        "var_sources",
        "`var_sources` are asked by Concourse only; give `trireme run` their values with --var SOURCE:NAME=VALUE",
    );
}

fn read(node: &Node, context: &str, problems: &mut Problems) {
    let mut source = Fields::new(node, context, problems);
    for key in ["name", "type"] {
        if source.string(key).is_none() {
            source.error(node.at, &format!("missing `{key}`"));
        }
    }
    source.ignore(&[("config", Shape::Mapping)]);
    source.finish();
}
