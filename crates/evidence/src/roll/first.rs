//! Format 1 of `roll.json`, which was named `evidence.json`.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Deserialize;

use super::{Budget, Node, NodeState, Outcome, Span};
use crate::Format;

#[derive(Deserialize)]
pub(super) struct RollFile {
    blueprint: String,
    from: String,
    to: String,
    started_at: Timestamp,
    finished_at: Timestamp,
    images: Option<BTreeMap<String, String>>,
    nodes: Vec<FinishedNode>,
    budgets: Vec<Budget>,
    unwatched: Option<Vec<Span>>,
}

#[derive(Deserialize)]
struct FinishedNode {
    name: String,
    zone: String,
    from: String,
    to: String,
    cordoned_at: Timestamp,
    drained_at: Timestamp,
    acted_at: Timestamp,
    ready_at: Timestamp,
    uncordoned_at: Timestamp,
    seconds: i64,
}

impl From<RollFile> for super::RollFile {
    fn from(old: RollFile) -> Self {
        Self {
            format: Format,
            roll: None,
            blueprint: old.blueprint,
            // It was only written of such a roll.
            outcome: Outcome::Done,
            reason: None,
            left_cordoned: Vec::new(),
            may_be_cordoned: Vec::new(),
            from: old.from,
            to: old.to,
            started_at: old.started_at,
            ended_at: old.finished_at,
            images: old.images.unwrap_or_default(),
            runs: Vec::new(),
            nodes: old.nodes.into_iter().map(Node::from).collect(),
            budgets: old.budgets,
            unwatched: old.unwatched,
        }
    }
}

impl From<FinishedNode> for Node {
    fn from(old: FinishedNode) -> Self {
        Self {
            name: old.name,
            zone: old.zone,
            state: NodeState::Done,
            from: Some(old.from),
            to: Some(old.to),
            attempts: Vec::new(),
            runs: Vec::new(),
            // Which run, and so which machine, each time came from was not written.
            one_clock: None,
            cordoned_at: Some(old.cordoned_at),
            drained_at: Some(old.drained_at),
            acted_at: Some(old.acted_at),
            ready_at: Some(old.ready_at),
            uncordoned_at: Some(old.uncordoned_at),
            seconds: Some(old.seconds),
        }
    }
}
