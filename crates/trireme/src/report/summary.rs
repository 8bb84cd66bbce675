//! `summary.json`: the facts of a run.

use anyhow::Context;
use serde::Serialize;
use trireme_blueprint::{Evidence, Span};
use trireme_runner::RunReport;

use super::images::{self, Image};
use super::steps::{got, json, text};
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
        let evidence = evidence(report)?;
        Ok(Self {
            format: 1,
            release: release(report, evidence.as_ref())?,
            images: images::of(report)?,
            roll: RollEnd::of(report, evidence.is_some()),
            nodes: evidence
                .iter()
                .flat_map(|evidence| &evidence.nodes)
                .map(node)
                .collect(),
            prober: witnessed.map(|seen| Probes::of(&seen.measured, evidence.as_ref())),
            budget_violations: witnessed.and_then(|seen| seen.observed.violations()),
            unwatched: evidence
                .as_ref()
                .and_then(|evidence| evidence.unwatched.clone()),
            troubles: troubles::of(report),
            evidence,
        })
    }
}

fn evidence(report: &RunReport) -> anyhow::Result<Option<Evidence>> {
    let mut found = None;
    for dir in got(report, "cluster") {
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
    for dir in got(report, "kubernetes-release") {
        to = text(dir, "version")?.or(to);
    }
    Ok(Release {
        from: evidence.map(|evidence| evidence.from.to_string()),
        to: to.or_else(|| evidence.map(|evidence| evidence.to.to_string())),
    })
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
