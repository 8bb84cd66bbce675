//! From the bytes of standard input to the typed input of a step.

use std::io::Read;

use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use serde_path_to_error::{Error, Path, Segment};

use crate::schema::{for_each_secret, schema_of};
use crate::{Fault, redact};

/// Larger input is refused. Concourse's own requests are a few KiB; a source may hold a kubeconfig, keys and certificates.
/// What is read grows in memory, by thirty times where it is one secret of short lines.
pub(crate) const INPUT_LIMIT: u64 = 2 << 20;

/// The request as Concourse writes it (`atc/resource/resource.go`, struct `Resource`).
pub(crate) struct Request {
    source: Value,
    version: Value,
    params: Value,
}

/// Reads one JSON object, at most [`INPUT_LIMIT`] bytes of it.
pub(crate) fn request(input: impl Read) -> Result<Request, Fault> {
    let mut bytes = Vec::new();
    input
        .take(INPUT_LIMIT + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| Fault::operational("could not read standard input").with_source(error))?;
    if bytes.len() as u64 > INPUT_LIMIT {
        return Err(Fault::data(format!(
            "standard input is larger than {INPUT_LIMIT} bytes; expected one JSON object with `source`"
        )));
    }
    let mut members = object(&bytes)?;
    members.values().for_each(register_misplaced);
    let request = Request {
        source: members.remove("source").unwrap_or(Value::Null),
        version: members.remove("version").unwrap_or(Value::Null),
        params: members.remove("params").unwrap_or(Value::Null),
    };
    match members.keys().next() {
        None => Ok(request),
        Some(key) => Err(Fault::data(format!(
            "unknown key `{key}` in the request; expected `source`, `version`, `params`"
        ))),
    }
}

fn object(bytes: &[u8]) -> Result<Map<String, Value>, Fault> {
    const EXPECTED: &str = "expected one JSON object with `source`, as Concourse writes it";
    match serde_json::from_slice(bytes) {
        Ok(Value::Object(members)) => Ok(members),
        Ok(other) => Err(Fault::data(format!(
            "standard input is JSON, but {}; {EXPECTED}",
            kind(&other)
        ))),
        Err(error) if bytes.is_empty() => {
            Err(Fault::data(format!("standard input is empty; {EXPECTED}")).with_source(error))
        }
        // serde_json's message quotes no input, only line and column.
        Err(error) => {
            Err(Fault::data(format!("standard input is not JSON; {EXPECTED}")).with_source(error))
        }
    }
}

impl Request {
    /// The typed source; `{}` when absent or null, so that its required keys are named.
    pub(crate) fn source<T: DeserializeOwned + JsonSchema>(&self) -> Result<T, Fault> {
        typed("source", &self.source)
    }

    /// The typed params; `{}` when absent or null.
    pub(crate) fn params<T: DeserializeOwned + JsonSchema>(&self) -> Result<T, Fault> {
        typed("params", &self.params)
    }

    /// The last version; none when absent, null or `{}`.
    pub(crate) fn version<T: DeserializeOwned>(&self) -> Result<Option<T>, Fault> {
        match &self.version {
            Value::Null => Ok(None),
            Value::Object(members) if members.is_empty() => Ok(None),
            version => serde_path_to_error::deserialize(version.clone())
                .map(Some)
                .map_err(|error| Fault::data(explain("version", version, &error))),
        }
    }

    /// Whether the source asks for debug lines, found before the source is typed.
    pub(crate) fn debug(&self) -> bool {
        self.source["debug"] == true
    }
}

fn typed<T: DeserializeOwned + JsonSchema>(what: &str, value: &Value) -> Result<T, Fault> {
    let value = match value {
        Value::Null => Value::Object(Map::new()),
        Value::Object(_) => value.clone(),
        // Not left to serde, which would quote it: no schema says which part of it is secret.
        other => {
            return Err(Fault::config(format!(
                "{what} is {}; expected an object",
                kind(other)
            )));
        }
    };
    // A message may quote what it should not: what the schema calls secret is registered first.
    for_each_secret(&schema_of::<T>(), &value, &mut register_secrets_in);
    serde_path_to_error::deserialize(&value)
        .map_err(|error| Fault::config(explain(what, &value, &error)))
}

/// No key that we know is longer, and neither is one that somebody meant to be known.
const LONGEST_KEY: usize = 64;

/// A URL may hold a password under whatever key it stands: a proxy, a server, a database. What is too long for a key is a value
/// that lost its place.
fn register_misplaced(value: &Value) {
    match value {
        Value::String(text) if text.contains('@') => redact::register_url(text),
        Value::Object(members) => {
            let keys = members.keys().filter(|key| key.len() > LONGEST_KEY);
            keys.for_each(|key| redact::register_secret(key));
            members.values().for_each(register_misplaced);
        }
        Value::Array(items) => items.iter().for_each(register_misplaced),
        _ => {}
    }
}

fn register_secrets_in(secret: &Value) {
    match secret {
        Value::String(text) => redact::register_secret(text),
        Value::Object(members) => members.values().for_each(register_secrets_in),
        Value::Array(items) => items.iter().for_each(register_secrets_in),
        Value::Null | Value::Bool(_) => {}
        Value::Number(number) => redact::register_secret(&number.to_string()),
    }
}

/// `source.policy: unknown field `sevrity`, expected one of …; did you mean `severity`?`
fn explain(what: &str, value: &Value, error: &Error<serde_json::Error>) -> String {
    let path = error.path().to_string();
    let place = if path == "." {
        what.to_owned()
    } else {
        format!("{what}.{path}")
    };
    let message = error.inner().to_string();
    let shown = without_value(&message, at(value, error.path()));
    match suggestion(&message) {
        Some(known) => format!("{place}: {shown}; did you mean `{known}`?"),
        None => format!("{place}: {shown}"),
    }
}

/// The message without the value that serde quotes in it: it may be a secret in the wrong place.
fn without_value(message: &str, found: &Value) -> String {
    let expected = message.split_once(", expected ");
    match (expected, message.rsplit_once(", expected ")) {
        (Some((_, expected)), _) if message.starts_with("unknown variant ") => {
            format!("unknown value, expected {expected}")
        }
        (_, Some((_, expected))) if message.starts_with("invalid ") => {
            format!("found {}, expected {expected}", kind(found))
        }
        _ => message.to_owned(),
    }
}

/// What stands at the path.
fn at<'a>(value: &'a Value, path: &Path) -> &'a Value {
    path.iter().fold(value, |value, segment| match segment {
        Segment::Seq { index } => &value[*index],
        Segment::Map { key } => &value[key.as_str()],
        Segment::Enum { .. } | Segment::Unknown => value,
    })
}

/// The known name nearest to the unknown one, both read from serde's message, which quotes names in backticks.
fn suggestion(message: &str) -> Option<String> {
    if !message.starts_with("unknown ") {
        return None;
    }
    let mut names = message.split('`').skip(1).step_by(2);
    let unknown = names.next()?;
    names
        .map(|known| (strsim::jaro_winkler(unknown, known), known))
        .filter(|(likeness, _)| *likeness > 0.8)
        .max_by(|left, right| left.0.total_cmp(&right.0))
        .map(|(_, known)| known.to_owned())
}

/// A word for what a value is.
pub(crate) fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}
