//! Timers: one for each thing that takes time.

use std::{collections::BTreeMap, time::Duration};

use tokio::time::Instant;

/// A year: the time type cannot hold the end of a clock that runs for centuries.
const LONGEST: Duration = Duration::from_hours(365 * 24);

/// The running clocks of the control loops.
#[derive(Debug)]
pub(super) struct Clocks {
    now: Instant,
    running: BTreeMap<String, Clock>,
}

#[derive(Debug)]
struct Clock {
    due: Instant,
    /// Asked about in this pass; one that no pass asks about any more is dropped.
    asked: bool,
}

impl Default for Clocks {
    fn default() -> Self {
        Self {
            now: Instant::now(),
            running: BTreeMap::new(),
        }
    }
}

impl Clocks {
    /// Begins a pass.
    pub fn begin(&mut self, now: Instant) {
        self.now = now;
        self.running.retain(|_, clock| clock.asked);
        for clock in self.running.values_mut() {
            clock.asked = false;
        }
    }

    /// Whether `wait` has passed since this was first asked for this thing.
    pub fn is_due(&mut self, thing: String, wait: Duration) -> bool {
        let due = self.now + wait.min(LONGEST);
        let clock = self
            .running
            .entry(thing)
            .or_insert(Clock { due, asked: true });
        clock.asked = true;
        clock.due <= self.now
    }

    /// When the next clock that this pass asked about is due.
    pub fn next_due(&self) -> Option<Instant> {
        let waiting = self.running.values();
        let waiting = waiting.filter(|clock| clock.asked && clock.due > self.now);
        waiting.map(|clock| clock.due).min()
    }
}
