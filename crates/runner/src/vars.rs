//! `((vars))` as Concourse has them: `((name))`, `((name.field))`, `((source:name))`, quoted segments
//! (`(("a.b".c))`), and local ones, `((.:name))`, that `load_var`, `across` and `get` set.
//!
//! A text that is one reference as a whole takes the value with its type; a reference inside a longer
//! text must be a text, number or truth value. References in a value are filled in too, once: `fly` fills in the values it is
//! given, and what they name is looked up by Concourse. Local values are data and not searched.

mod reference;
#[cfg(test)]
mod tests;

pub use reference::Reference;

use crate::problem::{Position, Problem};
use crate::yaml::{Entry, Kind, Node};
use reference::Piece;
use serde_json::{Map, Value};
use std::collections::BTreeSet;

/// Values for references; later layers win over earlier ones.
#[derive(Debug, Clone, Default)]
pub struct Vars {
    layers: Vec<Map<String, Value>>,
}

/// The vars of a pipeline against the values that are given.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Comparison {
    /// Named in the pipeline, and given no value.
    pub without_value: Vec<String>,
    /// Given a value, and not named in the pipeline.
    pub unnamed: Vec<String>,
}

/// What to do with a reference that has no value here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Missing {
    /// Leave its text as it is.
    Keep,
    /// Leave local ones (`((.:name))`), report all others.
    KeepLocal,
    /// Report it.
    Report,
}

impl Vars {
    /// Adds values that win over those already there.
    pub fn add_layer(&mut self, values: Map<String, Value>) {
        self.layers.push(values);
    }

    /// Sets one value, with a dotted name for a nested one, as `--var a.b=c` does.
    ///
    /// # Errors
    /// A reason, when the name is no valid reference or names a local var.
    pub fn set(&mut self, name: &str, value: Value) -> Result<(), String> {
        let reference: Reference = name.parse()?;
        if reference.is_local() {
            return Err(format!(
                "`{name}` is a local var, which a step of the pipeline sets"
            ));
        }
        let nested = reference.fields.iter().rev().fold(value, |value, field| {
            Value::Object(Map::from_iter([(field.clone(), value)]))
        });
        let key = key(&reference);
        let top = self.layers.iter().rev().find_map(|layer| layer.get(&key));
        let merged = merge(top.cloned().unwrap_or(Value::Null), nested);
        self.add_layer(Map::from_iter([(key, merged)]));
        Ok(())
    }

    /// The value of a reference, if it has one here.
    pub fn lookup(&self, reference: &Reference) -> Option<&Value> {
        let top = self
            .layers
            .iter()
            .rev()
            .find_map(|layer| layer.get(&key(reference)))?;
        reference
            .fields
            .iter()
            .try_fold(top, |value, field| value.get(field))
    }

    /// What a pipeline names, and the values it names in turn, against what is given.
    pub fn compare(&self, pipeline: &Value) -> Comparison {
        let mut named = BTreeSet::new();
        collect_references(pipeline, &mut named);
        for reference in named.clone() {
            if let Some(value) = self.lookup(&reference) {
                collect_references(value, &mut named);
            }
        }
        let given: BTreeSet<&String> = self.layers.iter().flat_map(Map::keys).collect();
        let is_unnamed = |name: &String| !named.iter().any(|one| key(one) == *name);
        Comparison {
            without_value: named
                .iter()
                .filter(|reference| self.lookup(reference).is_none())
                .map(ToString::to_string)
                .collect(),
            unnamed: given
                .into_iter()
                .filter(|name| is_unnamed(name))
                .cloned()
                .collect(),
        }
    }

    /// The values whose names say that they are secrets: a task may print them, and no schema speaks for a task.
    pub fn secrets(&self) -> Vec<String> {
        let mut found = Vec::new();
        self.layers
            .iter()
            .for_each(|layer| collect_secrets(layer, &mut found));
        found
    }

