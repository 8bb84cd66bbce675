//! The files and the metadata that show what was judged.

use std::path::Path;

use anyhow::Context as _;
use serde::Serialize;
use tokio::fs;
use trireme_finding::{Decision, Verdict, table};
use trireme_protocol::{Outcome, Step};
use trireme_scan::Package;

use crate::verdict_file::verdict_file;
use crate::{OnDeny, Scanner, Version};

/// The format number of `packages.json`; raised when a field changes its meaning or goes.
const PACKAGES_FORMAT: u32 = 1;
/// Where a `put` writes: no input of a build can have this name, since identifiers begin with a letter.
pub const FOLDER_IN_BUILD: &str = ".image-scan";
/// How many findings the log names. The files have all.
const LOGGED_FINDINGS: usize = 20;

/// The installed packages of one image, as in `packages.json`.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Packages {
    /// The digest of its manifest.
    pub digest: String,
    /// Its platform.
    pub platform: String,
    /// What is installed.
    pub packages: Vec<Package>,
}

#[derive(Serialize)]
struct PackagesFile<'a> {
    format: u32,
    images: &'a [Packages],
}

/// Writes `verdict.json`, `findings.txt` and `packages.json`, and `repository` and `digest` in the form of the `image`
/// resource, for the steps that want to use exactly what was judged.
pub(crate) async fn write(
    dir: &Path,
    repository: &str,
    verdict: &Verdict,
    images: &[Packages],
) -> anyhow::Result<()> {
    let files = [
        ("verdict.json", verdict_file(verdict).to_json()),
        ("findings.txt", table(verdict).into_bytes()),
        (
            "packages.json",
            json(&PackagesFile {
                format: PACKAGES_FORMAT,
                images,
            })?,
        ),
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
    step: &Step,
    build: &Path,
    repository: &str,
    verdict: &Verdict,
    images: &[Packages],
) {
    let folder = build.join(FOLDER_IN_BUILD);
    let written = async {
        let made = fs::create_dir_all(&folder).await;
        made.with_context(|| format!("making {}", folder.display()))?;
        write(&folder, repository, verdict, images).await
    };
    if let Err(error) = written.await {
        let message = "the verdict stands, and its files could not be written";
        step.warn("evidence", format!("{message}: {error:#}"));
    }
}

fn json(value: &impl Serialize) -> anyhow::Result<Vec<u8>> {
    let mut text = serde_json::to_vec_pretty(value)?;
    text.push(b'\n');
    Ok(text)
}

/// Tells people the verdict, and makes of it the outcome of a step.
pub(crate) fn outcome(
    step: &Step,
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
    let outcome = describe(version, verdict);
    let reasons: Vec<_> = verdict
        .reasons
        .iter()
        .map(|reason| reason.message.as_str())
        .collect();
    match (verdict.decision, on_deny) {
        (Decision::Permit, _) => {
            match unexamined(verdict) {
                Some(parts) => step.warn(&name, format!("permitted; {parts}")),
                None => step.done(&name, "permitted"),
            }
            outcome
        }
        (Decision::Deny, OnDeny::Report) => {
            step.warn(
                &name,
                format!("denied, and only reported as asked: {}", reasons.join("; ")),
            );
            outcome
        }
        (Decision::Deny, OnDeny::Fail) => {
            outcome.deny(format!("{name} is denied: {}", reasons.join("; ")))
        }
    }
}

/// `2 parts were not examined: 2 × programs that no package owns`.
fn unexamined(verdict: &Verdict) -> Option<String> {
    let kinds: Vec<String> = verdict
        .not_examined
        .iter()
        .map(|part| format!("{} × {}", part.count, part.what))
        .collect();
    let count = count_unexamined(verdict);
    let (parts, were) = if count == 1 {
        ("part", "was")
    } else {
        ("parts", "were")
    };
    (count > 0).then(|| format!("{count} {parts} {were} not examined: {}", kinds.join(", ")))
}

fn count_unexamined(verdict: &Verdict) -> usize {
    verdict.not_examined.iter().map(|part| part.count).sum()
}

fn describe(version: Version, verdict: &Verdict) -> Outcome<Version> {
    let counts = &verdict.counts;
    let packages: usize = verdict
        .examined
        .iter()
        .map(|examined| examined.packages)
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
