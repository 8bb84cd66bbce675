//! The objects, their revisions, and the recent changes that watches follow.
//!
//! One lock guards the world: a request, an eviction or one pass of the controllers sees and changes it as a whole,
//! so that none of them sees half of a change. A change is in the [log](log) before it can be read.

mod log;

use std::{
    collections::{BTreeMap, VecDeque},
    io,
    path::Path,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use tokio::sync::watch;

use self::log::Log;
use super::object::{name, namespace, revision, set};

/// Changes kept for watches that are resumed. Ten thousand are several minutes of a roll; a later client lists
/// again (410), as with the real server after its compaction.
const KEPT_CHANGES: usize = 10_000;

/// Namespace (empty for cluster-wide objects) and name.
pub(crate) type Key = (String, String);

/// What happened to an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub(crate) enum Change {
    Added,
    Modified,
    Deleted,
}

/// One change, as watches are told.
#[derive(Debug, Clone)]
pub(crate) struct Event {
    pub revision: u64,
    pub plural: &'static str,
    pub change: Change,
    /// The object after the change; for a deletion its last state, with the revision of the deletion.
    pub object: Arc<Value>,
    /// The object before it.
    pub before: Option<Arc<Value>>,
}

/// All objects.
#[derive(Debug)]
pub(crate) struct World {
    objects: BTreeMap<&'static str, BTreeMap<Key, Arc<Value>>>,
    revision: u64,
    /// Watches may resume from this revision on.
    oldest: u64,
    events: VecDeque<Event>,
    log: Log,
    /// How far the clock of this server is ahead of the clock of the process; negative: behind.
    clock_ahead: SignedDuration,
}

impl World {
    /// The time by the clock of this server.
    pub fn now(&self) -> Timestamp {
        Timestamp::now() + self.clock_ahead
    }

    /// The same as Kubernetes writes it: RFC 3339, UTC, whole seconds.
    pub fn time(&self) -> String {
        super::object::time(self.now())
    }

    /// The revision of the last change.
    pub fn revision(&self) -> u64 {
        self.revision
    }

    pub fn get(&self, plural: &str, namespace: &str, name: &str) -> Option<Arc<Value>> {
        let key = (namespace.to_owned(), name.to_owned());
        self.objects.get(plural)?.get(&key).cloned()
    }

    /// The objects of a kind in the order of their keys; of one namespace, or of all when it is empty.
    pub fn list(&self, plural: &str, namespace: &str) -> Vec<Arc<Value>> {
        let all = self.objects.get(plural).into_iter().flatten();
        all.filter(|((of, _), _)| namespace.is_empty() || of == namespace)
            .map(|(_, object)| Arc::clone(object))
            .collect()
    }

    /// Writes an object at the next revision.
    ///
    /// # Errors
    /// When the log cannot be written; nothing is changed then.
    pub fn put(&mut self, plural: &'static str, mut object: Value) -> io::Result<Arc<Value>> {
        let before = self.get(plural, namespace(&object), name(&object));
        set(
            &mut object,
            &["metadata", "resourceVersion"],
            (self.revision + 1).to_string(),
        );
        let change = if before.is_some() {
            Change::Modified
        } else {
            Change::Added
        };
        self.commit(plural, change, Arc::new(object), before)
    }

    /// Removes an object and gives its last state.
    ///
    /// # Errors
    /// When the log cannot be written; nothing is changed then.
    pub fn remove(
        &mut self,
        plural: &'static str,
        namespace: &str,
        name: &str,
    ) -> io::Result<Option<Arc<Value>>> {
        let Some(before) = self.get(plural, namespace, name) else {
            return Ok(None);
        };
        let mut last = Value::clone(&before);
        set(
            &mut last,
            &["metadata", "resourceVersion"],
            (self.revision + 1).to_string(),
        );
        self.commit(plural, Change::Deleted, Arc::new(last), Some(before))
            .map(Some)
    }

