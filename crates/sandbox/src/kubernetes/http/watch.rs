//! Watches: the changes of a kind, one JSON object a line, for as long as the client stays.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use bytes::Bytes;
use futures_util::stream;
use http::Response;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use tokio::{
    sync::watch::Receiver,
    time::{Instant, timeout_at},
};

use super::{
    Service,
    answer::{self, Body},
    call::Call,
    on::On,
    table,
};
use crate::kubernetes::{
    failure::Failure,
    kinds::Kind,
    object::{self, set},
    selector::{Fields, Labels},
    store::{Change, Event, Store, World},
};

/// A bookmark is sent about once a minute, also between other events (`defaultBookmarkFrequency`).
const BOOKMARK_EVERY: Duration = Duration::from_mins(1);

/// And one so long before the end, so that a client that comes back resumes as late as possible.
const LAST_BOOKMARK: Duration = Duration::from_secs(2);

/// A watch that asks for no end gets one between 30 and 60 minutes in the real server; here always the first.
const LONGEST: Duration = Duration::from_mins(30);

/// One client's watch.
struct Watch {
    store: Arc<Store>,
    changes: Receiver<u64>,
    filter: Filter,
    /// Changes up to this revision were sent.
    revision: u64,
    deadline: Instant,
    /// When the next bookmark is due; `None` when no more is to come.
    bookmark: Option<Instant>,
    lines: VecDeque<Bytes>,
    ended: bool,
}

/// Which changes this watch sends, and in which form.
struct Filter {
    kind: &'static Kind,
    namespace: String,
    name: String,
    labels: Labels,
    fields: Fields,
    table: Option<TableForm>,
    /// How far the clock of the server is ahead of the clock of this process: for the ages in a table.
    clock_ahead: SignedDuration,
}

/// Tables name their columns in the first line only.
struct TableForm {
    include: table::Include,
    told_columns: bool,
}

/// Begins a watch.
///
/// # Errors
/// 400 for a selector that cannot be read, 500 for such a revision. A revision that is too old gets a 410 in the stream, as the real
/// server does.
pub(crate) fn answer(service: &Service, on: &On<'_>) -> Result<Response<Body>, Failure> {
    let call = on.call;
    let filter = Filter {
        kind: on.kind,
        namespace: on.namespace.to_owned(),
        name: on.name.to_owned(),
        labels: call.labels()?,
        fields: call.fields(on.kind)?,
        table: table::wanted(&call.accept).then(|| TableForm {
            include: table::Include::of(call),
            told_columns: false,
        }),
        clock_ahead: service.store.now().duration_since(Timestamp::now()),
    };
    let seconds = call.query("timeoutSeconds").parse().ok();
    let lasting = seconds
        .filter(|s| *s > 0)
        .map_or(LONGEST, Duration::from_secs);
    let mut watch = Watch::new(&service.store, filter, lasting.min(LONGEST));
    watch.begin(call)?;
    Ok(answer::stream(stream::unfold(watch, |mut watch| async {
        let line = watch.next().await?;
        Some((line, watch))
    })))
}

impl Watch {
    fn new(store: &Arc<Store>, filter: Filter, lasting: Duration) -> Self {
        Self {
            store: Arc::clone(store),
            changes: store.changes(),
            filter,
            revision: 0,
            deadline: Instant::now() + lasting,
            bookmark: None,
            lines: VecDeque::new(),
            ended: false,
        }
    }

    /// From a revision on; or, when none is asked for, with what there is now first.
    fn begin(&mut self, call: &Call) -> Result<(), Failure> {
        let asked = call.revision().map_err(|why| Failure::bare(500, &why))?;
        let initial = call.asks("sendInitialEvents");
        let bookmarks = call.asks("allowWatchBookmarks");
        if bookmarks {
            self.schedule_bookmark();
        }
        if !initial && asked != 0 {
            self.revision = asked;
            return Ok(());
        }
        let store = Arc::clone(&self.store);
        store.with(|world| self.tell_all(world));
        if initial && bookmarks {
            let annotations = json!({"k8s.io/initial-events-end": "true"});
            self.push_bookmark(Some(annotations));
        }
        Ok(())
    }

