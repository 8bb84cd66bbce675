//! JSON Schemas of linked resources: what they say against a value, and which of its texts are secrets.

#[cfg(test)]
mod tests;

use crate::value::texts;
use crate::vars::{self, has_references};
use crate::yaml::{Kind, Node};
use jsonschema::error::ValidationErrorKind;
use serde_json::Value;

/// What a schema says against a part of a value.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Objection {
    /// JSON pointer to the part.
    pub pointer: String,
    pub message: String,
}

/// Everything that the schema says against the node. Values that are still references are not judged.
pub(crate) fn objections(schema: &Value, node: &Node) -> Vec<Objection> {
    let value = node.to_json();
    let validator = match jsonschema::validator_for(schema) {
        Ok(validator) => validator,
        Err(error) => {
            let message = format!("the schema of the resource cannot be used: {error}");
            return vec![Objection {
                pointer: String::new(),
                message,
            }];
        }
    };
    let errors = validator
        .iter_errors(&value)
        .filter(|error| is_certain(error.kind(), error.instance()));
    let describe = |error: jsonschema::ValidationError<'_>| {
        let (key, message) = describe(schema, &error);
        let pointer = format!("{}{key}", error.instance_path());
        Objection { pointer, message }
    };
    errors.map(describe).collect()
}

/// A value with references in it may still become right; unknown keys of it cannot.
fn is_certain(kind: &ValidationErrorKind, instance: &Value) -> bool {
    match kind {
        ValidationErrorKind::AdditionalProperties { unexpected } => unexpected
            .iter()
            .any(|key| vars::references(key).is_empty()),
        ValidationErrorKind::Required { .. } => true,
        _ => !has_references(instance),
    }
}

/// The message, and the key below the instance that it is about.
fn describe(schema: &Value, error: &jsonschema::ValidationError<'_>) -> (String, String) {
    match error.kind() {
        ValidationErrorKind::AdditionalProperties { unexpected } => {
            let known = known_keys(schema, &error.schema_path().to_string());
            let key = unexpected
                .first()
                .map(|key| format!("/{}", key.replace('~', "~0").replace('/', "~1")));
            let names: Vec<String> = unexpected.iter().map(|key| format!("`{key}`")).collect();
            (
                key.unwrap_or_default(),
                format!("unknown key {}; known here: {known}", names.join(", ")),
            )
        }
        ValidationErrorKind::Required { property } => (
            String::new(),
            format!("missing key `{}`", property.as_str().unwrap_or_default()),
        ),
        // The value itself may be a secret: the kind of error is said, not the value.
        _ => (String::new(), expected(schema, error)),
    }
}

/// What the value should be, with what the schema says of it. Of a deprecated key it says what takes its place.
fn expected(schema: &Value, error: &jsonschema::ValidationError<'_>) -> String {
    let path = error.schema_path().to_string();
    let around = path.rsplit_once('/').map_or("", |(around, _)| around);
    let around = lookup(schema, around);
    let choices = around.map(choices).unwrap_or_default();
    if !choices.is_empty() {
        return format!("the value must be one of {}", choices.join(", "));
    }
    let description = around.and_then(|schema| schema.get("description")?.as_str());
    let said = error.masked_with("the value").to_string();
    match description {
        Some(description) if around.is_some_and(is_deprecated) => description.to_owned(),
        Some(description) => format!("{said}: {}", description.trim_end_matches('.')),
        None => said,
    }
}

/// The constants of which a schema allows one.
fn choices(schema: &Value) -> Vec<String> {
    let one_of = schema.get("oneOf").and_then(Value::as_array);
    let constants = one_of.into_iter().flatten().map(|one| one.get("const"));
    let constants: Option<Vec<&Value>> = constants.collect();
    let texts = constants.unwrap_or_default();
    texts.into_iter().map(ToString::to_string).collect()
}

/// The keys that the schema around an `additionalProperties` knows.
fn known_keys(schema: &Value, path: &str) -> String {
    let around = path.rsplit_once('/').map_or("", |(around, _)| around);
    let properties =
        lookup(schema, around).and_then(|schema| schema.get("properties")?.as_object());
    let known = properties.into_iter().flatten();
    let known = known.filter(|(_, property)| !is_deprecated(property));
    let names: Vec<&str> = known.map(|(key, _)| key.as_str()).collect();
    if names.is_empty() {
        "none".to_owned()
    } else {
        names.join(", ")
    }
}

/// Whether the schema stands for a key that nobody should use any more.
fn is_deprecated(schema: &Value) -> bool {
    schema.get("deprecated") == Some(&Value::Bool(true))
}

/// Follows a path of keywords through references.
fn lookup<'s>(root: &'s Value, path: &str) -> Option<&'s Value> {
    let mut schema = root;
    for segment in path.split('/').skip(1) {
        schema = match segment {
            "$ref" => resolve(root, schema)?,
            _ => schema.pointer(&format!("/{segment}"))?,
        };
    }
    Some(schema)
}

/// The schema that `$ref` of this one names.
fn resolve<'s>(root: &'s Value, schema: &Value) -> Option<&'s Value> {
    root.pointer(schema.get("$ref")?.as_str()?.strip_prefix('#')?)
}

/// Schemas refer to each other; deeper than this they do so in circles.
const MAX_DEPTH: usize = 32;

/// The texts of a value that the schema marks as secrets (`writeOnly`).
pub(crate) fn secrets(schema: &Value, value: &Value) -> Vec<String> {
    let mut found = Vec::new();
    collect(schema, schema, value, MAX_DEPTH, &mut found);
    found
}

fn collect(root: &Value, schema: &Value, value: &Value, depth: usize, found: &mut Vec<String>) {
    if depth == 0 || !schema.is_object() {
        return;
    }
    if schema.get("writeOnly") == Some(&Value::Bool(true)) {
        texts(value, found);
        return;
    }
    if let Some(target) = resolve(root, schema) {
        collect(root, target, value, depth - 1, found);
    }
    for keyword in ["anyOf", "oneOf", "allOf"] {
        let choices = schema.get(keyword).and_then(Value::as_array);
        for choice in choices.into_iter().flatten() {
            collect(root, choice, value, depth - 1, found);
        }
    }
    match value {
        Value::Array(items) => {
            let inner = schema.get("items").unwrap_or(&Value::Null);
            items
                .iter()
                .for_each(|item| collect(root, inner, item, depth - 1, found));
        }
        Value::Object(fields) => {
            let other = schema.get("additionalProperties").unwrap_or(&Value::Null);
            for (key, value) in fields {
                let inner = schema
                    .get("properties")
                    .and_then(|keys| keys.get(key))
                    .unwrap_or(other);
                collect(root, inner, value, depth - 1, found);
            }
        }
        _ => {}
    }
}

/// The value laid over defaults, key by key at the top, as Concourse merges `defaults` of a resource type.
pub(crate) fn over_defaults(
    defaults: Option<&Node>,
    node: Option<&Node>,
    at: crate::Position,
) -> Node {
    let entries = |node: Option<&Node>| match node.map(|node| &node.kind) {
        Some(Kind::Map(entries)) => entries.clone(),
        _ => Vec::new(),
    };
    let mut merged = entries(node);
    for entry in entries(defaults) {
        if !merged.iter().any(|own| own.key == entry.key) {
            merged.push(entry);
        }
    }
    Node {
        at: node.map_or(at, |node| node.at),
        kind: Kind::Map(merged),
    }
}
