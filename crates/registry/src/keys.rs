//! Keys that are in an object twice: of one key some readers take the first value, and others the last. Once a document is read into a
//! [`serde_json::Value`], they are gone.

use std::{collections::HashSet, fmt};

use serde::de::{Deserialize, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

use crate::shape::FREE;

/// Refuses a manifest in which a key is there twice. What is no JSON is left to who reads it.
///
/// # Errors
/// Which key, and where.
pub(crate) fn check(manifest: &[u8]) -> Result<(), String> {
    match serde_json::from_slice::<Unambiguous>(manifest) {
        Err(error) if error.is_data() => Err(error.to_string()),
        _ => Ok(()),
    }
}

struct Unambiguous;

impl<'de> Deserialize<'de> for Unambiguous {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Self)
    }
}

impl<'de> Visitor<'de> for Unambiguous {
    type Value = Self;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self, A::Error> {
        let mut seen = HashSet::new();
        while let Some(key) = map.next_key::<String>()? {
            // Keys of annotations are anybody's.
            match key.as_str() {
                FREE => map.next_value::<IgnoredAny>().map(drop)?,
                _ => map.next_value::<Self>().map(drop)?,
            }
            if !seen.insert(key.clone()) {
                return Err(A::Error::custom(format!("the key {key:?} is there twice")));
            }
        }
        Ok(self)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self, A::Error> {
        while seq.next_element::<Self>()?.is_some() {}
        Ok(self)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_str<E>(self, _: &str) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_unit<E>(self) -> Result<Self, E> {
        Ok(self)
    }
}

#[cfg(test)]
mod tests {
    use super::check;

    #[test]
    fn a_key_that_is_there_twice_is_refused() {
        for (manifest, told) in [
            (r#"{"layers":[],"layers":[]}"#, "\"layers\" is there twice"),
            (r#"{"x":{"y":1,"y":2}}"#, "\"y\" is there twice"),
        ] {
            let error = check(manifest.as_bytes()).unwrap_err();
            assert!(error.contains(told), "{manifest}: {error}");
        }
    }

    #[test]
    fn keys_that_differ_and_annotations_are_anybodys() {
        for manifest in [
            r#"{"annotations":{"Digest":"a","digest":"b"},"Other":1,"other":null,"f":[1.5,-2,true,"s"]}"#,
            "[]",
            "no JSON",
        ] {
            check(manifest.as_bytes()).unwrap();
        }
    }
}
