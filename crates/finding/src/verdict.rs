//! Permit, deny or incomplete, with the rules that decided.

use sha2::{Digest as _, Sha256};

use crate::{
    EndOfSupport, Examination, Examined, Finding, NotExaminedPart, Policy, Rating, Severity,
    unexamined,
};

/// What a verdict says. Only a permit is a yes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Decision {
    /// Everything that can run was examined, or is accepted by name, and nothing counts against the artifact.
    Permit,
    /// Nothing that was examined counts against the artifact, and something that can run was not examined.
    Incomplete,
    /// Something counts against the artifact.
    Deny,
}

impl Decision {
    /// The word used in versions and files.
    pub fn word(self) -> &'static str {
        match self {
            Self::Permit => "permit",
            Self::Incomplete => "incomplete",
            Self::Deny => "deny",
        }
    }
}

/// What was decided about one artifact, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// The artifact.
    pub digest: String,
    /// Permit, deny or incomplete.
    pub decision: Decision,
    /// The rules that decided; empty after a permit.
    pub reasons: Vec<Reason>,
    /// All findings by severity, also those that do not count.
    pub counts: Counts,
    /// The findings that count, sorted.
    pub findings: Vec<Finding>,
    /// The findings that the policy suppresses, sorted.
    pub suppressed: Vec<Finding>,
    /// What was examined.
    pub examined: Vec<Examined>,
    /// What was seen and not examined.
    pub not_examined: Vec<NotExaminedPart>,
}

/// A rule that decided against a permit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reason {
    /// What it makes of the verdict.
    pub decision: Decision,
    /// Which one, for programs.
    pub rule: Rule,
    /// The same for people.
    pub message: String,
}

/// The rules that can decide against a permit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    /// Findings at or above the policy's threshold.
    Severity,
    /// Findings whose severity nobody stated.
    UnknownSeverity,
    /// Something that can run was not examined, and the policy does not accept it.
    NotExamined,
    /// No part could be examined, and the policy does not name every file that can run. That the policy accepts a kind is not enough.
    NothingExamined,
    /// Security support of the distribution has ended.
    EndOfSupport,
}

impl Rule {
    /// The word used in files.
    pub fn word(self) -> &'static str {
        match self {
            Self::Severity => "severity",
            Self::UnknownSeverity => "unknown_severity",
            Self::NotExamined => "not_examined",
            Self::NothingExamined => "nothing_examined",
            Self::EndOfSupport => "end_of_support",
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
    let (findings, suppressed): (Vec<_>, Vec<_>) =
        all.into_iter().partition(|finding| policy.counts(finding));
    let not_examined = unexamined::parts(examination.gaps(), &policy.accept_not_examined);
    let reasons = reasons(examination, policy, &findings, &not_examined);
    let worst = reasons.iter().map(|reason| reason.decision).max();
    Verdict {
        digest: examination.digest.clone(),
        decision: worst.unwrap_or(Decision::Permit),
        reasons,
        counts,
        findings,
        suppressed,
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

fn reasons(
    examination: &Examination,
    policy: &Policy,
    counting: &[Finding],
    not_examined: &[NotExaminedPart],
) -> Vec<Reason> {
    let by_findings = by_findings(policy, counting).map(|(rule, message)| Reason {
        decision: Decision::Deny,
        rule,
        message,
    });
    let by_gaps = by_gaps(examination, policy, not_examined).map(|(rule, message)| Reason {
        decision: Decision::Incomplete,
        rule,
        message,
    });
    let ended = end_of_support(examination, policy);
    by_findings.chain(by_gaps).chain(ended).collect()
}

fn by_findings(policy: &Policy, counting: &[Finding]) -> impl Iterator<Item = (Rule, String)> {
    let is_unknown = |finding: &&Finding| finding.severity == Rating::Unknown;
    let unknown = counting.iter().filter(is_unknown).count();
    let rated = counting.len() - unknown;
    let threshold = policy.severity.severity().word();
    let at_or_above = format!(
        "{} of severity {threshold} or above",
        plural(rated, "finding")
    );
    let unrated = format!("{} without a stated severity", plural(unknown, "finding"));
    let rules = [
        (rated > 0).then_some((Rule::Severity, at_or_above)),
        (unknown > 0).then_some((Rule::UnknownSeverity, unrated)),
    ];
    rules.into_iter().flatten()
}

fn by_gaps(
    examination: &Examination,
    policy: &Policy,
    not_examined: &[NotExaminedPart],
) -> impl Iterator<Item = (Rule, String)> {
    let silent = nothing_examined(examination, policy);
    let nothing = (!silent.is_empty()).then(|| {
        let message = "no installed packages could be examined in";
        (
            Rule::NothingExamined,
            format!("{message} {}", silent.join(", ")),
        )
    });
    let missing: Vec<_> = not_examined
        .iter()
        .filter(|part| part.is_missing())
        .collect();
    let some = (!missing.is_empty()).then(|| {
        let kinds = missing
            .iter()
            .map(|part| format!("{} × {}", part.count, part.what));
        let kinds = kinds.collect::<Vec<_>>().join(", ");
        (Rule::NotExamined, format!("not examined: {kinds}"))
    });
    nothing.into_iter().chain(some)
}

fn end_of_support(examination: &Examination, policy: &Policy) -> Option<Reason> {
    let decision = match policy.end_of_support {
        EndOfSupport::Deny => Decision::Deny,
        EndOfSupport::Incomplete => Decision::Incomplete,
        EndOfSupport::Report => return None,
    };
    let message = unsupported(&examination.examined).next()?;
    Some(Reason {
        decision,
        rule: Rule::EndOfSupport,
        message,
    })
}

/// What is said of images whose distribution has no security support any more.
pub(crate) fn unsupported(examined: &[Examined]) -> impl Iterator<Item = String> {
    let ended = examined
        .iter()
        .filter_map(|image| image.support_ended.as_ref());
    ended.map(|ended| {
        format!(
            "{} is no longer supported: security support ended on {}, and advisories may be missing",
            ended.ecosystem, ended.on
        )
    })
}

/// The images of which nothing is known. One such platform of an index is enough: whoever runs it runs the unknown. An image of
/// which the policy names every file that can run is known to whoever wrote the policy.
fn nothing_examined<'a>(examination: &'a Examination, policy: &Policy) -> Vec<&'a str> {
    if examination.examined.is_empty() {
        return vec![&examination.digest];
    }
    let accepted = &policy.accept_not_examined;
    let silent = examination.examined.iter().filter(|image| {
        image.packages.is_empty() && !unexamined::all_are_named(&image.not_examined, accepted)
    });
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
    /// What has to be said of the distributions whose security support has ended.
    pub fn unsupported(&self) -> Vec<String> {
        let mut said: Vec<_> = unsupported(&self.examined).collect();
        said.dedup();
        said
    }

    /// How many things that can run were not examined, whether accepted or not; and the same in words.
    pub fn unexamined(&self) -> Option<String> {
        let parts = self.not_examined.iter();
        let kinds: Vec<String> = parts
            .filter(|part| part.kind.is_executable())
            .map(|part| format!("{} × {}", part.count, part.what))
            .collect();
        (!kinds.is_empty()).then(|| kinds.join(", "))
    }

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
