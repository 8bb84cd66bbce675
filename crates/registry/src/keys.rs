//! The keys of a manifest, which readers may take for different things.
//!
//! Go, and with it containerd and most registries, reads a key whatever its case (encoding/json); we and others read it as it is
//! written. Of `layers` and `Layers` one would be scanned, and the other run.

use std::{collections::HashSet, fmt};

use serde::de::{Deserialize, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// The keys that some reader gives a meaning to (image-spec, manifest.md, image-index.md and descriptor.md).
const KNOWN: [&str; 19] = [
    "schemaVersion",
    "mediaType",
    "artifactType",
    "config",
    "layers",
    "manifests",
    "subject",
    "annotations",
    "digest",
    "size",
    "urls",
    "data",
    "platform",
    "architecture",
    "os",
    "os.version",
    "os.features",
    "variant",
    "features",
];

/// Whether every reader finds the same in a manifest. What is no JSON is left to who reads it.
///
/// # Errors
/// When a key is there twice, or differs from one that is known by its case alone.
pub(crate) fn check(manifest: &[u8]) -> serde_json::Result<()> {
    match serde_json::from_slice::<Unambiguous>(manifest) {
        Err(error) if error.is_data() => Err(error),
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
            let exact = KNOWN.iter().find(|known| folded(known) == folded(&key));
            if let Some(known) = exact.filter(|known| **known != key) {
                return Err(A::Error::custom(format!(
                    "the key {key:?} differs from {known:?} by its case: readers take it for different things"
                )));
            }
            // Keys of annotations are anybody's, and their case counts for all.
            match key.as_str() {
                "annotations" => map.next_value::<IgnoredAny>().map(drop)?,
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

/// As Go compares: the long s and the sign for kelvin are letters too.
fn folded(key: &str) -> String {
    key.to_uppercase().to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::check;

    #[test]
    fn what_readers_take_for_different_things_is_refused() {
        for (manifest, told) in [
            (
                r#"{"layers":[],"Layers":[]}"#,
                "\"Layers\" differs from \"layers\"",
            ),
            (r#"{"Layers":[]}"#, "\"Layers\" differs"),
            ("{\"layer\u{17f}\":[]}", "differs from \"layers\""),
            (
                r#"{"layers":[{"digest":"a","DIGEST":"b"}]}"#,
                "\"DIGEST\" differs",
            ),
            (r#"{"layers":[],"layers":[]}"#, "\"layers\" is there twice"),
            (r#"{"x":{"y":1,"y":2}}"#, "\"y\" is there twice"),
        ] {
            let error = check(manifest.as_bytes()).unwrap_err().to_string();
            assert!(error.contains(told), "{manifest}: {error}");
        }
    }

    #[test]
    fn other_keys_and_annotations_are_anybodys() {
        for manifest in [
            r#"{"annotations":{"Digest":"a","digest":"b"},"Other":1,"other":null,"f":[1.5,-2,true,"s"]}"#,
            "[]",
            "no JSON",
        ] {
            check(manifest.as_bytes()).unwrap();
        }
    }
}
