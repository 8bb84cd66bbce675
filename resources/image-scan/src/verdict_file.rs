//! The verdict as the file `verdict.json`.

use trireme_evidence as file;
use trireme_evidence::VerdictFile;
use trireme_finding::{Counts, Decision, Examined, Finding, NotExamined, Reason, Verdict};

/// The file that says what `verdict` says.
pub(crate) fn verdict_file(verdict: &Verdict) -> VerdictFile {
    VerdictFile {
        format: file::Format,
        digest: verdict.digest.clone(),
        decision: decision(verdict.decision),
        reasons: verdict.reasons.iter().map(reason).collect(),
        counts: counts(verdict.counts),
        findings: verdict.findings.iter().map(finding).collect(),
        passed_over: verdict.passed_over.iter().map(finding).collect(),
        examined: verdict.examined.iter().map(examined).collect(),
        not_examined: verdict.not_examined.iter().map(not_examined).collect(),
    }
}

fn decision(decision: Decision) -> file::Decision {
    match decision {
        Decision::Permit => file::Decision::Permit,
        Decision::Deny => file::Decision::Deny,
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
    file::Examined {
        digest: examined.digest.clone(),
        platform: examined.platform.clone(),
        ecosystem: examined.ecosystem.clone(),
        packages: examined.packages,
    }
}

fn not_examined(part: &NotExamined) -> file::NotExamined {
    file::NotExamined {
        what: part.what.clone(),
        reason: part.reason.clone(),
        count: part.count,
        examples: part.examples.clone(),
    }
}
