//! `verdict.json`: what a scan found in an image, and whether the policy permits the image.

use serde::{Deserialize, Serialize};

use crate::format::{format_of, parse, write};
use crate::{EvidenceError, Format, is_sha256};

/// The newest format of this file.
const FORMAT: u32 = 1;

/// Whether something may be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Decision {
    /// It may.
    Permit,
    /// It may not.
    Deny,
}

impl Decision {
    /// The word in the file.
    pub fn word(self) -> &'static str {
        match self {
            Self::Permit => "permit",
            Self::Deny => "deny",
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
    /// Permit or deny.
    #[serde(rename = "verdict")]
    pub decision: Decision,
    /// The rules that denied; empty after a permit.
    #[serde(default)]
    pub reasons: Vec<Reason>,
    /// All findings by severity, also those that do not count.
    #[serde(default)]
    pub counts: Counts,
    /// The findings that count, sorted.
    #[serde(default)]
    pub findings: Vec<Finding>,
    /// The findings that the policy ignores, sorted.
    #[serde(default)]
    pub passed_over: Vec<Finding>,
    /// What was examined.
    #[serde(default)]
    pub examined: Vec<Examined>,
    /// What was seen and not examined.
    #[serde(default)]
    pub not_examined: Vec<NotExamined>,
}

/// A rule that denied.
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
    /// Where its packages come from.
    pub ecosystem: String,
    /// How many installed packages were matched against the advisories.
    pub packages: usize,
}

/// Something that was seen and not examined.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct NotExamined {
    /// What kind of thing it is.
    pub what: String,
    /// Why it was not examined.
    pub reason: String,
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
        format_of(json, FORMAT)?;
        let file: Self = parse(json, FORMAT)?;
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
