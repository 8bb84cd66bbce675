//! The grammar and order of Kubernetes versions, with and without the suffix of a vendor.

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

use semver::{BuildMetadata, Prerelease};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::natural;

/// Longer text is no version of any vendor; it would only fill messages and evidence.
const LENGTH_LIMIT: usize = 128;

/// Longer text is not shown in a message.
const SHOWN_LIMIT: usize = 80;

/// The words that begin a pre-release, in the order of their maturity.
const PRERELEASES: [&str; 3] = ["alpha", "beta", "rc"];

/// A Kubernetes version: a release (`v1.37.2`, `v1.38.0-rc.1`), and the suffix of a vendor if there is one (`v1.37.2+k3s1`,
/// `v1.37.2-eks-cb19647`).
///
/// - **Pre-release:** what begins with `alpha`, `beta` or `rc`, as Kubernetes itself writes it (`-rc.1`, `-alpha.3.12`). The
///   spelling `-rc1` counts too: with it k3s and RKE2 mark their own candidates, and a candidate must not pass as a release.
/// - **Vendor suffix:** everything else after `-` or `+`. It is kept as it was written.
/// - **Order:** first by release, a pre-release before its release. Versions of one release are ordered by suffix: no
///   suffix first, then by text, where digits count as numbers (`+k3s9` before `+k3s10`). The order of suffixes only makes the
///   order total. It does not say which build is newer: compare [`Version::release`] to decide about an upgrade.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Version {
    major: u64,
    minor: u64,
    patch: u64,
    prerelease: Prerelease,
    /// The first part of the suffix, with its sign: `-eks-1`. A `BuildMetadata` because it has the letters of one.
    vendor: BuildMetadata,
    /// The second part of the suffix, without its sign: `k3s1`.
    build: BuildMetadata,
}

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
#[error("{shown} is not a Kubernetes version; expected e.g. `v1.37.2` or `v1.37.2+k3s1`")]
pub struct ParseError {
    shown: String,
}

impl Version {
    /// A release without pre-release part and without suffix.
    pub const fn new(major: u64, minor: u64, patch: u64) -> Self {
        Self {
            major,
            minor,
            patch,
            prerelease: Prerelease::EMPTY,
            vendor: BuildMetadata::EMPTY,
            build: BuildMetadata::EMPTY,
        }
    }

    /// The minor line it belongs to.
    pub fn minor(&self) -> Minor {
        Minor {
            major: self.major,
            minor: self.minor,
        }
    }

    /// `2` of `v1.37.2`.
    pub fn patch(&self) -> u64 {
        self.patch
    }

    /// Whether it is an alpha, a beta or a release candidate.
    pub fn is_prerelease(&self) -> bool {
        !self.prerelease.is_empty()
    }

    /// The suffix of the vendor as it was written, e.g. `+k3s1`; empty without one.
    pub fn suffix(&self) -> String {
        let sign = if self.build.is_empty() { "" } else { "+" };
        format!("{}{sign}{}", self.vendor, self.build)
    }

    /// The release that it is a build of: the same version without the suffix of a vendor. A pre-release stays one.
    #[must_use]
    pub fn release(&self) -> Self {
        Self {
            vendor: BuildMetadata::EMPTY,
            build: BuildMetadata::EMPTY,
            ..self.clone()
        }
    }

    /// Whether `running` is what is wanted, where `self` is the wanted version.
    ///
    /// - Wanted without suffix: any build of the same release will do, since the pipeline did not ask for a certain one.
    ///   `v1.37.2` accepts `v1.37.2`, `v1.37.2+k3s1` and `v1.37.2-eks-cb19647`.
    /// - Wanted with suffix: exactly this build. `v1.37.2+k3s2` accepts neither `v1.37.2+k3s1` nor `v1.37.2`.
    ///
    /// A pre-release is another release than the one it leads to: `v1.37.2` does not accept `v1.37.2-rc.1`.
    #[must_use]
    pub fn accepts(&self, running: &Self) -> bool {
        self == running || *self == running.release()
    }

    /// The release as the semver crate has it, for constraints.
    pub(crate) fn as_semver(&self) -> semver::Version {
        semver::Version {
            major: self.major,
            minor: self.minor,
            patch: self.patch,
            pre: self.prerelease.clone(),
            build: BuildMetadata::EMPTY,
        }
    }

    /// Without the leading `v`, as images and packages often write it.
    pub fn bare(&self) -> String {
        self.to_string()[1..].to_owned()
    }
}

