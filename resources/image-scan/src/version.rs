//! The version: which image, with which outcome, since when.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use trireme_finding::Verdict;
use trireme_protocol::Fault;

use crate::check::digest_of_version;

/// One outcome for one image.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Version {
    /// Digest of the image's manifest or index, `sha256:HEX`.
    pub digest: String,
    /// `permit`, `deny` or `incomplete`.
    pub verdict: String,
    /// Digest of the sorted findings that are left after the policy.
    pub findings: String,
    /// When this outcome was first seen (RFC 3339, UTC).
    pub since: String,
}

impl Version {
    /// Holds it to its form.
    pub(crate) fn validate(&self) -> Result<(), Fault> {
        digest_of_version(self).map(drop)
    }

    /// The version of an outcome that was first seen at `since`.
    pub fn new(verdict: &Verdict, since: Timestamp) -> Self {
        Self {
            digest: verdict.digest.clone(),
            verdict: verdict.decision.word().to_owned(),
            findings: verdict.findings_digest(),
            since: format!("{since:.0}"),
        }
    }

    /// The same outcome, seen at another time.
    pub fn seen_at(self, since: Timestamp) -> Self {
        Self {
            since: format!("{since:.0}"),
            ..self
        }
    }

    /// Whether both are the same outcome, whenever it was seen.
    pub fn same_outcome(&self, other: &Self) -> bool {
        (&self.digest, &self.verdict, &self.findings)
            == (&other.digest, &other.verdict, &other.findings)
    }

    /// `last` again while the outcome is the same; otherwise the one that was `seen` now, also when an earlier outcome
    /// comes back: Concourse knows that version already and would not trigger.
    pub fn next(last: Option<Self>, seen: Self) -> Self {
        last.filter(|last| last.same_outcome(&seen)).unwrap_or(seen)
    }
}
