//! `roll.json`: what one roll did to a cluster, and what was seen meanwhile.

mod first;

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::format::{format_of, parse, write};
use crate::{EvidenceError, Format};

/// The newest format of this file. Format 1 was `evidence.json`; it was only written of a roll that was done.
const FORMAT: u32 = 2;

/// `roll.json`. All times are from the clock of the machine that ran the roll.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RollFile {
    /// The format number.
    pub format: Format<FORMAT>,
    /// The id of the roll; none in format 1.
    pub roll: Option<String>,
    /// The id of its blueprint.
    pub blueprint: String,
    /// How it ended.
    pub outcome: Outcome,
    /// Why it did not end well; none when it is done.
    pub reason: Option<String>,
    /// The nodes that are still cordoned.
    #[serde(default)]
    pub left_cordoned: Vec<String>,
    /// The nodes that may still be cordoned: their last update was not confirmed.
    #[serde(default)]
    pub may_be_cordoned: Vec<String>,
    /// The oldest version that a node came from.
    pub from: String,
    /// The wanted version.
    pub to: String,
    /// When the first node was cordoned; when no node was, the time of this file.
    pub started_at: Timestamp,
    /// When the last node was uncordoned; of a roll that is not done, the time of this file.
    pub ended_at: Timestamp,
    /// The images that were given to the Jobs on the nodes, by name.
    #[serde(default)]
    pub images: BTreeMap<String, String>,
    /// The runs that took part, in their order. A roll that was stopped and continued has more than one.
    #[serde(default)]
    pub runs: Vec<Run>,
    /// The nodes, in the order in which they were begun; then those that were not begun.
    pub nodes: Vec<Node>,
    /// The disruption budgets.
    #[serde(default)]
    pub budgets: Vec<Budget>,
    /// When the roll did not watch the budgets; none when this is not known.
    pub unwatched: Option<Vec<Span>>,
}

/// How a roll ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// Every node runs the wanted version and takes pods.
    Done,
    /// It stopped because of an error or a timeout.
    Failed,
    /// It was told to stop.
    Aborted,
}

impl Outcome {
    /// The word in the file.
    pub fn word(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Aborted => "aborted",
        }
    }
}

/// One run of a roller: the time for which it held the Lease.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Run {
    /// The epoch of the Lease: a number that grows with every new holder.
    pub epoch: u64,
    /// Who held it, if that is known.
    #[serde(default)]
    pub holder: Option<String>,
}

/// What was done to one node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Node {
    /// Its name.
    pub name: String,
    /// Its zone.
    pub zone: String,
    /// How far it is.
    pub state: NodeState,
    /// What it ran before.
    #[serde(default)]
    pub from: Option<String>,
    /// What it runs since, or shall run.
    #[serde(default)]
    pub to: Option<String>,
    /// The ids of the attempts on it, in their order. The annotation of the node and the Job carry the same id.
    #[serde(default)]
    pub attempts: Vec<String>,
    /// The epochs of the runs that wrote to it.
    #[serde(default)]
    pub runs: Vec<u64>,
    /// Whether all its times are from one run, and so from one clock; none when this is not known.
    #[serde(default)]
    pub one_clock: Option<bool>,
    /// When it was cordoned.
    #[serde(default)]
    pub cordoned_at: Option<Timestamp>,
    /// When it was drained.
    #[serde(default)]
    pub drained_at: Option<Timestamp>,
    /// When its Job was complete.
    #[serde(default)]
    pub acted_at: Option<Timestamp>,
    /// When it was Ready on the wanted version.
    #[serde(default)]
    pub ready_at: Option<Timestamp>,
    /// When it was uncordoned.
    #[serde(default)]
    pub uncordoned_at: Option<Timestamp>,
    /// From cordon to uncordon, in whole seconds; none when it is not uncordoned, or its times are from two clocks.
    #[serde(default)]
    pub seconds: Option<i64>,
}

/// How far a node is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NodeState {
    /// It runs the wanted version and takes pods.
    Done,
    /// It was cordoned and is not done.
    Begun,
    /// It was not begun.
    NotBegun,
}

/// What one budget said.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Budget {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Each change that was seen, oldest first; of many, some in the middle are left out, never the lowest.
    pub samples: Vec<Sample>,
}

/// What a budget said at one time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sample {
    /// When it was seen.
    pub at: Timestamp,
    /// `status.currentHealthy`.
    pub current: i32,
    /// `status.desiredHealthy`.
    pub desired: i32,
    /// `status.disruptionsAllowed`.
    pub allowed: i32,
}

/// A time between two instants.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Span {
    /// Its beginning.
    pub from: Timestamp,
    /// Its end.
    pub until: Timestamp,
}

impl RollFile {
    /// Reads the file, also one of format 1.
    ///
    /// # Errors
    /// When it is too large, malformed, or of a newer format.
    pub fn from_json(json: &[u8]) -> Result<Self, EvidenceError> {
        match format_of(json, FORMAT)? {
            1 => parse::<first::RollFile>(json, 1).map(Self::from),
            _ => parse(json, FORMAT),
        }
    }

    /// The text of the file.
    pub fn to_json(&self) -> Vec<u8> {
        write(self)
    }

    /// How many nodes are done.
    pub fn nodes_done(&self) -> usize {
        let done = |node: &&Node| node.state == NodeState::Done;
        self.nodes.iter().filter(done).count()
    }

    /// The whole roll.
    pub fn span(&self) -> Span {
        Span {
            from: self.started_at,
            until: self.ended_at,
        }
    }
}

impl Node {
    /// From cordon to uncordon. None when both times are not from one clock, or this is not known.
    pub fn took(&self) -> Option<SignedDuration> {
        let one_clock = self.one_clock == Some(true);
        let (from, until) = (self.cordoned_at?, self.uncordoned_at?);
        one_clock.then(|| until.duration_since(from))
    }

    /// The same with `seconds` filled in.
    pub fn timed(self) -> Self {
        let seconds = self.took().map(|took| took.as_secs());
        Self { seconds, ..self }
    }
}

impl Budget {
    /// `NAMESPACE/NAME`.
    pub fn title(&self) -> String {
        format!("{}/{}", self.namespace, self.name)
    }

    /// The sample in which it had the fewest healthy pods above what it demands.
    pub fn tightest(&self) -> Option<&Sample> {
        self.samples.iter().min_by_key(|sample| sample.headroom())
    }
}

impl Sample {
    /// How many healthy pods there are above what the budget demands; negative when there are too few.
    pub fn headroom(&self) -> i64 {
        i64::from(self.current) - i64::from(self.desired)
    }
}

impl Span {
    /// How long it is.
    pub fn length(&self) -> SignedDuration {
        self.until.duration_since(self.from)
    }
}
