//! What a roll did, as the file `roll.json`. Also of a roll that failed or was aborted.

use std::collections::BTreeSet;

use jiff::Timestamp;
use trireme_evidence::{self as file, NodeState, Outcome, RollFile, Run};
use trireme_release::Version;

use crate::goal::Goal;
use crate::kubernetes::Node;
use crate::observation_log::{BudgetSamples, ObservationLog, Sample, Span};

/// How a roll ended, as far as the nodes do not say it.
#[derive(Clone, Debug)]
pub struct Ending {
    /// Whether it is done.
    pub outcome: Outcome,
    /// Why not.
    pub reason: Option<String>,
    /// The nodes that are still cordoned.
    pub left_cordoned: Vec<String>,
    /// The nodes whose last update was not confirmed.
    pub may_be_cordoned: Vec<String>,
    /// The run that ended it; none when only the cluster is asked.
    pub run: Option<Run>,
    /// Now.
    pub at: Timestamp,
}

/// The evidence of the roll of `goal`, from the annotations of the nodes. `from` is the version that the roll began with.
pub fn roll_file<'a>(
    nodes: impl IntoIterator<Item = &'a Node>,
    goal: &Goal,
    from: &Version,
    log: &ObservationLog,
    ending: Ending,
) -> RollFile {
    let mut nodes: Vec<_> = nodes
        .into_iter()
        .filter_map(|node| of_node(node, goal))
        .collect();
    // Those that were not begun have no time, and come last.
    nodes.sort_by(|a, b| order(a).cmp(&order(b)));
    let started_at = nodes.iter().filter_map(|node| node.cordoned_at).min();
    let started_at = started_at.unwrap_or(ending.at);
    let last = nodes.iter().filter_map(|node| node.uncordoned_at).max();
    let ended_at = match ending.outcome {
        Outcome::Done => last.unwrap_or(ending.at),
        Outcome::Failed | Outcome::Aborted => ending.at,
    };
    // The clock of another run may have been ahead.
    let ended_at = ended_at.max(started_at);
    let has_acted = nodes.iter().any(|node| node.cordoned_at.is_some());
    let images = has_acted.then(|| goal.wanted.images.clone());
    RollFile {
        format: file::Format,
        roll: Some(goal.roll.clone()).filter(|roll| !roll.is_empty()),
        blueprint: goal.blueprint.clone(),
        outcome: ending.outcome,
        reason: ending.reason,
        left_cordoned: ending.left_cordoned,
        may_be_cordoned: ending.may_be_cordoned,
        from: from.to_string(),
        to: goal.wanted.version.to_string(),
        started_at,
        ended_at,
        images: images.unwrap_or_default(),
        runs: runs(&nodes, ending.run),
        nodes,
        budgets: log.budgets.iter().map(budget).collect(),
        budgets_left_out: log.budgets_left_out,
        unwatched: Some(log.gaps(started_at, ended_at).iter().map(span).collect()),
    }
}

fn order(node: &file::Node) -> (bool, Option<Timestamp>, &str) {
    let waits = node.cordoned_at.is_none();
    (waits, node.cordoned_at, &node.name)
}

/// What the roll did to a node; none for one that it has nothing to do with.
fn of_node(node: &Node, goal: &Goal) -> Option<file::Node> {
    if let Some(begun) = &node.roll {
        return Some(file::Node {
            state: NodeState::Begun,
            from: Some(begun.from.to_string()),
            attempts: id(&begun.attempt),
            runs: epochs([begun.clock, begun.epoch]),
            cordoned_at: Some(begun.cordoned_at),
            ..untouched(node, goal)
        });
    }
    // What another blueprint did to a node is not work of this one: it may have had other images.
    if let Some(finished) = goal.finished(node) {
        let done = file::Node {
            state: NodeState::Done,
            from: Some(finished.from.to_string()),
            to: Some(finished.to.to_string()),
            attempts: id(&finished.attempt),
            runs: epochs([finished.epoch]),
            one_clock: Some(finished.one_clock),
            cordoned_at: Some(finished.cordoned_at),
            drained_at: Some(finished.drained_at),
            acted_at: Some(finished.acted_at),
            ready_at: Some(finished.ready_at),
            uncordoned_at: Some(finished.uncordoned_at),
            ..untouched(node, goal)
        };
        return Some(done.timed());
    }
    let is_due = !goal.wanted.version.accepts(&node.version);
    is_due.then(|| untouched(node, goal))
}

/// A node on which nothing was done yet.
fn untouched(node: &Node, goal: &Goal) -> file::Node {
    file::Node {
        name: node.name.clone(),
        zone: node.zone.clone(),
        state: NodeState::NotBegun,
        from: Some(node.version.to_string()),
        to: Some(goal.wanted.version.to_string()),
        attempts: Vec::new(),
        runs: Vec::new(),
        one_clock: None,
        cordoned_at: None,
        drained_at: None,
        acted_at: None,
        ready_at: None,
        uncordoned_at: None,
        seconds: None,
    }
}

/// The runs that wrote to a node, and the one that ended the roll.
fn runs(nodes: &[file::Node], last: Option<Run>) -> Vec<Run> {
    let epochs = nodes.iter().flat_map(|node| node.runs.iter().copied());
    let mut epochs: BTreeSet<u64> = epochs.collect();
    if let Some(run) = &last {
        epochs.remove(&run.epoch);
    }
    let others = epochs.into_iter().map(|epoch| Run {
        epoch,
        holder: None,
    });
    let mut runs: Vec<Run> = others.chain(last).collect();
    runs.sort_by_key(|run| run.epoch);
    runs
}

/// Annotations of the first release have no ids.
fn id(id: &str) -> Vec<String> {
    Some(id.to_owned())
        .filter(|id| !id.is_empty())
        .into_iter()
        .collect()
}

/// Annotations of the first release have epoch 0.
fn epochs<const N: usize>(epochs: [u64; N]) -> Vec<u64> {
    let known = epochs.into_iter().filter(|epoch| *epoch > 0);
    let each_once: BTreeSet<u64> = known.collect();
    each_once.into_iter().collect()
}

fn budget(budget: &BudgetSamples) -> file::Budget {
    file::Budget {
        namespace: budget.namespace.clone(),
        name: budget.name.clone(),
        samples: budget.samples.iter().map(sample).collect(),
    }
}

fn sample(sample: &Sample) -> file::Sample {
    file::Sample {
        at: sample.at,
        current: sample.current,
        desired: sample.desired,
        allowed: sample.allowed,
    }
}

fn span(span: &Span) -> file::Span {
    file::Span {
        from: span.from,
        until: span.until,
    }
}

#[cfg(test)]
mod tests;
