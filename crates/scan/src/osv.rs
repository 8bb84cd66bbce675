//! Advisory records in OSV format (<https://ossf.github.io/osv-schema/>), as far as matching needs them.

mod bounded;
mod cvss;
mod range;
mod rating;

use serde::Deserialize;

pub use cvss::score;

use crate::version::Order;
use trireme_finding::Rating;

/// One advisory. Keys that matching does not need are passed over: the format grows.
#[derive(Debug, Deserialize)]
pub struct Advisory {
    /// Its id, e.g. `DSA-5532-1`.
    pub id: String,
    /// When it was taken back, if it was. A withdrawn advisory matches nothing.
    #[serde(default)]
    pub withdrawn: Option<String>,
    /// Other ids of the same flaw.
    #[serde(default)]
    pub aliases: Vec<String>,
    /// The flaws that it is about, as others name them.
    #[serde(default)]
    pub upstream: Vec<String>,
    /// One line for people.
    #[serde(default)]
    pub summary: String,
    /// Severities that hold for every package.
    #[serde(default)]
    pub severity: Vec<SeverityEntry>,
    /// What the publisher adds.
    #[serde(default)]
    pub database_specific: Specific,
    /// The packages that it is about.
    #[serde(default, deserialize_with = "bounded::list")]
    pub affected: Vec<Affected>,
}

/// A package that an advisory is about.
#[derive(Debug, Deserialize)]
pub struct Affected {
    /// Which one; records about Git repositories have none.
    #[serde(default)]
    pub package: Option<PackageName>,
    /// Ranges of affected versions.
    #[serde(default)]
    pub ranges: Vec<Range>,
    /// Affected versions, listed.
    #[serde(default)]
    pub versions: Vec<String>,
    /// Severities for this package.
    #[serde(default)]
    pub severity: Vec<SeverityEntry>,
    /// What the ecosystem adds, e.g. Debian's urgency.
    #[serde(default)]
    pub ecosystem_specific: Specific,
    /// What the publisher adds.
    #[serde(default)]
    pub database_specific: Specific,
}

/// A package's name in its ecosystem.
#[derive(Debug, Deserialize)]
pub struct PackageName {
    /// E.g. `Debian:12`.
    pub ecosystem: String,
    /// For distributions, the source package.
    pub name: String,
}

/// A severity in one scheme.
#[derive(Debug, Deserialize)]
pub struct SeverityEntry {
    /// E.g. `CVSS_V3`.
    #[serde(rename = "type")]
    pub scheme: String,
    /// E.g. a CVSS vector.
    pub score: String,
}

/// Free keys of publishers, of which these two state a severity.
#[derive(Debug, Default, Deserialize)]
pub struct Specific {
    /// A word, e.g. `HIGH`.
    #[serde(default)]
    pub severity: Option<serde_json::Value>,
    /// Debian's word.
    #[serde(default)]
    pub urgency: Option<serde_json::Value>,
}

/// A range of versions.
#[derive(Debug, Deserialize)]
pub struct Range {
    /// `ECOSYSTEM`, `SEMVER` or `GIT`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Where the affected versions begin and end.
    #[serde(default)]
    pub events: Vec<Event>,
}

/// Where affected versions begin or end; exactly one of the keys is there.
#[derive(Debug, Default, Deserialize)]
pub struct Event {
    /// Affected from this version on; `0` is before every version.
    #[serde(default)]
    pub introduced: Option<String>,
    /// No longer affected from this version on.
    #[serde(default)]
    pub fixed: Option<String>,
    /// Affected up to and with this version.
    #[serde(default)]
    pub last_affected: Option<String>,
}

/// That a version is affected, and what repairs it.
#[derive(Debug, PartialEq, Eq)]
pub struct Hit {
    /// The version in which it is fixed, if there is one.
    pub fixed: Option<String>,
}

impl Affected {
    /// Whether it affects this version: it is listed, or lies in a range. An entry with neither names no version
    /// that would be safe, so it affects all of them.
    pub fn hit(&self, version: &str, order: Order) -> Option<Hit> {
        let ordered = |range: &&Range| range.kind == "ECOSYSTEM" || is_semantic(range, order);
        if self.versions.is_empty() && !self.ranges.iter().any(|range| ordered(&range)) {
            return Some(Hit { fixed: None });
        }
        let mut hits = self
            .ranges
            .iter()
            .filter(ordered)
            .filter_map(|range| range.hit(version, order));
        match hits.next() {
            Some(first) => Some(hits.fold(first, |a, b| later_fix(a, b, order))),
            None => self
                .versions
                .iter()
                .any(|listed| order.compare(listed, version).is_eq())
                .then_some(Hit { fixed: None }),
        }
    }
}

/// Go's own database and Rust's write ranges of this kind; GitHub's write the other for them.
fn is_semantic(range: &Range, order: Order) -> bool {
    range.kind == "SEMVER" && order == Order::Semver
}

/// Two ranges hold the version: only the later fix repairs both, and none does if one has no fix.
fn later_fix(a: Hit, b: Hit, order: Order) -> Hit {
    let later = |a: String, b: String| if order.compare(&a, &b).is_lt() { b } else { a };
    Hit {
        fixed: a.fixed.zip(b.fixed).map(|(a, b)| later(a, b)),
    }
}

impl Advisory {
    /// Whether it was taken back: at a time, which an empty text is not.
    pub fn is_withdrawn(&self) -> bool {
        let is_time = |text: &String| text.starts_with(|c: char| c.is_ascii_digit());
        self.withdrawn.as_ref().is_some_and(is_time)
    }

    /// How bad it is for one of its packages, see [`rating`].
    pub fn rating(&self, affected: &Affected) -> Rating {
        rating::of(self, affected)
    }
}

#[cfg(test)]
mod tests;
