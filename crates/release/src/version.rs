//! The grammar and order of Kubernetes releases.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A Kubernetes release, e.g. `v1.37.2`. Order is that of semantic versions: a release candidate comes before its release.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Version(semver::Version);

/// A minor line of releases, e.g. `1.37`. What the skew policy counts in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Minor {
    /// `1` of `1.37`.
    pub major: u64,
    /// `37` of `1.37`.
    pub minor: u64,
}

/// Text that is not a version.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a Kubernetes version; expected e.g. `v1.37.2`")]
pub struct ParseError {
    text: String,
}

impl Version {
    /// A release without pre-release part.
    pub const fn new(major: u64, minor: u64, patch: u64) -> Self {
        Self(semver::Version::new(major, minor, patch))
    }

    /// The minor line it belongs to.
    pub fn minor(&self) -> Minor {
        Minor {
            major: self.0.major,
            minor: self.0.minor,
        }
    }

    /// `2` of `v1.37.2`.
    pub fn patch(&self) -> u64 {
        self.0.patch
    }

    /// Whether it is an alpha, beta or release candidate.
    pub fn is_prerelease(&self) -> bool {
        !self.0.pre.is_empty()
    }

    /// As the semver crate has it, for constraints.
    pub fn as_semver(&self) -> &semver::Version {
        &self.0
    }

    /// Without the leading `v`, as images and packages often write it.
    pub fn bare(&self) -> String {
        self.0.to_string()
    }
}

impl Minor {
    /// How many minors `self` is ahead of `other`; negative when behind; none across majors, for which no rule exists.
    pub fn ahead_of(self, other: Self) -> Option<i64> {
        if self.major != other.major {
            return None;
        }
        Some(self.minor as i64 - other.minor as i64)
    }
}

impl FromStr for Version {
    type Err = ParseError;

    /// Reads `v1.37.2` or `1.37.2`, with an optional pre-release. Build metadata (`+k3s1`) is refused: it has no order.
    fn from_str(text: &str) -> Result<Self, ParseError> {
        let wrong = || ParseError {
            text: text.chars().take(80).collect(),
        };
        let bare = text.strip_prefix('v').unwrap_or(text);
        let version = semver::Version::parse(bare).map_err(|_| wrong())?;
        if version.build.is_empty() && version.minor < 10_000 && version.major < 10_000 {
            Ok(Self(version))
        } else {
            Err(wrong())
        }
    }
}

impl fmt::Display for Version {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "v{}", self.0)
    }
}

impl fmt::Display for Minor {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}.{}", self.major, self.minor)
    }
}

impl Serialize for Version {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Version {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_candidate_comes_before_its_release() {
        let candidate: Version = "v1.38.0-rc.1".parse().unwrap();
        assert!(candidate < Version::new(1, 38, 0));
        assert!(candidate > Version::new(1, 37, 9));
        assert!(candidate.is_prerelease());
    }

    #[test]
    fn ten_comes_after_nine() {
        assert!("1.37.10".parse::<Version>().unwrap() > "1.37.9".parse().unwrap());
        assert!("1.100.0".parse::<Version>().unwrap() > "1.99.9".parse().unwrap());
    }

    #[test]
    fn what_is_not_a_version_is_refused() {
        for bad in [
            "",
            "v",
            "1.37",
            "vv1.37.2",
            "1.37.2+k3s1",
            "01.2.3",
            "latest",
            "<html>",
            "1.37.2 ",
        ] {
            assert!(bad.parse::<Version>().is_err(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(major in 0u64..10, minor in 0u64..200, patch in 0u64..100) {
            let version = Version::new(major, minor, patch);
            prop_assert_eq!(version.to_string().parse::<Version>().unwrap(), version.clone());
            prop_assert_eq!(version.bare().parse::<Version>().unwrap(), version);
        }

        #[test]
        fn no_text_panics(text in ".{0,40}") {
            let _ = text.parse::<Version>();
        }
    }
}
