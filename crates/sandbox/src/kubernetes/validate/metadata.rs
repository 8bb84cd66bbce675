//! Labels, annotations and keys of data: their grammar and their sizes (`ValidateObjectMeta`, `ValidateConfigMap` of
//! Kubernetes).

use std::collections::BTreeMap;

use serde_json::Value;

use crate::kubernetes::{failure::Wrong, kinds::Kind, object::pairs};

use super::SUBDOMAIN;

const NAME: &str = "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')";
const QUALIFIED: &str = "a valid label key must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]') with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')";
const VALUE: &str = "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')";
const DATA_KEY: &str = "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')";

/// Of a name or a value, in bytes.
const LONGEST: usize = 63;
const LONGEST_PREFIX: usize = 253;
/// All annotations of an object together, in bytes (`TotalAnnotationSizeLimitB`).
const ANNOTATIONS_BYTES: usize = 256 << 10;
/// All data of a ConfigMap or a Secret together, in bytes (`MaxSecretSize`).
const DATA_BYTES: usize = 1 << 20;

/// All errors in the metadata of an object, the metadata of its template, and its data.
pub(super) fn wrong(kind: &Kind, object: &Value) -> Vec<Wrong> {
    let mut wrong = of_meta(object, "/metadata", "metadata");
    if object.pointer("/spec/template").is_some() {
        wrong.extend(of_meta(object, "/spec/template/metadata", "spec.template"));
    }
    if ["configmaps", "secrets"].contains(&kind.plural) {
        wrong.extend(of_data(object));
    }
    wrong
}

fn of_meta(object: &Value, pointer: &str, field: &str) -> Vec<Wrong> {
    let labels = pairs(object, &format!("{pointer}/labels"));
    let annotations = pairs(object, &format!("{pointer}/annotations"));
    let (of_labels, of_annotations) = (format!("{field}.labels"), format!("{field}.annotations"));
    let invalid = |field: &str, value: &str, why: String| {
        Wrong::new(field, "Invalid value", format!("{value:?}: {why}"))
    };
    let mut wrong = Vec::new();
    for (key, value) in &labels {
        let faults = key_faults(key).into_iter();
        wrong.extend(faults.map(|why| invalid(&of_labels, key, why)));
        wrong.extend(value_fault(value).map(|why| invalid(&of_labels, value, why)));
    }
    for key in annotations.keys() {
        // Of annotations the server takes capitals in the prefix, too.
        let faults = key_faults(&key.to_lowercase()).into_iter();
        wrong.extend(faults.map(|why| invalid(&of_annotations, key, why)));
    }
    wrong.extend(too_long(
        &of_annotations,
        size(&annotations),
        ANNOTATIONS_BYTES,
    ));
    wrong
}

fn of_data(object: &Value) -> Vec<Wrong> {
    let data = pairs(object, "/data");
    let letter = |letter: char| letter.is_ascii_alphanumeric() || "-_.".contains(letter);
    let fault = |key: &str| match key {
        "." | ".." => Some(format!("must not be '{key}'")),
        _ if key.is_empty() || !key.chars().all(letter) => Some(DATA_KEY.to_owned()),
        _ => None,
    };
    let mut wrong: Vec<Wrong> = data
        .keys()
        .filter_map(|key| fault(key).map(|why| (key, why)))
        .map(|(key, why)| {
            Wrong::new(
                &format!("data[{key}]"),
                "Invalid value",
                format!("{key:?}: {why}"),
            )
        })
        .collect();
    // The real server names no field here.
    let bytes = data.values().map(String::len).sum();
    wrong.extend(too_long("[]", bytes, DATA_BYTES));
    wrong
}

fn size(pairs: &BTreeMap<String, String>) -> usize {
    pairs
        .iter()
        .map(|(key, value)| key.len() + value.len())
        .sum()
}

fn too_long(field: &str, bytes: usize, limit: usize) -> Option<Wrong> {
    let why = format!("may not be more than {limit} bytes");
    (bytes > limit).then(|| Wrong::new(field, "Too long", why))
}

/// All that is wrong with a qualified name (`example.com/name` or `name`).
fn key_faults(key: &str) -> Vec<String> {
    match key.split_once('/') {
        Some((_, rest)) if rest.contains('/') => vec![QUALIFIED.to_owned()],
        Some((prefix, name)) => [prefix_faults(prefix), name_faults(name)].concat(),
        None => name_faults(key),
    }
}

fn prefix_faults(prefix: &str) -> Vec<String> {
    let fault = match prefix.len() {
        0 => "must be non-empty".to_owned(),
        length if length > LONGEST_PREFIX => format!("must be no more than {LONGEST_PREFIX} bytes"),
        _ if !super::is_subdomain(prefix) => SUBDOMAIN.to_owned(),
        _ => return Vec::new(),
    };
    vec![format!("prefix part {fault}")]
}

fn name_faults(name: &str) -> Vec<String> {
    let length = match name.len() {
        0 => Some("name part must be non-empty".to_owned()),
        length if length > LONGEST => {
            Some(format!("name part must be no more than {LONGEST} bytes"))
        }
        _ => None,
    };
    let grammar = (!is_word(name)).then(|| NAME.to_owned());
    length.into_iter().chain(grammar).collect()
}

fn value_fault(value: &str) -> Option<String> {
    if value.len() > LONGEST {
        return Some(format!("must be no more than {LONGEST} bytes"));
    }
    (!value.is_empty() && !is_word(value)).then(|| VALUE.to_owned())
}

fn is_word(text: &str) -> bool {
    let end = |letter: char| letter.is_ascii_alphanumeric();
    text.starts_with(end)
        && text.ends_with(end)
        && text
            .chars()
            .all(|letter| end(letter) || "-_.".contains(letter))
}
