//! The verdict as the file `verdict.json`.

use jiff::Timestamp;
use trireme_evidence as file;
use trireme_evidence::VerdictFile;
use trireme_finding::{Counts, Decision, Examined, Finding, NotExaminedPart, Reason, Verdict};

/// The file that says what `verdict` says, and when it was judged.
pub(crate) fn verdict_file(verdict: &Verdict, judged_at: Timestamp) -> VerdictFile {
    VerdictFile {
        format: file::Format,
        digest: verdict.digest.clone(),
        decision: decision(verdict.decision),
        judged_at: Some(judged_at),
        reasons: verdict.reasons.iter().map(reason).collect(),
        counts: counts(verdict.counts),
        findings: verdict.findings.iter().map(finding).collect(),
        suppressed: verdict.suppressed.iter().map(finding).collect(),
        examined: verdict.examined.iter().map(examined).collect(),
        not_examined: verdict.not_examined.iter().map(not_examined).collect(),
    }
}

fn decision(decision: Decision) -> file::Decision {
    match decision {
        Decision::Permit => file::Decision::Permit,
        Decision::Deny => file::Decision::Deny,
        Decision::Incomplete => file::Decision::Incomplete,
    }
}

fn reason(reason: &Reason) -> file::Reason {
    file::Reason {
        rule: reason.rule.word().to_owned(),
        message: reason.message.clone(),
    }
}

fn counts(counts: Counts) -> file::Counts {
    file::Counts {
        critical: counts.critical,
        high: counts.high,
        medium: counts.medium,
        low: counts.low,
        negligible: counts.negligible,
        unknown: counts.unknown,
    }
}

fn finding(finding: &Finding) -> file::Finding {
    file::Finding {
        id: finding.id.clone(),
        advisories: finding.advisories.clone(),
        aliases: finding.aliases.clone(),
        ecosystem: finding.ecosystem.clone(),
        package: finding.package.clone(),
        binaries: finding.binaries.clone(),
        version: finding.version.clone(),
        fixed: finding.fixed.clone(),
        severity: finding.severity.word().to_owned(),
        summary: finding.summary.clone(),
    }
}

fn examined(examined: &Examined) -> file::Examined {
    let packages_of: Vec<_> = examined
        .counts()
        .into_iter()
        .map(|counted| file::Counted {
            ecosystem: counted.ecosystem,
            packages: counted.packages,
        })
        .collect();
    let ended = examined.support_ended.as_ref();
    file::Examined {
        digest: examined.digest.clone(),
        platform: examined.platform.clone(),
        ecosystem: ecosystems(&packages_of),
        packages: examined.packages.len(),
        packages_of,
        support_ended: ended.map(|ended| ended.on.to_string()),
    }
}

fn ecosystems(counted: &[file::Counted]) -> String {
    let names = counted.iter().map(|counted| counted.ecosystem.as_str());
    let names = names.collect::<Vec<_>>().join(", ");
    if names.is_empty() {
        "unknown".to_owned()
    } else {
        names
    }
}

fn not_examined(part: &NotExaminedPart) -> file::NotExamined {
    file::NotExamined {
        kind: part.kind.word().to_owned(),
        what: part.what.clone(),
        reason: part.reason.clone(),
        accepted: part.accepted,
        count: part.count,
        examples: part.examples.clone(),
    }
}