    /// Fills in all references of a node that are plain (not local).
    pub fn fill(&self, node: &Node, missing: Missing, problems: &mut Vec<Problem>) -> Node {
        Filler {
            vars: self,
            local: false,
            missing,
            inside: false,
            problems,
            left: MAX_FILLED,
        }
        .node(node)
    }

    /// Fills in the local references (`((.:name))`) of a node from these values.
    pub fn fill_local(&self, node: &Node, missing: Missing, problems: &mut Vec<Problem>) -> Node {
        Filler {
            vars: self,
            local: true,
            missing,
            inside: false,
            problems,
            left: MAX_FILLED,
        }
        .node(node)
    }
}

/// Endings and parts of names that are given to secrets.
const SECRET_NAMES: [&str; 8] = [
    "password",
    "passwd",
    "passphrase",
    "token",
    "secret",
    "credential",
    "private",
    "kubeconfig",
];

/// Under which the value of a reference is kept: that of `((vault:name))` under `vault:name`.
fn key(reference: &Reference) -> String {
    match &reference.source {
        Some(source) if !reference.is_local() => format!("{source}:{}", reference.name),
        _ => reference.name.clone(),
    }
}

fn says_secret(name: &str) -> bool {
    let name = name.to_lowercase();
    let last_word = name.rsplit(['-', '_', '.', ' ']).next();
    // A var source is there for secrets.
    let of_source = name.contains(':');
    of_source
        || SECRET_NAMES.iter().any(|part| name.contains(part))
        || matches!(last_word, Some("key" | "keys"))
}

fn collect_secrets(values: &Map<String, Value>, found: &mut Vec<String>) {
    for (name, value) in values {
        if says_secret(name) {
            crate::value::texts(value, found);
        } else if let Value::Object(inner) = value {
            collect_secrets(inner, found);
        }
    }
}

/// The new value laid over the old one, mapping by mapping.
fn merge(old: Value, new: Value) -> Value {
    match (old, new) {
        (Value::Object(mut old), Value::Object(new)) => {
            for (key, value) in new {
                let before = old.remove(&key).unwrap_or(Value::Null);
                old.insert(key, merge(before, value));
            }
            Value::Object(old)
        }
        (_, new) => new,
    }
}

/// The references in a text, in order.
pub fn references(text: &str) -> Vec<Reference> {
    let is_reference = |piece| match piece {
        Piece::Reference(reference, _) => Some(reference),
        Piece::Text(_) => None,
    };
    reference::pieces(text)
        .into_iter()
        .filter_map(is_reference)
        .collect()
}

