//! Permit or deny, with the rules that decided.

use sha2::{Digest as _, Sha256};

use crate::{
    Examination, Examined, Finding, NotExamined, NotExaminedPolicy, Policy, Rating, Severity,
};

/// Permit or deny.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Decision {
    /// Nothing counts against the artifact.
    Permit,
    /// Something does, or nothing could be examined.
    Deny,
}

impl Decision {
    /// The word used in versions and files.
    pub fn word(self) -> &'static str {
        match self {
            Self::Permit => "permit",
            Self::Deny => "deny",
        }
    }
}

/// What was decided about one artifact, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// The artifact.
    pub digest: String,
    /// Permit or deny.
    pub decision: Decision,
    /// The rules that denied; empty after a permit.
    pub reasons: Vec<Reason>,
    /// All findings by severity, also those that do not count.
    pub counts: Counts,
    /// The findings that count, sorted.
    pub findings: Vec<Finding>,
    /// The findings that the policy passes over, sorted.
    pub passed_over: Vec<Finding>,
    /// What was examined.
    pub examined: Vec<Examined>,
    /// What was seen and not examined.
    pub not_examined: Vec<NotExamined>,
}

/// A rule that denied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reason {
    /// Which one, for programs.
    pub rule: Rule,
    /// The same for people.
    pub message: String,
}

/// The rules that can deny.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    /// Findings at or above the policy's threshold.
    Severity,
    /// Findings whose severity nobody stated.
    UnknownSeverity,
    /// Parts that could not be examined.
    NotExamined,
    /// No part could be examined. Holds under every policy.
    NothingExamined,
}

impl Rule {
    /// The word used in files.
    pub fn word(self) -> &'static str {
        match self {
            Self::Severity => "severity",
            Self::UnknownSeverity => "unknown_severity",
            Self::NotExamined => "not_examined",
            Self::NothingExamined => "nothing_examined",
        }
    }
}

/// Findings by severity.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Rated critical.
    pub critical: usize,
    /// Rated high.
    pub high: usize,
    /// Rated medium.
    pub medium: usize,
    /// Rated low.
    pub low: usize,
    /// No security problem, says the distribution.
    pub negligible: usize,
    /// Rated by nobody.
    pub unknown: usize,
}

impl Counts {
    /// Counts findings by severity.
    pub fn of<'a>(findings: impl IntoIterator<Item = &'a Finding>) -> Self {
        let mut counts = Self::default();
        for finding in findings {
            *counts.slot(finding.severity) += 1;
        }
        counts
    }

    fn slot(&mut self, rating: Rating) -> &mut usize {
        match rating {
            Rating::Known(Severity::Critical) => &mut self.critical,
            Rating::Known(Severity::High) => &mut self.high,
            Rating::Known(Severity::Medium) => &mut self.medium,
            Rating::Known(Severity::Low) => &mut self.low,
            Rating::Known(Severity::Negligible) => &mut self.negligible,
            Rating::Unknown => &mut self.unknown,
        }
    }
}

/// Applies a policy to what was found out. The order of the findings does not matter, and a finding that is given
/// twice (as for two platforms of one image) counts once. Where an advisory names a package twice, with another severity
/// or fix, both count.
pub fn judge(examination: &Examination, policy: &Policy) -> Verdict {
    let mut all = examination.findings.clone();
    all.sort_by(|a, b| {
        a.content()
            .cmp(&b.content())
            .then_with(|| a.binaries.cmp(&b.binaries))
    });
    all.dedup_by(merge_same);
    let counts = Counts::of(&all);
    let (findings, passed_over): (Vec<_>, Vec<_>) =
        all.into_iter().partition(|finding| policy.counts(finding));
    let reasons = reasons(examination, policy, &findings);
    let mut not_examined = examination.not_examined.clone();
    not_examined.sort();
    not_examined.dedup();
    Verdict {
        digest: examination.digest.clone(),
        decision: if reasons.is_empty() {
            Decision::Permit
        } else {
            Decision::Deny
        },
        reasons,
        counts,
        findings,
        passed_over,
        examined: examination.examined.clone(),
        not_examined,
    }
}

/// Joins `later` into `kept` when both are the same finding: the binary packages of both.
fn merge_same(later: &mut Finding, kept: &mut Finding) -> bool {
    let same = later.content() == kept.content();
    if same {
        kept.binaries.append(&mut later.binaries);
        kept.binaries.sort();
        kept.binaries.dedup();
    }
    same
}

fn reasons(examination: &Examination, policy: &Policy, counting: &[Finding]) -> Vec<Reason> {
    let unknown = counting
        .iter()
        .filter(|f| f.severity == Rating::Unknown)
        .count();
    let rated = counting.len() - unknown;
    let mut reasons = Vec::new();
    let mut deny = |rule, message| reasons.push(Reason { rule, message });
    if rated > 0 {
        let threshold = policy.severity.severity().word();
        deny(
            Rule::Severity,
            format!(
                "{} of severity {threshold} or above",
                plural(rated, "finding")
            ),
        );
    }
    if unknown > 0 {
        deny(
            Rule::UnknownSeverity,
            format!("{} without a stated severity", plural(unknown, "finding")),
        );
    }
    let silent = nothing_examined(examination);
    if !silent.is_empty() {
        let message = "no installed packages could be examined in";
        deny(
            Rule::NothingExamined,
            format!("{message} {}", silent.join(", ")),
        );
    } else if policy.not_examined == NotExaminedPolicy::Deny && !examination.not_examined.is_empty()
    {
        let parts = examination.not_examined.iter().map(|part| part.count).sum();
        deny(
            Rule::NotExamined,
            format!("{} could not be examined", plural(parts, "part")),
        );
    }
    reasons
}

/// The images of which nothing is known. One such platform of an index is enough: whoever runs it runs the unknown.
fn nothing_examined(examination: &Examination) -> Vec<&str> {
    if examination.examined.is_empty() {
        return vec![&examination.digest];
    }
    let silent = examination
        .examined
        .iter()
        .filter(|examined| examined.packages == 0);
    silent.map(|examined| examined.platform.as_str()).collect()
}

fn plural(count: usize, noun: &str) -> String {
    if count == 1 {
        format!("1 {noun}")
    } else {
        format!("{count} {noun}s")
    }
}

impl Verdict {
    /// The digest of the sorted findings left after the policy: what makes two outcomes the same.
    ///
    /// It covers what a reader would act on: advisory, package, installed and fixed version, severity. Not the words
    /// of the advisory, which are edited without changing anything.
    pub fn findings_digest(&self) -> String {
        let mut hash = Sha256::new();
        for finding in &self.findings {
            for part in finding.content() {
                hash.update(part.as_bytes());
                hash.update([0]);
            }
        }
        format!("sha256:{}", hex::encode(hash.finalize()))
    }
}

#[cfg(test)]
mod tests;
