//! `verdict.json`: what a scan found in an image, and whether the policy permits the image.

mod first;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::format::{format_of, parse, write};
use crate::{EvidenceError, Format, is_sha256};

/// The newest format of this file.
const FORMAT: u32 = 2;

/// Whether something may be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Decision {
    /// It may.
    Permit,
    /// It may not.
    Deny,
    /// Nothing speaks against it, and something that can run was not examined. Never a yes.
    Incomplete,
}

impl Decision {
    /// The word in the file.
    pub fn word(self) -> &'static str {
        match self {
            Self::Permit => "permit",
            Self::Deny => "deny",
            Self::Incomplete => "incomplete",
        }
    }

    /// Whether it is a permit.
    pub fn permits(self) -> bool {
        self == Self::Permit
    }
}

/// `verdict.json`. A reader needs digest and decision; a file of another scanner may leave out everything else.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VerdictFile {
    /// The format number.
    pub format: Format<FORMAT>,
    /// What was judged.
    pub digest: String,
    /// Permit, deny or incomplete.
    #[serde(rename = "verdict")]
    pub decision: Decision,
    /// When it was judged; none in format 1. See [`require_recent`](crate::require_recent).
    #[serde(default)]
    pub judged_at: Option<Timestamp>,
    /// The rules that decided; empty after a permit.
    #[serde(default)]
    pub reasons: Vec<Reason>,
    /// All findings by severity, also those that do not count.
    #[serde(default)]
    pub counts: Counts,
    /// The findings that count, sorted.
    #[serde(default)]
    pub findings: Vec<Finding>,
    /// The findings that the policy suppresses, sorted.
    #[serde(default)]
    pub suppressed: Vec<Finding>,
    /// What was examined.
    #[serde(default)]
    pub examined: Vec<Examined>,
    /// What was seen and not examined.
    #[serde(default)]
    pub not_examined: Vec<NotExamined>,
}

/// A rule that decided against a permit.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Reason {
    /// Which one, for programs.
    pub rule: String,
    /// The same for people.
    pub message: String,
}

/// Findings by severity.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Counts {
    /// Rated critical.
    pub critical: usize,
    /// Rated high.
    pub high: usize,
    /// Rated medium.
    pub medium: usize,
    /// Rated low.
    pub low: usize,
    /// Not a security problem, as the distribution says.
    pub negligible: usize,
    /// Without a stated severity.
    pub unknown: usize,
}

/// One advisory on one package.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Finding {
    /// The id of the advisory.
    pub id: String,
    /// All advisories about this flaw, with `id`; empty in format 1.
    pub advisories: Vec<String>,
    /// Other names of the same flaw.
    pub aliases: Vec<String>,
    /// Where the package comes from, e.g. `Debian:12`.
    pub ecosystem: String,
    /// The source package.
    pub package: String,
    /// The installed binary packages that were built from it.
    pub binaries: Vec<String>,
    /// The installed version.
    pub version: String,
    /// The version that repairs it, if there is one.
    pub fixed: Option<String>,
    /// How bad it is; `unknown` if the advisory does not say.
    pub severity: String,
    /// One line for people, often empty.
    pub summary: String,
}

/// One image that was examined.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Examined {
    /// The digest of its manifest.
    pub digest: String,
    /// Its platform, e.g. `linux/amd64`.
    pub platform: String,
    /// Where its packages come from, e.g. `Debian:12, Go`.
    pub ecosystem: String,
    /// How many installed packages were matched against the advisories.
    pub packages: usize,
    /// The same for each place where packages come from; empty in format 1.
    pub packages_of: Vec<Counted>,
    /// The last day of security support of its distribution, if that is over.
    pub support_ended: Option<String>,
}

/// How many packages come from one place.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Counted {
    /// The place, e.g. `Go`.
    pub ecosystem: String,
    /// How many were matched against the advisories.
    pub packages: usize,
}

/// Things that were seen and not examined.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct NotExamined {
    /// What kind of thing it is, as a policy names it; empty in format 1.
    pub kind: String,
    /// The same for people.
    pub what: String,
    /// Why it was not examined.
    pub reason: String,
    /// Whether the policy accepts that.
    pub accepted: bool,
    /// How many there are.
    pub count: usize,
    /// Some of them, by path or digest.
    pub examples: Vec<String>,
}

impl VerdictFile {
    /// Reads the file.
    ///
    /// # Errors
    /// When it is too large, malformed, of a newer format, or about something that is not a digest.
    pub fn from_json(json: &[u8]) -> Result<Self, EvidenceError> {
        let file: Self = match format_of(json, FORMAT)? {
            1 => parse::<first::VerdictFile>(json, 1)?.into(),
            _ => parse(json, FORMAT)?,
        };
        digest_or_error(&file.digest)?;
        Ok(file)
    }

    /// The text of the file.
    pub fn to_json(&self) -> Vec<u8> {
        write(self)
    }
}

/// What was judged is named by a digest, as it is matched by digest.
pub(crate) fn digest_or_error(digest: &str) -> Result<(), EvidenceError> {
    match is_sha256(digest) {
        true => Ok(()),
        false => Err(EvidenceError::Value {
            key: "digest",
            expected: "sha256: and 64 lower-case hexadecimal digits",
        }),
    }
}