impl Minor {
    /// How many minors `self` is ahead of `other`; negative when behind. `None` across majors, for which there is no rule.
    pub fn ahead_of(self, other: Self) -> Option<i64> {
        if self.major != other.major {
            return None;
        }
        Some(self.minor as i64 - other.minor as i64)
    }
}

impl Ord for Version {
    fn cmp(&self, other: &Self) -> Ordering {
        let numbers = |version: &Self| (version.major, version.minor, version.patch);
        numbers(self)
            .cmp(&numbers(other))
            // `false` is less than `true`: a pre-release comes before its release.
            .then(other.is_prerelease().cmp(&self.is_prerelease()))
            .then_with(|| natural::compare(&self.prerelease, &other.prerelease))
            .then_with(|| natural::compare(&self.vendor, &other.vendor))
            .then_with(|| natural::compare(&self.build, &other.build))
    }
}

impl PartialOrd for Version {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// Text for a message. Long text is not cut but left out: it may be a secret in the wrong place, and a filter that knows the
/// secret does not find half of it.
pub(crate) fn shown(text: &str) -> String {
    match text.len() {
        0..=SHOWN_LIMIT => format!("`{text}`"),
        length => format!("a text of {length} bytes"),
    }
}

impl FromStr for Version {
    type Err = ParseError;

    /// Reads `v1.37.2` or `1.37.2`, with an optional pre-release and an optional suffix of a vendor.
    fn from_str(text: &str) -> Result<Self, ParseError> {
        parse(text).ok_or_else(|| ParseError { shown: shown(text) })
    }
}

fn parse(text: &str) -> Option<Version> {
    if text.len() > LENGTH_LIMIT {
        return None;
    }
    let bare = text.strip_prefix('v').unwrap_or(text);
    let (front, build) = match bare.split_once('+') {
        Some((front, build)) => (front, filled(build)?),
        None => (bare, BuildMetadata::EMPTY),
    };
    let (numbers, rest) = match front.split_once('-') {
        Some((numbers, rest)) => (numbers, Some(rest)),
        None => (front, None),
    };
    let numbers = semver::Version::parse(numbers).ok()?;
    let (prerelease, vendor) = rest.map_or(Some(Default::default()), split_prerelease)?;
    let plausible = numbers.major < 10_000 && numbers.minor < 10_000;
    plausible.then_some(Version {
        prerelease,
        vendor,
        build,
        ..Version::new(numbers.major, numbers.minor, numbers.patch)
    })
}

/// `rc.1` and `-eks-1` of `rc.1-eks-1`. Either may be empty, not both.
fn split_prerelease(text: &str) -> Option<(Prerelease, BuildMetadata)> {
    let (prerelease, vendor) = text.split_at(prerelease_length(text));
    let prerelease = Prerelease::new(prerelease).ok()?;
    let vendor = match prerelease.is_empty() {
        true => filled(text).and(filled(&format!("-{text}")))?,
        false if vendor.is_empty() => BuildMetadata::EMPTY,
        false => filled(vendor.strip_prefix('-')?).and(filled(vendor))?,
    };
    Some((prerelease, vendor))
}

/// Identifiers of letters, digits and hyphens, separated by dots: one at least.
fn filled(text: &str) -> Option<BuildMetadata> {
    let identifiers = BuildMetadata::new(text).ok()?;
    (!identifiers.is_empty()).then_some(identifiers)
}

/// How much of `text` is a pre-release: one of its words, then numbers with dots. 0 when it begins with another word.
fn prerelease_length(text: &str) -> usize {
    let is_word = |word: &&&str| {
        let begin = text.get(..word.len());
        let next = text.as_bytes().get(word.len());
        begin.is_some_and(|begin| begin.eq_ignore_ascii_case(word))
            && !next.is_some_and(u8::is_ascii_alphabetic)
    };
    let Some(word) = PRERELEASES.iter().find(is_word) else {
        return 0;
    };
    let digits = |from: usize| {
        let rest = text.as_bytes().get(from..).unwrap_or_default();
        rest.iter().take_while(|byte| byte.is_ascii_digit()).count()
    };
    let mut end = word.len() + digits(word.len());
    while text[end..].starts_with('.') && digits(end + 1) > 0 {
        end += 1 + digits(end + 1);
    }
    end
}

impl fmt::Display for Version {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.is_prerelease() { "-" } else { "" };
        write!(
            formatter,
            "v{}.{}.{}{sign}{}{}",
            self.major,
            self.minor,
            self.patch,
            self.prerelease,
            self.suffix()
        )
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
mod tests;
