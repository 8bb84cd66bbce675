//! Format 1 of `verdict.json`, which knew two outcomes and no time.

use serde::Deserialize;

use super::{Counts, Examined, Finding, NotExamined, Reason};
use crate::Format;

#[derive(Deserialize)]
pub(super) struct VerdictFile {
    digest: String,
    verdict: Decision,
    #[serde(default)]
    reasons: Vec<Reason>,
    #[serde(default)]
    counts: Counts,
    #[serde(default)]
    findings: Vec<Finding>,
    #[serde(default)]
    passed_over: Vec<Finding>,
    #[serde(default)]
    examined: Vec<Examined>,
    #[serde(default)]
    not_examined: Vec<NotExamined>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Decision {
    Permit,
    Deny,
}

impl From<VerdictFile> for super::VerdictFile {
    fn from(old: VerdictFile) -> Self {
        Self {
            format: Format,
            digest: old.digest,
            decision: match old.verdict {
                Decision::Permit => super::Decision::Permit,
                Decision::Deny => super::Decision::Deny,
            },
            judged_at: None,
            reasons: old.reasons,
            counts: old.counts,
            findings: old.findings,
            suppressed: old.passed_over,
            examined: old.examined,
            not_examined: old.not_examined,
        }
    }
}
