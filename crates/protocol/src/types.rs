//! Types of `source` and `params` that have the same name and meaning in every resource.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use serde_json::Value;

use crate::decode::kind;

/// A span of time: a whole number and one of `s`, `m`, `h`, `d`, e.g. `90s`, `15m`, `14d`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct DurationText(Duration);

/// A number of bytes: a whole number and one of `B`, `KiB`, `MiB`, `GiB`, e.g. `512MiB`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Size(u64);

impl DurationText {
    /// A span of that many seconds.
    pub const fn seconds(seconds: u64) -> Self {
        Self(Duration::from_secs(seconds))
    }

    /// As a span of the standard library.
    pub const fn get(self) -> Duration {
        self.0
    }
}

impl Size {
    /// That many bytes.
    pub const fn bytes(bytes: u64) -> Self {
        Self(bytes)
    }

    /// In bytes.
    pub const fn get(self) -> u64 {
        self.0
    }
}

fn number_and_unit(text: &str) -> Option<(u64, &str)> {
    let end = text
        .find(|character: char| !character.is_ascii_digit())
        .unwrap_or(text.len());
    Some((text[..end].parse().ok()?, &text[end..]))
}

impl FromStr for DurationText {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let seconds = number_and_unit(text).and_then(|(number, unit)| {
            let factor = match unit {
                "s" => 1,
                "m" => 60,
                "h" => 3600,
                "d" => 86400,
                _ => return None,
            };
            number.checked_mul(factor)
        });
        seconds
            .map(Self::seconds)
            .ok_or_else(|| "not a duration; expected e.g. `90s`, `15m`, `2h`, `14d`".to_owned())
    }
}

impl FromStr for Size {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let bytes = number_and_unit(text).and_then(|(number, unit)| {
            let factor = match unit {
                "B" => 1,
                "KiB" => 1 << 10,
                "MiB" => 1 << 20,
                "GiB" => 1 << 30,
                _ => return None,
            };
            number.checked_mul(factor)
        });
        bytes
            .map(Self)
            .ok_or_else(|| "not a size; expected e.g. `512MiB`, `2GiB`".to_owned())
    }
}

impl fmt::Display for DurationText {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0.as_secs();
        let (number, unit) = match seconds {
            0 => (0, "s"),
            _ if seconds.is_multiple_of(86400) => (seconds / 86400, "d"),
            _ if seconds.is_multiple_of(3600) => (seconds / 3600, "h"),
            _ if seconds.is_multiple_of(60) => (seconds / 60, "m"),
            _ => (seconds, "s"),
        };
        write!(formatter, "{number}{unit}")
    }
}

impl fmt::Display for Size {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (number, unit) = match self.0 {
            bytes if bytes > 0 && bytes % (1 << 30) == 0 => (bytes >> 30, "GiB"),
            bytes if bytes > 0 && bytes % (1 << 20) == 0 => (bytes >> 20, "MiB"),
            bytes if bytes > 0 && bytes % (1 << 10) == 0 => (bytes >> 10, "KiB"),
            bytes => (bytes, "B"),
        };
        write!(formatter, "{number}{unit}")
    }
}

/// Text that YAML may take for a number: a tag such as `1.32`. For `Option<String>`, with
/// `#[serde(default, deserialize_with = "word")]` and `#[schemars(with = "Word")]`.
pub struct Word;

/// Reads a [`Word`].
///
/// # Errors
/// For what is neither text nor a number, and for empty text; the value is not shown.
pub fn word<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    match word_or_empty(deserializer)? {
        Some(text) if text.is_empty() => Err(de::Error::custom(
            "found an empty string; name something, or leave the key out",
        )),
        word => Ok(word),
    }
}

/// Reads a [`Word`]; empty text is none, as `registry-image` has it.
///
/// # Errors
/// For what is neither text nor a number; the value is not shown.
pub fn word_if_any<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    Ok(word_or_empty(deserializer)?.filter(|text| !text.is_empty()))
}

fn word_or_empty<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    match Value::deserialize(deserializer)? {
        Value::Null => Ok(None),
        Value::String(text) => Ok(Some(text)),
        Value::Number(number) => Ok(Some(number.to_string())),
        other => Err(de::Error::custom(format!(
            "found {}, expected a string",
            kind(&other)
        ))),
    }
}

impl JsonSchema for Word {
    fn schema_name() -> Cow<'static, str> {
        "Word".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": ["string", "number", "null"]})
    }
}

/// Text form, JSON Schema and serde of a type that is written as one word.
macro_rules! written_as_text {
    ($name:ident, $pattern:literal) => {
        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                struct Visitor;
                impl de::Visitor<'_> for Visitor {
                    type Value = $name;
                    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                        formatter.write_str(concat!("text like ", $pattern))
                    }
                    fn visit_str<E: de::Error>(self, text: &str) -> Result<$name, E> {
                        text.parse().map_err(E::custom)
                    }
                }
                deserializer.deserialize_str(Visitor)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl JsonSchema for $name {
            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }
            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({"type": "string", "pattern": $pattern})
            }
        }
    };
}

written_as_text!(DurationText, "^[0-9]+[smhd]$");
written_as_text!(Size, "^[0-9]+(B|KiB|MiB|GiB)$");

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn text_forms_are_exact() {
        assert_eq!("90s".parse(), Ok(DurationText::seconds(90)));
        assert_eq!("14d".parse(), Ok(DurationText::seconds(14 * 86400)));
        assert_eq!("512MiB".parse(), Ok(Size::bytes(512 << 20)));
        for bad in ["", "90", "1.5h", "-1s", "99999999999999999d"] {
            assert!(bad.parse::<DurationText>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_word_may_look_like_a_number() {
        for (json, read) in [
            ("\"1.32\"", Some("1.32")),
            ("1.32", Some("1.32")),
            ("7", Some("7")),
            ("20261201000000", Some("20261201000000")),
            ("null", None),
        ] {
            let mut json = serde_json::Deserializer::from_str(json);
            assert_eq!(word(&mut json).unwrap().as_deref(), read);
        }
        for json in ["true", "[\"canary\"]", "{\"a\": 1}"] {
            let error = word(&mut serde_json::Deserializer::from_str(json)).unwrap_err();
            let error = error.to_string();
            assert!(error.contains("expected a string"), "{error}");
            assert!(!error.contains("canary"), "{error}");
        }
    }

    #[test]
    fn an_empty_word_is_none_only_where_that_is_meant() {
        let empty = || serde_json::Value::from("");
        let error = word(empty()).unwrap_err().to_string();
        assert!(error.contains("an empty string"), "{error}");
        assert_eq!(word_if_any(empty()).unwrap(), None);
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(seconds in 0u64..1_000_000, bytes in 0u64..1 << 50) {
            let duration = DurationText::seconds(seconds);
            prop_assert_eq!(duration.to_string().parse::<DurationText>(), Ok(duration));
            let size = Size::bytes(bytes);
            prop_assert_eq!(size.to_string().parse::<Size>(), Ok(size));
        }
    }
}
