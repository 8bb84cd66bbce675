//! What a roll leaves behind, so that someone else can check it.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use trireme_release::Version;

use crate::goal::Goal;
use crate::kubernetes::{Inventory, Node, RolledAnnotation};
use crate::observation_log::{BudgetSamples, ObservationLog, Span};

/// What was done to the nodes, and what the budgets said meanwhile.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Evidence {
    /// [`crate::FORMAT`].
    pub format: u32,
    /// The blueprint's id.
    pub blueprint: String,
    /// The oldest version that a node came from.
    pub from: Version,
    /// The wanted version.
    pub to: Version,
    /// When the first node was cordoned.
    pub started_at: Timestamp,
    /// When the last node was uncordoned.
    pub finished_at: Timestamp,
    /// The images that were handed to the act on each of these nodes, by name. None when there were none, and in evidence that
    /// was written before this was noted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub images: Option<BTreeMap<String, String>>,
    /// The nodes, in the order in which they were begun.
    pub nodes: Vec<NodeEvidence>,
    /// The budgets.
    pub budgets: Vec<BudgetSamples>,
    /// When nobody watched the budgets between the beginning and the end: the roll had stopped, or what a run saw was lost
    /// when it was killed. None in evidence that was written before this was noted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unwatched: Option<Vec<Span>>,
}

/// What was done to one node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeEvidence {
    /// Its name.
    pub name: String,
    /// Its zone.
    pub zone: String,
    /// What it ran before.
    pub from: Version,
    /// What it runs since.
    pub to: Version,
    /// When it was cordoned.
    pub cordoned_at: Timestamp,
    /// When it was empty.
    pub drained_at: Timestamp,
    /// When the act on it was done.
    pub acted_at: Timestamp,
    /// When it was Ready on its new version.
    pub ready_at: Timestamp,
    /// When it took pods again.
    pub uncordoned_at: Timestamp,
    /// From cordon to uncordon, in whole seconds. None when the times are of two clocks: then their difference means nothing.
    pub seconds: Option<i64>,
    /// The id of the attempt; empty in evidence that was written before attempts had ids.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub attempt: String,
}

impl Evidence {
    /// The evidence of the roll of `goal`, from the nodes' own annotations; `at` is used for times when no node was touched.
    pub fn new(inventory: &Inventory, goal: &Goal, log: ObservationLog, at: Timestamp) -> Self {
        let nodes = inventory.nodes.values();
        let of = |node| Some(NodeEvidence::of(node, goal.finished(node)?));
        let mut nodes: Vec<_> = nodes.filter_map(of).collect();
        nodes.sort_by(|a, b| (a.cordoned_at, &a.name).cmp(&(b.cordoned_at, &b.name)));
        let (to, images) = (&goal.wanted.version, &goal.wanted.images);
        let started_at = nodes.first().map_or(at, |node| node.cordoned_at);
        let finished = nodes.iter().map(|node| node.uncordoned_at).max();
        let finished_at = finished.unwrap_or(at);
        Self {
            format: crate::FORMAT,
            blueprint: goal.blueprint.clone(),
            from: nodes
                .iter()
                .map(|node| &node.from)
                .min()
                .unwrap_or(to)
                .clone(),
            to: to.clone(),
            started_at,
            finished_at,
            images: (!nodes.is_empty() && !images.is_empty()).then(|| images.clone()),
            nodes,
            unwatched: Some(log.gaps(started_at, finished_at)),
            budgets: log.budgets,
        }
    }
}

impl NodeEvidence {
    fn of(node: &Node, rolled: &RolledAnnotation) -> Self {
        let took = rolled.uncordoned_at.duration_since(rolled.cordoned_at);
        Self {
            name: node.name.clone(),
            zone: node.zone.clone(),
            from: rolled.from.clone(),
            to: rolled.to.clone(),
            cordoned_at: rolled.cordoned_at,
            drained_at: rolled.drained_at,
            acted_at: rolled.acted_at,
            ready_at: rolled.ready_at,
            uncordoned_at: rolled.uncordoned_at,
            seconds: rolled.one_clock.then_some(took.as_secs()),
            attempt: rolled.attempt.clone(),
        }
    }
}
