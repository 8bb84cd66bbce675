//! How every evidence file is read and written.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::error::Category;

/// The most bytes that an evidence file may have. A roll of 5,000 nodes with 3,500 budgets has about 4 MB.
pub const LIMIT_BYTES: u64 = 64 << 20;

/// Why a file is not evidence that can be used. The text never repeats what is in the file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EvidenceError {
    /// It is larger than any file that is written here.
    #[error("it has {found} bytes, expected at most {LIMIT_BYTES}")]
    TooLarge {
        /// Its size.
        found: usize,
    },
    /// It is not JSON.
    #[error("it is not JSON: wrong at line {line}, column {column}")]
    NotJson {
        /// Counted from 1.
        line: usize,
        /// Counted from 1; 0 is the end of the line before.
        column: usize,
    },
    /// It is JSON with another content.
    #[error(
        "a required key is missing or has a value of another kind at line {line}, column {column}, expected the keys of format {known}"
    )]
    Shape {
        /// The format as which it was read.
        known: u32,
        /// Counted from 1.
        line: usize,
        /// Counted from 1.
        column: usize,
    },
    /// A newer release wrote it.
    #[error("it has format {found}, expected at most {known}; use a newer Trireme to read it")]
    Newer {
        /// Its format.
        found: u32,
        /// The newest one that is known here.
        known: u32,
    },
    /// No release wrote it.
    #[error("it has format 0, expected 1 to {known}")]
    Zero {
        /// The newest one that is known here.
        known: u32,
    },
    /// One value is not what its key says.
    #[error("key `{key}`: expected {expected}")]
    Value {
        /// The key.
        key: &'static str,
        /// What its value must be.
        expected: &'static str,
    },
}

/// The key `format` of a file whose struct has the shape of format `N`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Format<const N: u32>;

impl<const N: u32> Serialize for Format<N> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u32(N)
    }
}

impl<'de, const N: u32> Deserialize<'de> for Format<N> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match u32::deserialize(deserializer)? {
            found if found == N => Ok(Self),
            _ => Err(serde::de::Error::custom("another format")),
        }
    }
}

/// What every file has, whatever its format.
#[derive(Deserialize)]
struct Head {
    format: u32,
}

/// The format of a file: 1 to `known`.
pub(crate) fn format_of(json: &[u8], known: u32) -> Result<u32, EvidenceError> {
    if json.len() as u64 > LIMIT_BYTES {
        return Err(EvidenceError::TooLarge { found: json.len() });
    }
    let head: Head = parse(json, known)?;
    match head.format {
        0 => Err(EvidenceError::Zero { known }),
        found if found > known => Err(EvidenceError::Newer { found, known }),
        found => Ok(found),
    }
}

/// Reads a file whose format was looked at. Unknown keys are ignored: a newer release may have added them.
pub(crate) fn parse<T: DeserializeOwned>(json: &[u8], known: u32) -> Result<T, EvidenceError> {
    serde_json::from_slice(json).map_err(|error| {
        let (line, column) = (error.line(), error.column());
        match error.classify() {
            Category::Data => EvidenceError::Shape {
                known,
                line,
                column,
            },
            _ => EvidenceError::NotJson { line, column },
        }
    })
}

/// The text of a file: indented, with a line end.
pub(crate) fn write(value: &impl Serialize) -> Vec<u8> {
    let mut text = serde_json::to_vec_pretty(value).expect("a plain struct is always JSON");
    text.push(b'\n');
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_format_is_read_before_anything_else_is_understood() {
        let read = |text: &str| format_of(text.as_bytes(), 2);
        assert_eq!(read(r#"{"format": 1}"#), Ok(1));
        assert_eq!(read(r#"{"format": 2, "more": [{}]}"#), Ok(2));
        let newer = EvidenceError::Newer { found: 3, known: 2 };
        assert_eq!(read(r#"{"a": {"b": 1}, "format": 3}"#), Err(newer));
        assert_eq!(
            read(r#"{"format": 0}"#),
            Err(EvidenceError::Zero { known: 2 })
        );
    }

    #[test]
    fn an_error_says_where_and_never_what_was_read() {
        for text in [
            r#"{"format": "hunter2"}"#,
            r#"{"hunter2": 1}"#,
            r#"{"format": 1, hunter2"#,
            r#""hunter2""#,
            "hunter2",
            "",
        ] {
            let error = format_of(text.as_bytes(), 1).unwrap_err();
            let shown = format!("{error} {error:?}");
            assert!(!shown.contains("hunter2"), "{shown}");
            assert!(shown.contains("line "), "{shown}");
        }
    }

    #[test]
    fn a_file_over_the_limit_is_not_parsed() {
        let found = usize::try_from(LIMIT_BYTES).unwrap() + 1;
        let error = format_of(&vec![b' '; found], 1).unwrap_err();
        assert_eq!(error, EvidenceError::TooLarge { found });
    }
}
