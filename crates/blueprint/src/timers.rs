//! How long things have been as they are, by the one clock of the process that watches.
//!
//! No time of another machine comes in here: an interval is measured from when this run first saw something. A roll that
//! was interrupted for a night has its full time again.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::Timestamp;

use crate::goal::Goal;
use crate::next;
use crate::snapshot::Snapshot;

/// An instant, by both clocks of this process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    /// Since the run began, by the monotonic clock. Waits are measured with it.
    pub elapsed: Duration,
    /// The time of day. For people: nothing is decided by it.
    pub wall: Timestamp,
}

/// How far an attempt is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// An earlier attempt has to end first.
    Clearing,
    /// Work is leaving the unit.
    Draining,
    /// The action on the unit runs.
    Acting,
    /// The action of the attempt is there to see, however far it is.
    ActionSeen,
    /// The action is done, the unit is not back in service yet.
    Returning,
    /// The platform was told to halt.
    Halted,
}

/// Unit, attempt, and how far it is.
type Key = (String, String, Stage);

/// When something was seen for the first time, and for the last.
#[derive(Clone, Copy, Debug)]
struct Seen {
    first: Moment,
    last: Moment,
}

/// Since when each attempt is at its stage, and since when the next unit is blocked.
#[derive(Clone, Debug)]
pub struct Timers {
    now: Moment,
    seen: BTreeMap<Key, Seen>,
    /// The unit that could not be begun, and since when.
    blocked: Option<(String, Moment)>,
    /// How many units this roll has finished, and since when.
    finished: (usize, Moment),
}

impl Timers {
    /// Timers of a run that begins at `now`.
    pub fn start(now: Moment) -> Self {
        Self {
            now,
            seen: BTreeMap::new(),
            blocked: None,
            finished: (0, now),
        }
    }

    /// Takes in what is seen at `now`.
    pub fn observe<S: Snapshot>(&mut self, snapshot: &S, goal: &Goal, now: Moment) {
        self.now = now;
        let seen = snapshot.stages();
        let attempts: BTreeSet<_> = seen
            .iter()
            .map(|(unit, attempt, _)| (unit, attempt))
            .collect();
        self.seen
            .retain(|(unit, attempt, _), _| attempts.contains(&(unit, attempt)));
        for key in seen {
            let first = Seen {
                first: now,
                last: now,
            };
            self.seen.entry(key).or_insert(first).last = now;
        }
        let units = snapshot.units(goal);
        let blocked = next::blocked_unit(snapshot, goal, &units);
        self.blocked = blocked.map(|unit| match self.blocked.take() {
            Some((known, since)) if known == unit => (known, since),
            _ => (unit, now),
        });
        let finished = next::finished(&units).count();
        if finished != self.finished.0 {
            self.finished = (finished, now);
        }
    }

    /// Now.
    pub fn now(&self) -> Moment {
        self.now
    }

    /// How long `attempt` on `unit` has been at `stage`; zero when it has just come there.
    pub fn spent(&self, unit: &str, attempt: &str, stage: Stage) -> Duration {
        self.entered(unit, attempt, stage)
            .map_or(Duration::ZERO, |since| self.passed_since(since))
    }

    /// When this run first saw `attempt` on `unit` at `stage`.
    pub fn entered(&self, unit: &str, attempt: &str, stage: Stage) -> Option<Moment> {
        self.seen(unit, attempt, stage).map(|seen| seen.first)
    }

    /// How long ago this run saw `attempt` on `unit` at `stage` for the last time; none when it never did.
    pub fn since_seen(&self, unit: &str, attempt: &str, stage: Stage) -> Option<Duration> {
        let seen = self.seen(unit, attempt, stage)?;
        Some(self.passed_since(seen.last))
    }

    fn seen(&self, unit: &str, attempt: &str, stage: Stage) -> Option<Seen> {
        let key = (unit.to_owned(), attempt.to_owned(), stage);
        self.seen.get(&key).copied()
    }

    /// How long the next unit has been blocked.
    pub(crate) fn blocked(&self, unit: &str) -> Duration {
        let blocked = self.blocked.as_ref().filter(|(known, _)| known == unit);
        blocked.map_or(Duration::ZERO, |(_, since)| self.passed_since(*since))
    }

    /// How long ago this run saw the last unit being finished.
    pub(crate) fn since_last_finished(&self) -> Duration {
        self.passed_since(self.finished.1)
    }

    fn passed_since(&self, since: Moment) -> Duration {
        self.now.elapsed.saturating_sub(since.elapsed)
    }
}
