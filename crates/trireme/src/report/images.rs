//! The images of a run: what steps fetched or copied, and what they said of it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Serialize;
use trireme_evidence::{Decision, SignatureFile, VerdictFile};
use trireme_image_scan::FOLDER_IN_BUILD;
use trireme_runner::{RunReport, Status, StepKind, StepReport};

use super::steps::{evidence, got, served_by, text};

/// One image.
#[derive(Clone, Debug, Serialize)]
pub struct Image {
    /// `REPOSITORY:TAG`, or the repository.
    pub reference: String,
    /// What was judged.
    pub digest: String,
    /// `permit`, `incomplete` or `deny`, of its digest in whatever repository; null when no step judged it.
    pub verdict: Option<String>,
    /// How many findings were left after the policy; null when no step judged it.
    pub findings: Option<usize>,
    /// Whether a signature was verified.
    pub signed: bool,
}

impl Image {
    /// One of which nothing was said yet.
    fn unjudged(reference: String, digest: String) -> Self {
        Self {
            reference,
            digest,
            verdict: None,
            findings: None,
            signed: false,
        }
    }
}

/// The images, by reference.
///
/// # Errors
/// When a file of a step cannot be read or understood.
pub(super) fn of(report: &RunReport) -> anyhow::Result<Vec<Image>> {
    let mut images: BTreeMap<(String, String), Image> = BTreeMap::new();
    for dir in got(report, "image") {
        let (Some(repository), Some(digest)) = (text(dir, "repository")?, text(dir, "digest")?)
        else {
            continue;
        };
        let tag = text(dir, "tag")?.filter(|tag| !tag.is_empty());
        let reference = tag.map_or_else(|| repository.clone(), |tag| format!("{repository}:{tag}"));
        let image = Image::unjudged(reference, digest.clone());
        images.insert((repository, digest), image);
    }
    for judgement in judgements(report, "image-scan", verdict)? {
        add_judged(&mut images, &judgement);
        judge(&mut images, &judgement);
    }
    let signatures = judgements(report, "image-signature", signature)?;
    mark_signed(&mut images, &signatures);
    Ok(images.into_values().collect())
}

/// What a file says of an image.
#[derive(Debug)]
struct Said {
    digest: String,
    decision: Decision,
    /// How many findings count; none in a file that is not about findings.
    findings: Option<usize>,
}

fn verdict(folder: &Path) -> anyhow::Result<Option<Said>> {
    let file = evidence(folder, "verdict.json", VerdictFile::from_json)?;
    Ok(file.map(|file| Said {
        digest: file.digest,
        decision: file.decision,
        findings: Some(file.findings.len()),
    }))
}

fn signature(folder: &Path) -> anyhow::Result<Option<Said>> {
    let file = evidence(folder, "signature.json", SignatureFile::from_json)?;
    Ok(file.map(|file| Said {
        digest: file.digest,
        decision: file.decision,
        findings: None,
    }))
}

/// What a resource said of an image at last.
#[derive(Debug)]
struct Judgement {
    repository: String,
    digest: String,
    decision: Decision,
    findings: Option<usize>,
}

/// The last word of each resource on each image. A step that ended in a deny permits nothing, whatever it wrote; one that failed
/// otherwise has said nothing.
fn judgements(
    report: &RunReport,
    linked: &str,
    read: fn(&Path) -> anyhow::Result<Option<Said>>,
) -> anyhow::Result<Vec<Judgement>> {
    let mut last = BTreeMap::new();
    for (step, dir) in served_by(report, linked) {
        let Some(folder) = folder(step, dir) else {
            continue;
        };
        let Some(said) = read(&folder)? else {
            continue;
        };
        let judgement = Judgement {
            repository: text(&folder, "repository")?.unwrap_or_default(),
            digest: said.digest,
            decision: match (said.decision, step.status) {
                (Decision::Permit, Status::Succeeded) => Decision::Permit,
                (Decision::Permit, _) => Decision::Deny,
                (other, _) => other,
            },
            findings: said.findings,
        };
        let key = (
            step.resource.clone(),
            judgement.repository.clone(),
            judgement.digest.clone(),
        );
        last.insert(key, judgement);
    }
    Ok(last.into_values().collect())
}

/// Where a step that came to an end wrote what it says.
fn folder(step: &StepReport, dir: &Path) -> Option<PathBuf> {
    match (step.kind, step.status) {
        (StepKind::Get, Status::Succeeded | Status::Denied) => Some(dir.to_owned()),
        (StepKind::Put, Status::Succeeded | Status::Denied) => Some(dir.join(FOLDER_IN_BUILD)),
        _ => None,
    }
}

/// An image that was judged and that no step fetched or copied.
fn add_judged(images: &mut BTreeMap<(String, String), Image>, judgement: &Judgement) {
    if images
        .values()
        .any(|image| image.digest == judgement.digest)
    {
        return;
    }
    let (repository, digest) = (judgement.repository.clone(), judgement.digest.clone());
    let image = Image::unjudged(repository.clone(), digest.clone());
    images.insert((repository, digest), image);
}

/// A verdict is about content, wherever it lies: of several about one digest, the worst wins.
fn judge(images: &mut BTreeMap<(String, String), Image>, judgement: &Judgement) {
    let same = |image: &&mut Image| image.digest == judgement.digest;
    for image in images.values_mut().filter(same) {
        let earlier = image.verdict.as_deref().map(severity);
        if earlier.is_some_and(|earlier| earlier > severity(judgement.decision.word())) {
            continue;
        }
        image.verdict = Some(judgement.decision.word().to_owned());
        image.findings = judgement.findings;
    }
}

/// How much a verdict says against an image.
fn severity(verdict: &str) -> u8 {
    match verdict {
        "permit" => 0,
        "incomplete" => 1,
        _ => 2,
    }
}

/// A signature belongs to a repository: the same digest elsewhere is not signed by it. Every resource that looked must have
/// found the one it asks for.
fn mark_signed(images: &mut BTreeMap<(String, String), Image>, signatures: &[Judgement]) {
    for ((repository, digest), image) in images {
        let mut about = signatures
            .iter()
            .filter(|one| one.repository == *repository && one.digest == *digest)
            .peekable();
        image.signed = about.peek().is_some() && about.all(|one| one.decision.permits());
    }
}

#[cfg(test)]
mod tests;
