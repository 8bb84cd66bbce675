//! Writes that were sent and that no observation has shown yet.

use std::time::Duration;

use tokio::time::Instant;
use trireme_blueprint::Snapshot;

/// A write that no observation shows within this is forgotten, and decided about anew: writes name what they saw, so that one
/// that was made after all does no harm when it is repeated. Longer than a write may take (8 s, see [`crate::fence`]) and its
/// observation may be late (20 s) together.
const CONFIRM_TIMEOUT: Duration = Duration::from_secs(30);

/// The writes of one run that are not confirmed.
pub(crate) struct Unconfirmed<S: Snapshot> {
    writes: Vec<(S::Action, Instant)>,
}

/// What an observation says of the writes before it.
pub(crate) struct Settled<A> {
    /// It shows these.
    pub(crate) confirmed: Vec<A>,
    /// These were not shown for too long.
    pub(crate) forgotten: Vec<A>,
}

impl<S: Snapshot> Unconfirmed<S> {
    pub(crate) fn new() -> Self {
        Self { writes: Vec::new() }
    }

    /// `action` is about to be sent.
    pub(crate) fn sending(&mut self, action: &S::Action) {
        self.writes.push((action.clone(), Instant::now()));
    }

    /// The platform has not made it.
    pub(crate) fn not_made(&mut self, action: &S::Action) {
        self.writes.retain(|(known, _)| known != action);
    }

    /// Whether a write to `unit` is not confirmed.
    pub(crate) fn concerns(&self, unit: &str) -> bool {
        self.writes
            .iter()
            .any(|(action, _)| S::unit_of(action) == unit)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.writes.is_empty()
    }

    /// Takes out what `snapshot` shows, and what is too old.
    pub(crate) fn settle(&mut self, snapshot: &S) -> Settled<S::Action> {
        let mut settled = Settled {
            confirmed: Vec::new(),
            forgotten: Vec::new(),
        };
        self.writes.retain(|(action, since)| {
            if snapshot.shows(action) {
                settled.confirmed.push(action.clone());
                return false;
            }
            let old = since.elapsed() >= CONFIRM_TIMEOUT;
            if old {
                settled.forgotten.push(action.clone());
            }
            !old
        });
        settled
    }
}
