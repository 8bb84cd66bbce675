//! `summary.json`: the facts of a run.

use serde::Serialize;
use trireme_evidence::words::tenths;
use trireme_evidence::{self as file, NodeState, Outcome, RollFile, Span};
use trireme_runner::RunReport;

use super::images::{self, Image};
use super::steps::{evidence, got, text};
use super::troubles::{self, RollEnd, Trouble};
use super::{Probes, Witnessed};

/// The facts of a run.
#[derive(Clone, Debug, Serialize)]
pub struct Summary {
    /// Raised when a field changes its meaning.
    pub format: u32,
    /// The Kubernetes release that was found, and the one that ran before.
    pub release: Release,
    /// Images that a step fetched, copied or judged.
    pub images: Vec<Image>,
    /// How the last roll ended that this run began; of one that did not finish, `nodes` is empty.
    pub roll: RollEnd,
    /// Nodes that were rolled.
    pub nodes: Vec<Node>,
    /// The availability that was measured; null when nobody measured.
    pub prober: Option<Probes>,
    /// Watch events of this run in which a budget was below what it demands; null when nobody watched, or the watch had a gap.
    pub budget_violations: Option<u64>,
    /// When, during the roll, nobody watched the budgets on its behalf; null when nothing was rolled, or this was not noted.
    pub unwatched: Option<Vec<Span>>,
    /// What did not succeed, in the order of the jobs.
    pub troubles: Vec<Trouble>,
    /// What is written about the roll; none of one that is not done.
    #[serde(skip)]
    pub evidence: Option<RollFile>,
}

/// From one release to another; null for what no step said.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Release {
    /// The oldest version that a node ran before.
    pub from: Option<String>,
    /// The release that was found.
    pub to: Option<String>,
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
    /// From cordon to uncordon, to a tenth of a second; null when the two times are not from one clock.
    pub seconds: Option<f64>,
}

impl Summary {
    /// When, during the roll, the availability was not measured; none when nobody measured, or nothing was rolled.
    pub(super) fn unmeasured(&self) -> Option<&[Span]> {
        self.prober.as_ref()?.unmeasured.as_deref()
    }

    /// Reads the files that the steps of the run wrote.
    ///
    /// # Errors
    /// When such a file cannot be read or understood.
    pub fn of(report: &RunReport, witnessed: Option<&Witnessed>) -> anyhow::Result<Self> {
        let evidence = roll(report)?;
        Ok(Self {
            format: 1,
            release: release(report, evidence.as_ref())?,
            images: images::of(report)?,
            roll: RollEnd::of(report, evidence.is_some()),
            nodes: evidence.iter().flat_map(nodes).collect(),
            prober: witnessed.map(|seen| Probes::of(&seen.measured, evidence.as_ref())),
            budget_violations: witnessed.and_then(|seen| seen.observed.violations()),
            unwatched: evidence.as_ref().and_then(|roll| roll.unwatched.clone()),
            troubles: troubles::of(report),
            evidence,
        })
    }
}

/// The roll that the last get of a cluster wrote about, if it is done. `evidence.json` is its name in the first release.
fn roll(report: &RunReport) -> anyhow::Result<Option<RollFile>> {
    let mut found = None;
    for dir in got(report, "cluster") {
        for name in ["evidence.json", "roll.json"] {
            found = evidence(dir, name, RollFile::from_json)?.or(found);
        }
    }
    Ok(found.filter(|roll| roll.outcome == Outcome::Done))
}

fn release(report: &RunReport, roll: Option<&RollFile>) -> anyhow::Result<Release> {
    let mut to = None;
    for dir in got(report, "kubernetes-release") {
        to = text(dir, "version")?.or(to);
    }
    Ok(Release {
        from: roll.map(|roll| roll.from.clone()),
        to: to.or_else(|| roll.map(|roll| roll.to.clone())),
    })
}

fn nodes(roll: &RollFile) -> impl Iterator<Item = Node> {
    let done = |node: &&file::Node| node.state == NodeState::Done;
    roll.nodes.iter().filter(done).map(node)
}

fn node(node: &file::Node) -> Node {
    // Format 1 has whole seconds, and does not say from how many clocks they are.
    let known = || node.seconds.map(|seconds| seconds as f64);
    Node {
        name: node.name.clone(),
        zone: node.zone.clone(),
        from: node.from.clone().unwrap_or_default(),
        to: node.to.clone().unwrap_or_default(),
        seconds: node.took().map(tenths).or_else(known),
    }
}