    fn commit(
        &mut self,
        plural: &'static str,
        change: Change,
        object: Arc<Value>,
        before: Option<Arc<Value>>,
    ) -> io::Result<Arc<Value>> {
        self.log.append(plural, change, &object)?;
        self.accept(plural, change, Arc::clone(&object), before);
        Ok(object)
    }

    /// Applies a change that is in the log.
    fn accept(
        &mut self,
        plural: &'static str,
        change: Change,
        object: Arc<Value>,
        before: Option<Arc<Value>>,
    ) {
        self.place(plural, change, &object);
        self.events.push_back(Event {
            revision: self.revision,
            plural,
            change,
            object,
            before,
        });
        if self.events.len() > KEPT_CHANGES
            && let Some(forgotten) = self.events.pop_front()
        {
            self.oldest = forgotten.revision;
        }
    }

    fn place(&mut self, plural: &'static str, change: Change, object: &Arc<Value>) {
        self.revision = self.revision.max(revision(object));
        let key = (namespace(object).to_owned(), name(object).to_owned());
        let objects = self.objects.entry(plural).or_default();
        match change {
            Change::Deleted => objects.remove(&key),
            Change::Added | Change::Modified => objects.insert(key, Arc::clone(object)),
        };
    }

    /// What [`World::list`] gave at a revision that is past; `None` when that is no longer known.
    pub fn list_at(&self, plural: &str, home: &str, revision: u64) -> Option<Vec<Arc<Value>>> {
        if revision < self.oldest {
            return None;
        }
        let mut objects = self.objects.get(plural).cloned().unwrap_or_default();
        let later = self.events.iter().rev();
        let later = later.take_while(|event| event.revision > revision);
        for event in later.filter(|event| event.plural == plural) {
            let key = (
                namespace(&event.object).to_owned(),
                name(&event.object).to_owned(),
            );
            match &event.before {
                Some(before) => objects.insert(key, Arc::clone(before)),
                None => objects.remove(&key),
            };
        }
        objects.retain(|(of, _), _| home.is_empty() || of == home);
        Some(objects.into_values().collect())
    }

    /// The changes after a revision; `None` when they are no longer known.
    pub fn changes_since(&self, revision: u64) -> Option<Vec<Event>> {
        if revision < self.oldest {
            return None;
        }
        let start = self
            .events
            .partition_point(|event| event.revision <= revision);
        Some(self.events.range(start..).cloned().collect())
    }
}

/// The world behind its lock, and the notification of its changes.
#[derive(Debug)]
pub(crate) struct Store {
    world: Mutex<World>,
    changed: watch::Sender<u64>,
}

impl Store {
    /// Opens the world that `dir` keeps, or begins an empty one.
    ///
    /// # Errors
    /// When the folder cannot be used, or its log is damaged elsewhere than in its last line.
    pub fn open(dir: &Path) -> io::Result<Self> {
        let world = log::open(dir)?;
        let changed = watch::Sender::new(world.revision);
        Ok(Self {
            world: Mutex::new(world),
            changed,
        })
    }

    /// Sets the clock of this server ahead of the clock of the process, or behind it.
    #[must_use]
    pub fn with_clock_ahead(self, ahead: SignedDuration) -> Self {
        self.lock().clock_ahead = ahead;
        self
    }

    /// Runs `work` on the world, alone.
    pub fn with<T>(&self, work: impl FnOnce(&mut World) -> T) -> T {
        let mut world = self.lock();
        let before = world.revision;
        let result = work(&mut world);
        let after = world.revision;
        drop(world);
        if after != before {
            self.changed.send_replace(after);
        }
        result
    }

    /// The time by the clock of this server.
    pub fn now(&self) -> Timestamp {
        self.lock().now()
    }

    /// Notifies of every change.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }

    /// A panic of another request leaves the world whole: every change is one log line and one map insertion.
    fn lock(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
