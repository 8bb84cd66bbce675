//! What the planner needs of a platform: facts about its units, and what each platform alone can decide.

use std::fmt::{Debug, Display};

use crate::blocker::Blocker;
use crate::decision::Decision;
use crate::goal::{Before, Goal};
use crate::timers::{Stage, Timers};
use crate::unit::Unit;

/// What was observed of a platform at one time. Pure: every method is a function of its arguments.
///
/// The planner ([`crate::next_actions`]) chooses the unit, holds order, limits, soak, window and gates; the platform says what one
/// unit needs.
pub trait Snapshot: Clone + Debug + Send + Sync {
    /// One write to the platform.
    type Action: Clone + Debug + Display + PartialEq + Send + Sync;

    /// What is so before this run does anything.
    fn before(&self, _goal: &Goal) -> Before {
        Before::default()
    }

    /// What would stop the roll half-way, looked for before anything is changed.
    fn preflight(&self, goal: &Goal) -> Preflight;

    /// All units, in any order.
    fn units(&self, goal: &Goal) -> Vec<Unit>;

    /// What a unit lacks to be begun; empty when it may be. Unknown counts as lacking.
    fn blockers(&self, goal: &Goal, unit: &str) -> Vec<Blocker>;

    /// The write that begins a unit.
    fn begin(&self, goal: &Goal, timers: &Timers, unit: &str) -> Option<Self::Action>;

    /// What a unit that was begun needs now.
    fn decide(&self, goal: &Goal, timers: &Timers, unit: &str) -> Vec<Decision<Self::Action>>;

    /// The write that halts a unit that the platform rolls by itself. None: it is halted, or cannot be.
    fn halt(&self, _goal: &Goal, _unit: &str) -> Option<Self::Action> {
        None
    }

    /// The write that gives a unit back on which nothing was done.
    fn give_back(&self, unit: &str) -> Option<Self::Action>;

    /// How far each attempt is; waits are counted from when a run first sees this.
    fn stages(&self) -> Vec<(String, String, Stage)>;

    /// Questions that must be answered yes before a unit is begun, and while the platform rolls one.
    fn gates(&self) -> Vec<Gate> {
        Vec::new()
    }

    /// Names of the units that a roll has taken out of service and not given back.
    fn taken_out(&self) -> Vec<String>;

    /// The unit that `action` writes to.
    fn unit_of(action: &Self::Action) -> &str;

    /// Whether `action` takes a unit out of service or gives it back.
    fn changes_service(action: &Self::Action) -> bool;

    /// For people, once the effect of `action` is there to see: what was reached.
    fn reached(_action: &Self::Action) -> Option<String> {
        None
    }

    /// Whether the effect of `action` is there to see. Until then it does not count as done.
    fn shows(&self, action: &Self::Action) -> bool;
}

/// What was found before anything is changed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Preflight {
    /// What would stop the roll; sorted, each once.
    pub failures: Vec<Blocker>,
    /// What is not healthy and does not count against the roll, because it was so before.
    pub notices: Vec<Blocker>,
}

/// A question that must be answered yes before the roll goes on. Unknown is no.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gate {
    /// What is asked, e.g. `error rate of shop`.
    pub name: String,
    /// What was answered.
    pub answer: GateAnswer,
}

/// What was answered to a [`Gate`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GateAnswer {
    /// Go on.
    Yes,
    /// Do not go on, and why.
    No(String),
    /// It could not be answered, and why.
    Unknown(String),
}