    /// In a minute, or two seconds before the end if that is earlier.
    fn schedule_bookmark(&mut self) {
        let now = Instant::now();
        let last = self.deadline.checked_sub(LAST_BOOKMARK);
        let next = last.map(|last| last.min(now + BOOKMARK_EVERY));
        self.bookmark = next.filter(|next| *next > now);
    }

    fn tell_all(&mut self, world: &World) {
        self.revision = world.revision();
        for object in world.list(self.filter.kind.plural, &self.filter.namespace) {
            if self.filter.selects(&object) {
                self.push("ADDED", &object);
            }
        }
    }

    fn push(&mut self, kind: &str, object: &Value) {
        let shown = self.filter.show(object);
        self.push_raw(kind, &shown);
    }

    fn push_raw(&mut self, kind: &str, object: &Value) {
        let line = format!("{}\n", json!({"type": kind, "object": object}));
        self.lines.push_back(Bytes::from(line));
    }

    fn push_bookmark(&mut self, annotations: Option<Value>) {
        let kind = self.filter.kind;
        let mut bookmark = json!({
            "kind": kind.kind, "apiVersion": kind.api_version(),
            "metadata": {"resourceVersion": self.revision.to_string(), "creationTimestamp": null},
        });
        if let Some(annotations) = annotations {
            set(&mut bookmark, &["metadata", "annotations"], annotations);
        }
        if self.filter.table.is_some() {
            bookmark = self.filter.show(&bookmark);
        }
        self.push_raw("BOOKMARK", &bookmark);
    }

    /// The next line; `None` at the end.
    async fn next(&mut self) -> Option<Bytes> {
        loop {
            if let Some(line) = self.lines.pop_front() {
                return Some(line);
            }
            let now = Instant::now();
            if self.ended || self.deadline <= now {
                return None;
            }
            // Marked as seen before looking, so that a change in between notifies again.
            self.changes.borrow_and_update();
            self.look();
            if self.bookmark.is_some_and(|due| due <= now) && !self.ended {
                self.push_bookmark(None);
                self.schedule_bookmark();
            }
            if self.lines.is_empty() && !self.ended {
                self.wait().await;
            }
        }
    }

    /// Collects the changes since the last look.
    fn look(&mut self) {
        let (changes, revision) = self
            .store
            .with(|world| (world.changes_since(self.revision), world.revision()));
        let Some(changes) = changes else {
            let message = format!("too old resource version: {} ({revision})", self.revision);
            let status = Failure::gone(message).status();
            self.push_raw("ERROR", &status);
            self.ended = true;
            return;
        };
        self.revision = self.revision.max(revision);
        for change in changes {
            if let Some(kind) = self.filter.judge(&change) {
                self.push(kind, &told_object(kind, &change));
            }
        }
    }

    /// Waits for a change, the time of a bookmark, or the end.
    async fn wait(&mut self) {
        let until = self.deadline.min(self.bookmark.unwrap_or(self.deadline));
        if let Ok(Err(_)) = timeout_at(until, self.changes.changed()).await {
            self.ended = true;
        }
    }
}

/// The object of an event. One that left the selection is shown as it was before, at the revision at which it left.
fn told_object(kind: &str, event: &Event) -> Arc<Value> {
    match &event.before {
        Some(before) if kind == "DELETED" && event.change != Change::Deleted => {
            let mut last = Value::clone(before);
            let revision = event.revision.to_string();
            set(&mut last, &["metadata", "resourceVersion"], revision);
            Arc::new(last)
        }
        _ => Arc::clone(&event.object),
    }
}

impl Filter {
    fn selects(&self, object: &Value) -> bool {
        (self.namespace.is_empty() || object::namespace(object) == self.namespace)
            && (self.name.is_empty() || object::name(object) == self.name)
            && self.labels.matches(&object::labels(object))
            && self.fields.matches(object)
    }

