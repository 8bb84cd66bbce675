//! A value that must never be seen.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use crate::decode::kind;
use crate::redact;

/// A secret text from `source` or `params`. It has no `Debug` and no `Display`; reading one teaches the process-wide
/// [`redact`] filter its value, so that no encoding of it leaves the program.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Takes a value that must never be seen from now on.
    pub fn new(value: impl Into<String>) -> Self {
        let value = value.into();
        redact::register_secret(&value);
        Self(value)
    }

    /// The value, for the one call that needs it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // Not left to `String`, whose error would quote what is there in its place.
        match Value::deserialize(deserializer)? {
            Value::String(text) => Ok(Self::new(text)),
            Value::Number(_) => Err(D::Error::custom(
                "found a number, expected a string; put it in quotes",
            )),
            other => Err(D::Error::custom(format!(
                "found {}, expected a string",
                kind(&other)
            ))),
        }
    }
}

impl JsonSchema for Secret {
    fn schema_name() -> Cow<'static, str> {
        "Secret".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "string", "writeOnly": true})
    }
}
