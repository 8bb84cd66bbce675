//! `summary.json`: the facts of a run.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::Context;
use serde::Serialize;
use serde_json::Value;
use trireme_blueprint::{Evidence, Span};
use trireme_runner::{RunReport, StepReport};

use super::Witnessed;

/// The facts of a run.
#[derive(Clone, Debug, Serialize)]
pub struct Summary {
    /// Raised when a field changes its meaning.
    pub format: u32,
    /// The Kubernetes release that was found, and the one that ran before.
    pub release: Release,
    /// Images that a step fetched, copied or judged.
    pub images: Vec<Image>,
    /// Nodes that were rolled.
    pub nodes: Vec<Node>,
    /// The availability that was measured; null when nobody measured.
    pub prober: Option<Probes>,
    /// Watch events in which a budget was below what it demands; null when nobody watched, or the watch had a gap.
    pub budget_violations: Option<u64>,
    /// When, during the roll, nobody watched the budgets on its behalf; null when nothing was rolled, or this was not noted.
    pub unwatched: Option<Vec<Span>>,
    /// What the cluster wrote down about its roll.
    #[serde(skip)]
    pub evidence: Option<Evidence>,
}

/// From one release to another; null for what no step said.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Release {
    /// The oldest version that a node ran before.
    pub from: Option<String>,
    /// The release that was found.
    pub to: Option<String>,
}

/// One image.
#[derive(Clone, Debug, Serialize)]
pub struct Image {
    /// `REPOSITORY:TAG`, or the repository.
    pub reference: String,
    /// What was judged.
    pub digest: String,
    /// `permit` or `deny`; null when no step judged it.
    pub verdict: Option<String>,
    /// How many findings were left after the policy; null when no step judged it.
    pub findings: Option<usize>,
    /// Whether a signature was verified.
    pub signed: bool,
}

/// One node that was rolled.
#[derive(Clone, Debug, Serialize)]
pub struct Node {
    /// Its name.
    pub name: String,
    /// Its zone.
    pub zone: String,
    /// What it ran before.
    pub from: String,
    /// What it runs since.
    pub to: String,
    /// From cordon to uncordon, to a tenth of a second.
    pub seconds: f64,
}

/// What the prober counted.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Probes {
    /// Connections that were tried.
    pub sent: u64,
    /// Of these, how many were refused, cut, late or wrong.
    pub failed: u64,
}

impl Summary {
    /// Reads the files that the steps of the run wrote.
    ///
    /// # Errors
    /// When such a file cannot be read or understood.
    pub fn of(report: &RunReport, witnessed: Option<&Witnessed>) -> anyhow::Result<Self> {
        let evidence = evidence(report)?;
        Ok(Self {
            format: 1,
            release: release(report, evidence.as_ref())?,
            images: images(report)?,
            nodes: evidence
                .iter()
                .flat_map(|evidence| &evidence.nodes)
                .map(node)
                .collect(),
            prober: witnessed.map(|seen| Probes {
                sent: seen.measured.sent,
                failed: seen.measured.failed,
            }),
            budget_violations: witnessed.and_then(|seen| seen.observed.violations()),
            unwatched: evidence
                .as_ref()
                .and_then(|evidence| evidence.unwatched.clone()),
            evidence,
        })
    }
}

fn served_by<'a>(
    report: &'a RunReport,
    resource: &'a str,
) -> impl Iterator<Item = (&'a StepReport, &'a Path)> {
    report
        .steps()
        .filter(move |step| step.linked.as_deref() == Some(resource))
        .filter_map(|step| step.dir.as_deref().map(|dir| (step, dir)))
}

fn text(dir: &Path, file: &str) -> anyhow::Result<Option<String>> {
    let path = dir.join(file);
    match fs::read_to_string(&path) {
        Ok(text) => Ok(Some(text.trim().to_owned())),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).with_context(|| format!("could not read {}", path.display())),
    }
}

