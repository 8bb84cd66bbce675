//! The few bodies that kubectl sends as protobuf and in no other form: evictions, deletions, questions about access.
//!
//! Field numbers are those of the `generated.proto` files of `k8s.io/api` and `k8s.io/apimachinery`. Answers are JSON, which
//! kubectl takes as well.

use serde_json::{Map, Value, json};

/// The media type.
pub(crate) const MEDIA_TYPE: &str = "application/vnd.kubernetes.protobuf";

/// What every such body begins with.
const MAGIC: &[u8] = b"k8s\0";

/// One field of a message: its number, its JSON name, and what it holds.
type Field = (u64, &'static str, Holds);

#[derive(Clone, Copy)]
enum Holds {
    Text,
    Texts,
    Number,
    Message(&'static [Field]),
}

use Holds::{Message, Number, Text, Texts};

const METADATA: &[Field] = &[(1, "name", Text), (3, "namespace", Text)];
const PRECONDITIONS: &[Field] = &[(1, "uid", Text), (2, "resourceVersion", Text)];
const DELETE_OPTIONS: &[Field] = &[
    (1, "gracePeriodSeconds", Number),
    (2, "preconditions", Message(PRECONDITIONS)),
    (4, "propagationPolicy", Text),
    (5, "dryRun", Texts),
];
const EVICTION: &[Field] = &[
    (1, "metadata", Message(METADATA)),
    (2, "deleteOptions", Message(DELETE_OPTIONS)),
];
const RESOURCE: &[Field] = &[
    (1, "namespace", Text),
    (2, "verb", Text),
    (3, "group", Text),
    (4, "version", Text),
    (5, "resource", Text),
    (6, "subresource", Text),
    (7, "name", Text),
];
const PATH: &[Field] = &[(1, "path", Text), (2, "verb", Text)];
const ACCESS: &[Field] = &[
    (1, "resourceAttributes", Message(RESOURCE)),
    (2, "nonResourceAttributes", Message(PATH)),
];
const ACCESS_REVIEW: &[Field] = &[(2, "spec", Message(ACCESS))];
const RULES: &[Field] = &[(1, "namespace", Text)];
const RULES_REVIEW: &[Field] = &[(2, "spec", Message(RULES))];
const TYPE: &[Field] = &[(1, "apiVersion", Text), (2, "kind", Text)];

/// The object in a body, as JSON; `None` for one of another kind, or one that cannot be read.
pub(crate) fn decode(body: &[u8]) -> Option<Value> {
    let envelope = body.strip_prefix(MAGIC)?;
    let (mut kind, mut raw): (Value, &[u8]) = (json!({}), &[]);
    for field in fields(envelope)? {
        match field {
            (1, Wire::Bytes(bytes)) => kind = message(bytes, TYPE)?,
            (2, Wire::Bytes(bytes)) => raw = bytes,
            _ => {}
        }
    }
    let shape = match kind["kind"].as_str()? {
        "Eviction" => EVICTION,
        "DeleteOptions" => DELETE_OPTIONS,
        "SelfSubjectAccessReview" => ACCESS_REVIEW,
        "SelfSubjectRulesReview" => RULES_REVIEW,
        "SelfSubjectReview" => &[],
        _ => return None,
    };
    let mut object = message(raw, shape)?;
    for key in ["apiVersion", "kind"] {
        object[key] = kind[key].clone();
    }
    Some(object)
}

/// A message as a JSON object; fields that are not named, and empty texts, are left out.
fn message(bytes: &[u8], shape: &[Field]) -> Option<Value> {
    let mut object = Map::new();
    for (number, wire) in fields(bytes)? {
        let Some((_, name, holds)) = shape.iter().find(|field| field.0 == number) else {
            continue;
        };
        match (holds, wire) {
            (Text, Wire::Bytes(bytes)) if !bytes.is_empty() => {
                object.insert((*name).into(), text(bytes)?);
            }
            (Texts, Wire::Bytes(bytes)) => {
                let list = object.entry(*name).or_insert_with(|| json!([]));
                list.as_array_mut()?.push(text(bytes)?);
            }
            (Number, Wire::Number(number)) => {
                object.insert((*name).into(), number.into());
            }
            (Message(shape), Wire::Bytes(bytes)) => {
                object.insert((*name).into(), message(bytes, shape)?);
            }
            _ => {}
        }
    }
    Some(Value::Object(object))
}

fn text(bytes: &[u8]) -> Option<Value> {
    std::str::from_utf8(bytes).ok().map(Value::from)
}

/// A field on the wire.
enum Wire<'a> {
    Number(u64),
    Bytes(&'a [u8]),
}

/// The fields of a message; `None` when it is cut off or of a wire type that these messages do not have.
fn fields(mut bytes: &[u8]) -> Option<Vec<(u64, Wire<'_>)>> {
    let mut all = Vec::new();
    while !bytes.is_empty() {
        let tag = varint(&mut bytes)?;
        let wire = match tag & 7 {
            0 => Wire::Number(varint(&mut bytes)?),
            2 => {
                let length = usize::try_from(varint(&mut bytes)?).ok()?;
                let (field, rest) = bytes.split_at_checked(length)?;
                bytes = rest;
                Wire::Bytes(field)
            }
            _ => return None,
        };
        all.push((tag >> 3, wire));
    }
    Some(all)
}

fn varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let (first, rest) = bytes.split_first()?;
        *bytes = rest;
        value |= u64::from(first & 0x7f) << shift;
        if first & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_eviction_is_read_and_every_cut_is_refused_or_harmless() {
        let body = b"k8s\0\x0a\x15\x0a\x09policy/v1\x12\x08Eviction\x12\x12\x0a\x09\x0a\x01a\x12\x00\x1a\x02ns\x12\x05\x2a\x03All";
        let expected = json!({
            "apiVersion": "policy/v1", "kind": "Eviction",
            "metadata": {"name": "a", "namespace": "ns"}, "deleteOptions": {"dryRun": ["All"]},
        });
        assert_eq!(decode(body), Some(expected.clone()));
        for length in 0..body.len() {
            assert_ne!(
                decode(&body[..length]),
                Some(expected.clone()),
                "cut at {length}"
            );
        }
    }
}
