//! How many nodes may be out of service at once.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// A number of things, at least one: a count (`2`) or a share (`25%`) of a whole.
///
/// As `maxUnavailable` of a Deployment that has no surge: a written zero is refused (Kubernetes: "may not be 0 when
/// `maxSurge` is 0"), and a share that comes out as zero counts as one (`ResolveFenceposts`), or no roll would end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    /// That many.
    Count(u32),
    /// That many in a hundred, rounded down.
    Percent(u8),
}

impl Limit {
    /// How many of `whole` this allows; never less than one.
    pub fn of(self, whole: usize) -> usize {
        let count = match self {
            Self::Count(count) => count as usize,
            Self::Percent(percent) => whole * usize::from(percent) / 100,
        };
        count.max(1)
    }
}

impl FromStr for Limit {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let limit = match text.strip_suffix('%') {
            Some(percent) => percent.parse().map(Self::Percent),
            None => text.parse().map(Self::Count),
        };
        match limit {
            Ok(Self::Count(0) | Self::Percent(0)) => Err(format!(
                "`{text}` would let nothing go; expected at least `1` or `1%`"
            )),
            Ok(limit @ (Self::Count(_) | Self::Percent(..=100))) => Ok(limit),
            _ => Err(format!(
                "`{text}` is not a limit; expected a count or a share, e.g. `2`, `25%`"
            )),
        }
    }
}

impl fmt::Display for Limit {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Count(count) => write!(formatter, "{count}"),
            Self::Percent(percent) => write!(formatter, "{percent}%"),
        }
    }
}

struct Written;

impl de::Visitor<'_> for Written {
    type Value = Limit;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a count or a share, e.g. `2`, `25%`")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Limit, E> {
        text.parse().map_err(E::custom)
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<Limit, E> {
        self.visit_str(&number.to_string())
    }
}

impl<'de> Deserialize<'de> for Limit {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Written)
    }
}

impl Serialize for Limit {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl JsonSchema for Limit {
    fn schema_name() -> Cow<'static, str> {
        "Limit".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let pattern = "^(0*[1-9][0-9]*|0*[1-9][0-9]?%|100%)$";
        json_schema!({"type": ["string", "integer"], "pattern": pattern, "minimum": 1})
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_share_is_rounded_down_but_not_to_nothing() {
        for (limit, whole, allowed) in [("25%", 10, 2), ("25%", 3, 1), ("100%", 3, 3), ("2", 9, 2)]
        {
            let limit: Limit = limit.parse().unwrap();
            assert_eq!(limit.of(whole), allowed, "{limit} of {whole}");
        }
    }

    #[test]
    fn what_lets_nothing_go_and_what_is_no_limit_is_refused() {
        for (text, said) in [
            ("0", "would let nothing go"),
            ("0%", "would let nothing go"),
            ("", "is not a limit"),
            ("%", "is not a limit"),
            ("101%", "is not a limit"),
            ("-1", "is not a limit"),
            ("2 %", "is not a limit"),
        ] {
            let refused = text.parse::<Limit>().unwrap_err();
            assert!(refused.contains(said), "{text}: {refused}");
        }
        assert_eq!(serde_json::from_str::<Limit>("2").unwrap(), Limit::Count(2));
        for bad in ["0", "-1", "1.5", "true", "\"0%\"", "4294967296"] {
            assert!(serde_json::from_str::<Limit>(bad).is_err(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(count in 1u32.., percent in 1u8..=100) {
            for limit in [Limit::Count(count), Limit::Percent(percent)] {
                let text = serde_json::to_string(&limit).unwrap();
                prop_assert_eq!(serde_json::from_str::<Limit>(&text).unwrap(), limit);
            }
        }
    }
}
