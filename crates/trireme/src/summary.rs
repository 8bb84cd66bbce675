//! What a run in the sandbox came to: the release, the images with verdict and signature, the nodes, and the availability
//! that was measured.
//!
//! Images, verdicts and signatures are read from the files of the steps, nodes from the observer, who watched the API all
//! along: not from what the roller says of itself.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use trireme_runner::{RunReport, StepKind, StepReport};
use trireme_sandbox::clients::observer::{NodeSample, Observed};
use trireme_sandbox::clients::prober::Measured;

/// `summary.json`.
#[derive(Debug, Serialize, Deserialize)]
pub struct Summary {
    release: Release,
    images: Vec<Image>,
    nodes: Vec<Node>,
    prober: Probes,
    budget_violations: u64,
}

#[derive(Debug, Serialize, Deserialize)]
struct Release {
    from: Option<String>,
    to: Option<String>,
}

/// An image that was pushed, or only judged. A verdict or signature that nobody asked for is `None`.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Image {
    reference: String,
    digest: String,
    verdict: Option<String>,
    signed: bool,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Node {
    name: String,
    zone: String,
    from: String,
    to: String,
    /// From the cordon to the uncordon; 0 for a node that was not disturbed.
    seconds: f64,
}

#[derive(Debug, Serialize, Deserialize)]
struct Probes {
    sent: u64,
    failed: u64,
}

impl Summary {
    /// Brings together what the run, the observer and the prober know.
    pub fn new(report: &RunReport, observed: &Observed, measured: &Measured) -> Self {
        let nodes: Vec<Node> = observed
            .nodes
            .iter()
            .filter_map(|(name, samples)| Node::of(name, samples))
            .collect();
        let release =
            linked(report, "kubernetes-release").filter(|step| step.kind == StepKind::Get);
        let to = release.filter_map(|step| step.version.as_ref()?.get("version").cloned());
        let from = nodes.iter().map(|node| node.from.clone()).min();
        Self {
            release: Release {
                from,
                to: to.last(),
            },
            images: images(report),
            nodes,
            prober: Probes {
                sent: measured.sent,
                failed: measured.failed,
            },
            budget_violations: observed.budget_violations,
        }
    }

    /// Writes `summary.json` into the state folder, by rename.
    ///
    /// # Errors
    /// The folder cannot be written.
    pub fn write(&self, state: &Path) -> io::Result<PathBuf> {
        let (path, draft) = (state.join("summary.json"), state.join("summary.json.draft"));
        fs::write(&draft, serde_json::to_vec_pretty(self)?)?;
        fs::rename(&draft, &path)?;
        Ok(path)
    }
}

/// The successful steps of one linked resource.
fn linked<'r>(report: &'r RunReport, name: &'r str) -> impl Iterator<Item = &'r StepReport> {
    report
        .steps()
        .filter(move |step| step.linked.as_deref() == Some(name) && step.kind != StepKind::Check)
}

/// Every image that was pushed or judged, by digest; one that was pushed has a tag.
fn images(report: &RunReport) -> Vec<Image> {
    let mut images: BTreeMap<String, Image> = BTreeMap::new();
    for step in linked(report, "image") {
        let version = step.version.iter();
        let fields = version.filter_map(|v| Some((v.get("tag")?, v.get("digest")?)));
        for (tag, digest) in fields {
            let repository = file(step, "repository").unwrap_or_else(|| step.name.clone());
            let image = Image::new(format!("{repository}:{tag}"), digest);
            if step
                .dir
                .as_ref()
                .is_some_and(|dir| dir.join("repository").exists())
            {
                images.insert(digest.clone(), image);
            } else {
                images.entry(digest.clone()).or_insert(image);
            }
        }
    }
    for (digest, verdict, step) in judged(report, "image-scan", "verdict.json") {
        let unnamed = || Image::new(step.name.clone(), &digest);
        images.entry(digest.clone()).or_insert_with(unnamed).verdict = Some(verdict);
    }
    for (digest, verdict, step) in judged(report, "image-signature", "signature.json") {
        let unnamed = || Image::new(step.name.clone(), &digest);
        images.entry(digest.clone()).or_insert_with(unnamed).signed = verdict == "permit";
    }
    let mut images: Vec<Image> = images.into_values().collect();
    images.sort_by(|one, other| one.reference.cmp(&other.reference));
    images
}