    /// The type of an event for this watch: an object that no longer matches its selectors is deleted, one that begins to match
    /// is added.
    fn judge(&self, event: &Event) -> Option<&'static str> {
        if event.plural != self.kind.plural {
            return None;
        }
        let before = event.before.as_deref().is_some_and(|old| self.selects(old));
        let after = event.change != Change::Deleted && self.selects(&event.object);
        match (before, after) {
            (false, true) => Some("ADDED"),
            (true, true) => Some("MODIFIED"),
            (true, false) => Some("DELETED"),
            (false, false) => None,
        }
    }

    fn show(&mut self, object: &Value) -> Value {
        let Some(form) = &mut self.table else {
            return object.clone();
        };
        let mut table = table::of(
            self.kind,
            &[object],
            form.include,
            Timestamp::now() + self.clock_ahead,
        );
        if form.told_columns {
            set(&mut table, &["columnDefinitions"], Value::Null);
        }
        form.told_columns = true;
        table
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kubernetes::kinds::stored;

    /// A watch of all pods from the beginning on, with bookmarks.
    fn watch(store: &Arc<Store>, lasting: Duration) -> Watch {
        let nodes = stored("pods");
        let filter = Filter {
            kind: nodes,
            namespace: String::new(),
            name: String::new(),
            labels: Labels::parse("").unwrap(),
            fields: Fields::parse("", nodes).unwrap(),
            table: None,
            clock_ahead: SignedDuration::ZERO,
        };
        let mut watch = Watch::new(store, filter, lasting);
        watch.schedule_bookmark();
        watch
    }

    fn change(store: &Store, plural: &'static str, name: &str) {
        let object = json!({"metadata": {"name": name}});
        store.with(|world| world.put(plural, object)).unwrap();
    }

    /// Every line, as its time in seconds, its type and its revision.
    async fn lines(mut watch: Watch) -> Vec<(u64, String, String)> {
        let begin = Instant::now();
        let mut lines = Vec::new();
        while let Some(line) = watch.next().await {
            let event: Value = serde_json::from_slice(&line).unwrap();
            let kind = event["type"].as_str().unwrap_or_default().to_owned();
            let revision = object::text(&event, "/object/metadata/resourceVersion");
            lines.push((begin.elapsed().as_secs(), kind, revision.to_owned()));
        }
        lines
    }

    #[tokio::test(start_paused = true)]
    async fn a_bookmark_comes_once_a_minute_and_before_the_end_whatever_else_changes() {
        let dir = tempfile::tempdir().unwrap();
        let store = Arc::new(Store::open(dir.path()).unwrap());
        let watching = tokio::spawn(lines(watch(&store, Duration::from_secs(150))));
        // Each second an object of another kind changes: the watch never waits a whole minute.
        for second in 0..200 {
            change(&store, "nodes", &format!("w-{second}"));
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        let seen = watching.await.unwrap();
        let times: Vec<_> = seen
            .iter()
            .map(|(at, kind, _)| (*at, kind.as_str()))
            .collect();
        assert_eq!(times, [60, 120, 148].map(|at| (at, "BOOKMARK")));
        let revisions = seen
            .iter()
            .map(|(.., revision)| revision.parse::<u64>().unwrap());
        assert!(revisions.is_sorted_by(|a, b| a < b && *b > 100), "{seen:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_watch_ends_in_time_though_changes_never_pause() {
        let dir = tempfile::tempdir().unwrap();
        let store = Arc::new(Store::open(dir.path()).unwrap());
        let watching = tokio::spawn(lines(watch(&store, Duration::from_secs(1))));
        for n in 0..300 {
            change(&store, "pods", &format!("p-{n}"));
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        let seen = watching.await.unwrap();
        assert!((50..=120).contains(&seen.len()), "{}", seen.len());
        assert!(seen.iter().all(|(_, kind, _)| kind == "ADDED"));
    }
}
