//! The files and the metadata that show what was judged.

use std::{collections::BTreeSet, path::Path};

use anyhow::Context as _;
use jiff::Timestamp;
use serde::Serialize;
use tokio::fs;
use trireme_finding::{Decision, Package, Reason, Rule, Verdict, table};
use trireme_protocol::{Outcome, StepContext};

use crate::verdict_file::verdict_file;
use crate::{OnDeny, Scanner, Version};

/// The format number of `packages.json`; raised when a field changes its meaning or goes.
const PACKAGES_FORMAT: u32 = 1;
/// Where a `put` writes: no input of a build can have this name, since identifiers begin with a letter.
pub const FOLDER_IN_BUILD: &str = ".image-scan";
/// How many findings the log names. The files have all.
const LOGGED_FINDINGS: usize = 20;

/// The installed packages of one image, as in `packages.json`.
#[derive(Serialize)]
struct Packages<'a> {
    /// The digest of its manifest.
    digest: &'a str,
    platform: &'a str,
    packages: &'a [Package],
}

#[derive(Serialize)]
struct PackagesFile<'a> {
    format: u32,
    images: Vec<Packages<'a>>,
}

/// Writes `verdict.json`, `findings.txt` and `packages.json`, and `repository` and `digest` in the form of the `image`
/// resource, for the steps that want to use exactly what was judged.
pub(crate) async fn write(
    dir: &Path,
    repository: &str,
    verdict: &Verdict,
    judged_at: Timestamp,
) -> anyhow::Result<()> {
    let files = [
        ("verdict.json", verdict_file(verdict, judged_at).to_json()),
        ("findings.txt", table(verdict).into_bytes()),
        ("packages.json", json(&packages_file(verdict))?),
        ("repository", repository.as_bytes().to_vec()),
        ("digest", verdict.digest.clone().into_bytes()),
    ];
    for (name, content) in files {
        let path = dir.join(name);
        fs::write(&path, content)
            .await
            .with_context(|| format!("writing {}", path.display()))?;
    }
    Ok(())
}

/// The same for a `put`, in a folder of its own. What a `put` writes ends with its container, and the folder of a build may
/// not be ours to write: files that could not be written are said, and change no verdict.
pub(crate) async fn write_in_build(
    step: &StepContext,
    build: &Path,
    repository: &str,
    verdict: &Verdict,
    judged_at: Timestamp,
) {
    let folder = build.join(FOLDER_IN_BUILD);
    let written = async {
        let made = fs::create_dir_all(&folder).await;
        made.with_context(|| format!("making {}", folder.display()))?;
        write(&folder, repository, verdict, judged_at).await
    };
    if let Err(error) = written.await {
        let message = "the verdict stands, and its files could not be written";
        step.warn("evidence", format!("{message}: {error:#}"));
    }
}

fn packages_file(verdict: &Verdict) -> PackagesFile<'_> {
    let images = verdict.examined.iter().map(|examined| Packages {
        digest: &examined.digest,
        platform: &examined.platform,
        packages: &examined.packages,
    });
    PackagesFile {
        format: PACKAGES_FORMAT,
        images: images.collect(),
    }
}

fn json(value: &impl Serialize) -> anyhow::Result<Vec<u8>> {
    let mut text = serde_json::to_vec_pretty(value)?;
    text.push(b'\n');
    Ok(text)
}

/// Tells people the verdict, and makes of it the outcome of a step.
pub(crate) fn outcome(
    step: &StepContext,
    scanner: &Scanner,
    version: Version,
    verdict: &Verdict,
    on_deny: OnDeny,
) -> Outcome<Version> {
    let name = scanner.label(&verdict.digest);
    for line in table(verdict)
        .lines()
        .filter(|line| !line.is_empty())
        .take(LOGGED_FINDINGS)
    {
        step.info(&name, line.trim());
    }
    for said in verdict.unsupported() {
        step.warn(&name, said);
    }
    let outcome = describe(version, verdict);
    let is = match verdict.decision {
        Decision::Permit => {
            permitted(step, &name, verdict);
            return outcome;
        }
        Decision::Deny => "denied",
        Decision::Incomplete => "incomplete",
    };
    let why = why(verdict);
    match on_deny {
        OnDeny::Report => {
            step.warn(&name, format!("{is}, and only reported as asked: {why}"));
            outcome
        }
        OnDeny::Fail => outcome.deny(format!("{name} is {is}: {why}")),
    }
}

fn permitted(step: &StepContext, name: &str, verdict: &Verdict) {
    match verdict.unexamined() {
        Some(kinds) => step.warn(
            name,
            format!("permitted; accepted without examination: {kinds}"),
        ),
        None => step.done(name, "permitted"),
    }
}

/// The reasons, and what to do about what was not examined.
fn why(verdict: &Verdict) -> String {
    let reasons = verdict.reasons.iter().map(|reason| reason.message.as_str());
    let reasons = reasons.collect::<Vec<_>>().join("; ");
    let Some(how) = how_to_accept(verdict) else {
        return reasons;
    };
    format!(
        "{reasons} (findings.txt names them; what you trust, accept in `policy.accept_not_examined`, {how})"
    )
}

fn how_to_accept(verdict: &Verdict) -> Option<String> {
    let is_silent = |reason: &Reason| reason.rule == Rule::NothingExamined;
    if verdict.reasons.iter().any(is_silent) {
        return Some("by the path of each program, since nothing could be examined".to_owned());
    }
    let missing = verdict.not_examined.iter().filter(|part| part.is_missing());
    let kinds: BTreeSet<_> = missing.map(|part| part.kind.word()).collect();
    let kinds = kinds.into_iter().collect::<Vec<_>>().join(", ");
    (!kinds.is_empty()).then(|| format!("by path or kind: {kinds}"))
}

fn count_unexamined(verdict: &Verdict) -> usize {
    verdict.not_examined.iter().map(|part| part.count).sum()
}

fn describe(version: Version, verdict: &Verdict) -> Outcome<Version> {
    let counts = &verdict.counts;
    let packages: usize = verdict
        .examined
        .iter()
        .map(|examined| examined.packages.len())
        .sum();
    let severities = format!(
        "{} critical, {} high, {} medium, {} low, {} unknown, {} negligible",
        counts.critical, counts.high, counts.medium, counts.low, counts.unknown, counts.negligible
    );
    Outcome::new(version)
        .with("verdict", verdict.decision.word())
        .with("findings that count", verdict.findings.len().to_string())
        .with("all findings", severities)
        .with("packages examined", packages.to_string())
        .with("not examined", count_unexamined(verdict).to_string())
}
