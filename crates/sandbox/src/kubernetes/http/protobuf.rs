//! The bodies that `kubectl drain` and `kubectl auth` send as protobuf and in no other form: evictions, deletions, and
//! questions about access.
//!
//! What is read is in [`shapes`]; a body with more in it than that is refused, as what is not read would be lost.
//! Answers are JSON, which kubectl takes as well.

mod shapes;

use serde_json::{Map, Value, json};

/// The media type.
pub(crate) const MEDIA_TYPE: &str = "application/vnd.kubernetes.protobuf";

/// What every such body begins with.
const MAGIC: &[u8] = b"k8s\0";

/// How deep a message is looked into that the tables do not name; the deepest that clients leave empty has three.
const EMPTY_DEPTH: usize = 8;

/// One field of a message: its number, its JSON name, and what it holds.
type Field = (u64, &'static str, Holds);

#[derive(Clone, Copy)]
enum Holds {
    /// Not given when it is empty.
    Text,
    Texts,
    /// Zero is a value.
    Number,
    Flag,
    Message(&'static [Field]),
}

/// The object in a body, as JSON; `None` for one of another kind, or one that cannot be read as a whole.
pub(crate) fn decode(body: &[u8]) -> Option<Value> {
    let envelope = body.strip_prefix(MAGIC)?;
    let (mut kind, mut raw): (Value, &[u8]) = (json!({}), &[]);
    for field in fields(envelope)? {
        match field {
            (1, Wire::Bytes(bytes)) => kind = message(bytes, shapes::TYPE)?,
            (2, Wire::Bytes(bytes)) => raw = bytes,
            _ => {}
        }
    }
    let mut object = message(raw, shapes::of(kind["kind"].as_str()?)?)?;
    for key in ["apiVersion", "kind"] {
        object[key] = kind[key].clone();
    }
    Some(object)
}

/// A message as a JSON object.
fn message(bytes: &[u8], shape: &[Field]) -> Option<Value> {
    let mut object = Map::new();
    for (number, wire) in fields(bytes)? {
        match shape.iter().find(|field| field.0 == number) {
            Some((_, name, holds)) => read(&mut object, name, *holds, &wire)?,
            None if wire.is_empty(EMPTY_DEPTH) => {}
            None => return None,
        }
    }
    Some(Value::Object(object))
}

/// Reads one field into the object; `None` when it is not what the table says.
fn read(object: &mut Map<String, Value>, name: &str, holds: Holds, wire: &Wire<'_>) -> Option<()> {
    let value = match (holds, wire) {
        (Holds::Text, Wire::Bytes([])) => return Some(()),
        (Holds::Text, Wire::Bytes(bytes)) => text(bytes)?,
        (Holds::Texts, Wire::Bytes(bytes)) => {
            let texts = object.entry(name).or_insert(json!([]));
            texts.as_array_mut()?.push(text(bytes)?);
            return Some(());
        }
        (Holds::Number, Wire::Number(number)) => number.cast_signed().into(),
        (Holds::Flag, Wire::Number(number)) => (*number != 0).into(),
        (Holds::Message(shape), Wire::Bytes(bytes)) => message(bytes, shape)?,
        _ => return None,
    };
    object.insert(name.to_owned(), value);
    Some(())
}

fn text(bytes: &[u8]) -> Option<Value> {
    std::str::from_utf8(bytes).ok().map(Value::from)
}

/// A field on the wire.
enum Wire<'a> {
    Number(u64),
    Bytes(&'a [u8]),
}

impl Wire<'_> {
    /// Whether it says nothing: zero, no bytes, or a message of such fields down to this depth.
    fn is_empty(&self, depth: usize) -> bool {
        match self {
            Self::Number(number) => *number == 0,
            Self::Bytes([]) => true,
            Self::Bytes(bytes) if depth > 0 => fields(bytes)
                .is_some_and(|all| all.iter().all(|(_, wire)| wire.is_empty(depth - 1))),
            Self::Bytes(_) => false,
        }
    }
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

    /// An Eviction of `a`, and then the given field.
    fn eviction(more: &[u8]) -> Option<Value> {
        let mut body = b"k8s\0\x0a\x15\x0a\x09policy/v1\x12\x08Eviction\x12".to_vec();
        let object = b"\x0a\x03\x0a\x01a";
        body.push(u8::try_from(object.len() + more.len()).unwrap());
        body.extend(object);
        body.extend(more);
        decode(&body)
    }

    #[test]
    fn what_is_not_read_is_refused_unless_it_says_nothing() {
        let expected =
            json!({"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": "a"}});
        assert_eq!(eviction(b""), Some(expected.clone()));
        for empty in [&b"\x4a\x00"[..], b"\x3a\x04\x08\x00\x12\x00"] {
            assert_eq!(eviction(empty), Some(expected.clone()), "{empty:?}");
        }
        for unknown in [&b"\x48\x01"[..], b"\x4a\x01x", b"\x4a\x02\x08\x01"] {
            assert_eq!(eviction(unknown), None, "{unknown:?}");
        }
    }
}