fn json(dir: &Path, file: &str) -> anyhow::Result<Option<Value>> {
    let Some(text) = text(dir, file)? else {
        return Ok(None);
    };
    let value = serde_json::from_str(&text);
    value
        .with_context(|| format!("{} is not JSON", dir.join(file).display()))
        .map(Some)
}

fn evidence(report: &RunReport) -> anyhow::Result<Option<Evidence>> {
    let mut found = None;
    for (_, dir) in served_by(report, "cluster") {
        if let Some(value) = json(dir, "evidence.json")? {
            let place = dir.join("evidence.json");
            found = Some(
                serde_json::from_value(value)
                    .with_context(|| format!("could not understand {}", place.display()))?,
            );
        }
    }
    Ok(found)
}

fn release(report: &RunReport, evidence: Option<&Evidence>) -> anyhow::Result<Release> {
    let mut to = None;
    for (_, dir) in served_by(report, "kubernetes-release") {
        to = text(dir, "version")?.or(to);
    }
    Ok(Release {
        from: evidence.map(|evidence| evidence.from.to_string()),
        to: to.or_else(|| evidence.map(|evidence| evidence.to.to_string())),
    })
}

fn images(report: &RunReport) -> anyhow::Result<Vec<Image>> {
    let mut images: BTreeMap<(String, String), Image> = BTreeMap::new();
    for (_, dir) in served_by(report, "image") {
        let (Some(repository), Some(digest)) = (text(dir, "repository")?, text(dir, "digest")?)
        else {
            continue;
        };
        let tag = text(dir, "tag")?.filter(|tag| !tag.is_empty());
        let reference = tag.map_or_else(|| repository.clone(), |tag| format!("{repository}:{tag}"));
        let image = Image {
            reference,
            digest: digest.clone(),
            verdict: None,
            findings: None,
            signed: false,
        };
        images.insert((repository, digest), image);
    }
    for (_, dir) in served_by(report, "image-scan") {
        for place in [dir, &dir.join(SCAN_OF_PUT)] {
            if let Some(verdict) = json(place, "verdict.json")? {
                judge(&mut images, &verdict);
            }
        }
    }
    for (_, dir) in served_by(report, "image-signature") {
        if let Some(signature) = json(dir, "signature.json")? {
            mark_signed(&mut images, &signature);
        }
    }
    Ok(images.into_values().collect())
}

/// Where a `put` of `image-scan` leaves its files: a denied one has no `get` that would bring them.
const SCAN_OF_PUT: &str = ".image-scan";

fn judge(images: &mut BTreeMap<(String, String), Image>, verdict: &Value) {
    for image in images
        .values_mut()
        .filter(|image| verdict["digest"] == image.digest.as_str())
    {
        image.verdict = verdict["verdict"].as_str().map(str::to_owned);
        image.findings = verdict["findings"].as_array().map(Vec::len);
    }
}

/// A signature belongs to a repository: the same digest elsewhere is not signed by it.
fn mark_signed(images: &mut BTreeMap<(String, String), Image>, signature: &Value) {
    let named = |key: &str| signature[key].as_str().unwrap_or_default().to_owned();
    if let Some(image) = images.get_mut(&(named("repository"), named("digest"))) {
        image.signed = signature["verdict"] == "permit";
    }
}

fn node(node: &trireme_blueprint::NodeEvidence) -> Node {
    Node {
        name: node.name.clone(),
        zone: node.zone.clone(),
        from: node.from.to_string(),
        to: node.to.to_string(),
        seconds: tenths(node.uncordoned_at.duration_since(node.cordoned_at)),
    }
}

/// Seconds, rounded to a tenth.
pub(super) fn tenths(span: jiff::SignedDuration) -> f64 {
    (span.as_secs_f64() * 10.0).round() / 10.0
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::*;

    #[test]
    fn spans_are_shown_in_tenths_of_a_second() {
        for (milliseconds, shown) in [(40, "0.0"), (449, "0.4"), (960, "1.0"), (61_250, "61.3")] {
            let took = tenths(SignedDuration::from_millis(milliseconds));
            assert_eq!(format!("{took:.1}"), shown, "{milliseconds} ms");
        }
    }
}
