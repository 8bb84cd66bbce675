//! What was found out about one artifact, and what was not.

use crate::Finding;

/// All that was found out about one artifact.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Examination {
    /// The artifact: the digest that was asked about.
    pub digest: String,
    /// The images that were examined: one, or one for each platform of an index.
    pub examined: Vec<Examined>,
    /// Every advisory that matched.
    pub findings: Vec<Finding>,
    /// What was seen and could not be examined.
    pub not_examined: Vec<NotExamined>,
}

/// One image that was examined.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Examined {
    /// The digest of its manifest.
    pub digest: String,
    /// Its platform, e.g. `linux/amd64`; `unknown` if it does not say.
    pub platform: String,
    /// Where its packages come from, e.g. `Debian:12`.
    pub ecosystem: String,
    /// How many installed packages were matched against the advisories.
    pub packages: usize,
}

/// Something that may carry packages, was seen, and could not be examined. Never the same as clean.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct NotExamined {
    /// What kind of thing it is, e.g. `Go or other programs that no package owns`.
    pub what: String,
    /// Why it was not examined.
    pub reason: String,
    /// How many there are.
    pub count: usize,
    /// Some of them, by path or digest: enough to find the rest.
    pub examples: Vec<String>,
}
