//! Writes that are due and come to nothing: the unit has changed each time, or no answer comes.

use std::collections::HashMap;
use std::mem::{Discriminant, discriminant};
use std::time::Duration;

use tokio::time::Instant;
use trireme_blueprint::Snapshot;

/// Since when writes of one kind to one unit come to nothing. A unit that changes has a new write each time, so that the kind
/// counts and not the write.
pub(crate) struct Fruitless<S: Snapshot> {
    since: HashMap<Key<S>, Instant>,
}

type Key<S> = (String, Discriminant<<S as Snapshot>::Action>);

fn key<S: Snapshot>(action: &S::Action) -> Key<S> {
    (S::unit_of(action).to_owned(), discriminant(action))
}

impl<S: Snapshot> Fruitless<S> {
    pub(crate) fn new() -> Self {
        Self {
            since: HashMap::new(),
        }
    }

    /// These are due now. What is not due any more is forgotten.
    pub(crate) fn due(&mut self, actions: &[S::Action]) {
        let due: Vec<_> = actions.iter().map(key::<S>).collect();
        self.since.retain(|known, _| due.contains(known));
    }

    /// `action` has come to nothing once more.
    pub(crate) fn note(&mut self, action: &S::Action) {
        let since = self.since.entry(key::<S>(action));
        since.or_insert_with(Instant::now);
    }

    /// For how long writes like `action` have come to nothing.
    pub(crate) fn lasted(&self, action: &S::Action) -> Duration {
        let since = self.since.get(&key::<S>(action));
        since.map_or(Duration::ZERO, Instant::elapsed)
    }

    /// An observation shows `action`, or the platform has said when it can be made.
    pub(crate) fn forget(&mut self, action: &S::Action) {
        self.since.remove(&key::<S>(action));
    }
}
