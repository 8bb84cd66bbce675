//! Names: there, once, and of the right letters.

use crate::pipeline::Name;
use crate::problem::Problems;
use std::collections::BTreeMap;

/// "has no name", "have the same name" (`validateResources`, `validateJobs`, `validateGroups`), and identifiers.
pub(super) fn check(list: &str, names: &[&Name], problems: &mut Problems) {
    let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
    for (index, name) in names.iter().enumerate() {
        if name.text.is_empty() {
            problems.error(name.at, format!("{list}[{index}] has no name"));
            continue;
        }
        identifier(&format!("{list}.{}", name.text), name, problems);
        if let Some(other) = seen.insert(&name.text, index) {
            let message = format!(
                "{list}[{other}] and {list}[{index}] have the same name ('{}')",
                name.text
            );
            problems.error(name.at, message);
        }
    }
}

/// A warning for a name that is no identifier (`ValidateIdentifier` in `atc/config_warning.go`): old pipelines have such names.
pub(super) fn identifier(context: &str, name: &Name, problems: &mut Problems) {
    let is_small = |c: char| c.is_alphabetic() && !c.is_uppercase();
    let allowed = |c: char| is_small(c) || c.is_ascii_digit() || matches!(c, '-' | '_' | '.');
    let text = name.text.as_str();
    if text.is_empty() || !crate::vars::references(text).is_empty() {
        return;
    }
    if !text.starts_with(is_small) {
        problems.warning(
            name.at,
            format!(
                "{context}: '{text}' is not a valid identifier: must start with a lowercase letter"
            ),
        );
    } else if let Some(illegal) = text.chars().find(|c| !allowed(*c)) {
        problems.warning(
            name.at,
            format!("{context}: '{text}' is not a valid identifier: illegal character '{illegal}'"),
        );
    }
}
