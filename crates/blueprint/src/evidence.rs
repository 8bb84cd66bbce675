//! What a roll leaves behind, so that someone else can check it.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use trireme_release::Version;

use crate::inventory::{Budget, Inventory, Node};

/// A budget keeps at most this many samples; a ConfigMap holds 1 MiB, and a sample takes some 60 bytes.
const SAMPLES_MAX: usize = 200;

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
    /// The nodes, in the order in which they were begun.
    pub nodes: Vec<NodeEvidence>,
    /// The budgets.
    pub budgets: Vec<BudgetSamples>,
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
    /// From cordon to uncordon, in whole seconds.
    pub seconds: i64,
}

/// What one budget said.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BudgetSamples {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Each change that was seen, oldest first; of very many, the middle ones are left out.
    pub samples: Vec<Sample>,
}

/// What a budget said at one time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sample {
    /// When it was seen.
    pub at: Timestamp,
    /// `currentHealthy`.
    pub current: i32,
    /// `desiredHealthy`.
    pub desired: i32,
    /// `disruptionsAllowed`.
    pub allowed: i32,
}

impl Evidence {
    /// The evidence of `blueprint`, from the nodes' own annotations; `at` is used for times when no node was touched.
    pub fn new(
        inventory: &Inventory,
        blueprint: &str,
        to: &Version,
        budgets: Vec<BudgetSamples>,
        at: Timestamp,
    ) -> Self {
        let mut nodes: Vec<_> = inventory
            .nodes
            .values()
            .filter_map(|node| NodeEvidence::of(node, blueprint))
            .collect();
        nodes.sort_by(|a, b| (a.cordoned_at, &a.name).cmp(&(b.cordoned_at, &b.name)));
        let finished = nodes.iter().map(|node| node.uncordoned_at).max();
        Self {
            format: crate::FORMAT,
            blueprint: blueprint.into(),
            from: nodes
                .iter()
                .map(|node| &node.from)
                .min()
                .unwrap_or(to)
                .clone(),
            to: to.clone(),
            started_at: nodes.first().map_or(at, |node| node.cordoned_at),
            finished_at: finished.unwrap_or(at),
            nodes,
            budgets,
        }
    }
}

impl NodeEvidence {
    fn of(node: &Node, blueprint: &str) -> Option<Self> {
        let rolled = node
            .rolled
            .as_ref()
            .filter(|rolled| rolled.blueprint == blueprint)?;
        let took = rolled.uncordoned_at.duration_since(rolled.cordoned_at);
        Some(Self {
            name: node.name.clone(),
            zone: node.zone.clone(),
            from: rolled.from.clone(),
            to: rolled.to.clone(),
            cordoned_at: rolled.cordoned_at,
            drained_at: rolled.drained_at,
            acted_at: rolled.acted_at,
            ready_at: rolled.ready_at,
            uncordoned_at: rolled.uncordoned_at,
            seconds: took.as_secs(),
        })
    }
}

impl BudgetSamples {
    /// Adds what `budgets` say at `at` to `all`, where it is news.
    pub fn observe(
        all: &mut BTreeMap<(String, String), BudgetSamples>,
        budgets: &[Budget],
        at: Timestamp,
    ) {
        for budget in budgets {
            let key = (budget.namespace.clone(), budget.name.clone());
            let entry = all.entry(key).or_insert_with(|| Self {
                namespace: budget.namespace.clone(),
                name: budget.name.clone(),
                samples: Vec::new(),
            });
            entry.add(Sample {
                at,
                current: budget.current,
                desired: budget.desired,
                allowed: budget.allowed,
            });
        }
    }

    fn add(&mut self, sample: Sample) {
        let said = |sample: &Sample| (sample.current, sample.desired, sample.allowed);
        if self.samples.last().map(said) == Some(said(&sample)) {
            return;
        }
        if self.samples.len() >= SAMPLES_MAX {
            // Which one goes does not matter to a reader, as long as the lowest and the ends stay.
            let low = self.samples.iter().map(|sample| sample.current).min();
            let inner = 1..self.samples.len() - 1;
            let spare = inner
                .rev()
                .find(|index| Some(self.samples[*index].current) != low);
            self.samples.remove(spare.unwrap_or(SAMPLES_MAX / 2));
        }
        self.samples.push(sample);
    }
}