/// Digest and verdict of every step that wrote them, the last one last.
fn judged<'r>(
    report: &'r RunReport,
    resource: &'r str,
    name: &'r str,
) -> impl Iterator<Item = (String, String, &'r StepReport)> {
    linked(report, resource).filter_map(move |step| {
        let judgement: Value = serde_json::from_str(&file(step, name)?).ok()?;
        let text = |key: &str| judgement[key].as_str().map(str::to_owned);
        Some((text("digest")?, text("verdict")?, step))
    })
}

fn file(step: &StepReport, name: &str) -> Option<String> {
    let text = fs::read_to_string(step.dir.as_ref()?.join(name)).ok()?;
    Some(text.trim().to_owned())
}

impl Image {
    fn new(reference: String, digest: &str) -> Self {
        Self {
            reference,
            digest: digest.to_owned(),
            verdict: None,
            signed: false,
        }
    }
}

impl Node {
    /// From the first to the last that was seen of a node.
    fn of(name: &str, samples: &[NodeSample]) -> Option<Self> {
        let (first, last) = (samples.first()?, samples.last()?);
        let cordoned = samples.iter().find(|sample| !sample.schedulable);
        let seconds = cordoned.map_or(0.0, |sample| between(sample.at, last.at));
        Some(Self {
            name: name.to_owned(),
            zone: last.zone.clone(),
            from: first.version.clone(),
            to: last.version.clone(),
            seconds,
        })
    }
}

fn between(from: Timestamp, to: Timestamp) -> f64 {
    (to.duration_since(from).as_secs_f64() * 100.0).round() / 100.0
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let known = |version: &Option<String>| version.clone().unwrap_or_else(|| "unknown".into());
        writeln!(
            f,
            "\nrelease  {} -> {}",
            known(&self.release.from),
            known(&self.release.to)
        )?;
        for image in &self.images {
            let verdict = image.verdict.as_deref().unwrap_or("not scanned");
            let signed = if image.signed { "signed" } else { "not signed" };
            let digest = image.digest.get(..19).unwrap_or(&image.digest);
            writeln!(
                f,
                "image    {}  {digest}  {verdict}, {signed}",
                image.reference
            )?;
        }
        for node in &self.nodes {
            let Node {
                name,
                zone,
                from,
                to,
                seconds,
            } = node;
            writeln!(
                f,
                "node     {name:<6} {zone}  {from} -> {to}  {seconds:.1} s"
            )?;
        }
        let Probes { sent, failed } = self.prober;
        let answered = 100.0 * (sent - failed) as f64 / sent.max(1) as f64;
        writeln!(
            f,
            "measured {answered:.2} % of {sent} connections answered, {failed} failed, {} budget violations",
            self.budget_violations
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_is_told_from_its_samples() {
        let sample = |second, version: &str, schedulable| NodeSample {
            at: Timestamp::from_second(second).unwrap(),
            zone: "az-a".into(),
            version: version.into(),
            ready: true,
            schedulable,
        };
        let samples = [
            sample(0, "v1.36.4", true),
            sample(10, "v1.36.4", false),
            sample(13, "v1.37.2", false),
            sample(14, "v1.37.2", true),
        ];
        let node = Node::of("w-1", &samples).unwrap();
        assert_eq!(
            (node.from.as_str(), node.to.as_str(), node.seconds),
            ("v1.36.4", "v1.37.2", 4.0)
        );
        assert_eq!(Node::of("w-1", &samples[..1]).unwrap().seconds, 0.0);
        assert_eq!(Node::of("w-1", &[]), None);
    }
}