/// The references in a value that are not local.
fn collect_references(value: &Value, found: &mut BTreeSet<Reference>) {
    let plain = |text: &str| references(text).into_iter().filter(|one| !one.is_local());
    match value {
        Value::String(text) => found.extend(plain(text)),
        Value::Array(items) => items
            .iter()
            .for_each(|item| collect_references(item, found)),
        Value::Object(fields) => fields.iter().for_each(|(key, value)| {
            found.extend(plain(key));
            collect_references(value, found);
        }),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// Whether any text in a value still holds a reference.
pub fn has_references(value: &Value) -> bool {
    match value {
        Value::String(text) => !references(text).is_empty(),
        Value::Array(items) => items.iter().any(has_references),
        Value::Object(fields) => fields
            .iter()
            .any(|(key, value)| !references(key).is_empty() || has_references(value)),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

/// One long value may be named many times in a small file: what a pipeline may grow to by its vars.
const MAX_FILLED: usize = 64 * 1024 * 1024;

struct Filler<'f> {
    vars: &'f Vars,
    /// Whether local references are filled in, or all others.
    local: bool,
    missing: Missing,
    /// Whether this is a value of a var, whose own values are taken as they are.
    inside: bool,
    problems: &'f mut Vec<Problem>,
    /// Bytes that may still be filled in.
    left: usize,
}

impl Filler<'_> {
    fn node(&mut self, node: &Node) -> Node {
        let kind = match &node.kind {
            Kind::String(text) => return self.text(text, node.at),
            Kind::List(items) => Kind::List(items.iter().map(|item| self.node(item)).collect()),
            Kind::Map(entries) => {
                Kind::Map(entries.iter().map(|entry| self.entry(entry)).collect())
            }
            plain => plain.clone(),
        };
        Node { at: node.at, kind }
    }

    fn entry(&mut self, entry: &Entry) -> Entry {
        let key = match self.text(&entry.key, entry.at).kind {
            Kind::String(key) => key,
            Kind::Number(number) => number.to_string(),
            Kind::Bool(truth) => truth.to_string(),
            other => {
                let what = Node {
                    at: entry.at,
                    kind: other,
                }
                .describe();
                self.report(
                    entry.at,
                    format!("the key `{}` must become a text, not {what}", entry.key),
                );
                entry.key.clone()
            }
        };
        Entry {
            key,
            at: entry.at,
            value: self.node(&entry.value),
        }
    }

    fn text(&mut self, text: &str, at: Position) -> Node {
        let pieces = reference::pieces(text);
        if let [Piece::Reference(reference, original)] = pieces.as_slice() {
            let value = self.value(reference, at);
            return value.map_or_else(
                || Node {
                    at,
                    kind: Kind::String((*original).to_owned()),
                },
                |value| Node::from_json(&value, at),
            );
        }
        let mut whole = String::new();
        for piece in &pieces {
            match piece {
                Piece::Text(text) => whole.push_str(text),
                Piece::Reference(reference, original) => {
                    whole.push_str(&self.embedded(reference, original, at))
                }
            }
        }
        Node {
            at,
            kind: Kind::String(whole),
        }
    }

    fn embedded(&mut self, reference: &Reference, original: &str, at: Position) -> String {
        match self.value(reference, at) {
            Some(Value::String(text)) => text,
            Some(value @ (Value::Number(_) | Value::Bool(_))) => value.to_string(),
            Some(_) => {
                self.report(at, format!("{original} stands inside a text, so it must be a text, number or truth value"));
                original.to_owned()
            }
            None => original.to_owned(),
        }
    }

    fn value(&mut self, reference: &Reference, at: Position) -> Option<Value> {
        let ours = reference.is_local() == self.local;
        let found = ours.then(|| self.vars.lookup(reference)).flatten();
        let size = found.map_or(0, weight);
        if size > self.left {
            self.report(
                at,
                format!("the values of vars make the file larger than {MAX_FILLED} bytes"),
            );
            return None;
        }
        self.left -= size;
        let found = found.cloned();
        let keep = match self.missing {
            Missing::Keep => true,
            Missing::KeepLocal => reference.is_local(),
            Missing::Report => !ours && !reference.is_local(),
        };
        if found.is_none() && !keep {
            self.report(at, undefined(reference));
        }
        found.map(|value| self.inner(value, at))
    }

    /// A value of a var, with its own references filled in.
    fn inner(&mut self, value: Value, at: Position) -> Value {
        if self.inside || self.local || !has_references(&value) {
            return value;
        }
        self.inside = true;
        let filled = self.node(&Node::from_json(&value, at)).to_json();
        self.inside = false;
        filled
    }

    fn report(&mut self, at: Position, message: String) {
        self.problems.push(Problem { at, message });
    }
}

/// About the bytes that a value takes.
fn weight(value: &Value) -> usize {
    let inside: usize = match value {
        Value::String(text) => text.len(),
        Value::Array(items) => items.iter().map(weight).sum(),
        Value::Object(fields) => fields
            .iter()
            .map(|(key, value)| key.len() + weight(value))
            .sum(),
        Value::Null | Value::Bool(_) | Value::Number(_) => 0,
    };
    inside + 8
}

fn undefined(reference: &Reference) -> String {
    match reference.source.as_deref() {
        Some(".") => format!(
            "(({reference})) is not set here: a `load_var`, `across` or `get` before this step sets local vars"
        ),
        Some(source) => format!(
            "(({reference})) asks the var source `{source}`, which only Concourse does: give the value with --var {reference}=VALUE"
        ),
        None => format!("(({reference})) has no value: give it with --var or --load-vars-from"),
    }
}
