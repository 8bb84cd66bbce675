//! Watches: the changes of a kind, one JSON object a line, for as long as the client stays.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use bytes::Bytes;
use futures_util::stream;
use http::Response;
use jiff::Timestamp;
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

/// A bookmark goes out when nothing else has for so long, as the real server sends about one a minute.
const BOOKMARK_EVERY: Duration = Duration::from_mins(1);

/// A watch that asks for no end gets one between 30 and 60 minutes in the real server; here always the first.
const LONGEST: Duration = Duration::from_mins(30);

/// One client's watch.
struct Watch {
    store: Arc<Store>,
    changes: Receiver<u64>,
    filter: Filter,
    /// Told up to this revision.
    revision: u64,
    deadline: Instant,
    bookmarks: bool,
    lines: VecDeque<Bytes>,
    ended: bool,
}

/// What of the changes this watch is told, and in which form.
struct Filter {
    kind: &'static Kind,
    namespace: String,
    name: String,
    labels: Labels,
    fields: Fields,
    table: Option<TableForm>,
}

/// Tables name their columns in the first line only.
struct TableForm {
    include: table::Include,
    told_columns: bool,
}

/// Begins a watch.
///
/// # Errors
/// 400 for a selector that cannot be read, 500 for such a revision. A revision too old is told in the stream (410), as the real
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
    };
    let seconds = call.query("timeoutSeconds").parse().ok();
    let lasting = seconds
        .filter(|s| *s > 0)
        .map_or(LONGEST, Duration::from_secs);
    let mut watch = Watch {
        store: Arc::clone(&service.store),
        changes: service.store.changes(),
        filter,
        revision: 0,
        deadline: Instant::now() + lasting.min(LONGEST),
        bookmarks: call.asks("allowWatchBookmarks"),
        lines: VecDeque::new(),
        ended: false,
    };
    watch.begin(call)?;
    Ok(answer::stream(stream::unfold(watch, |mut watch| async {
        let line = watch.next().await?;
        Some((line, watch))
    })))
}

impl Watch {
    /// From a revision on; or, when none is asked for, with what there is now first.
    fn begin(&mut self, call: &Call) -> Result<(), Failure> {
        let asked = call.revision().map_err(|why| Failure::bare(500, &why))?;
        let initial = call.asks("sendInitialEvents");
        if !initial && asked != 0 {
            self.revision = asked;
            return Ok(());
        }
        let store = Arc::clone(&self.store);
        store.with(|world| self.tell_all(world));
        if initial && self.bookmarks {
            let marks = json!({"k8s.io/initial-events-end": "true"});
            self.push_bookmark(Some(marks));
        }
        Ok(())
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
        let mut mark = json!({
            "kind": kind.kind, "apiVersion": kind.api_version(),
            "metadata": {"resourceVersion": self.revision.to_string(), "creationTimestamp": null},
        });
        if let Some(annotations) = annotations {
            set(&mut mark, &["metadata", "annotations"], annotations);
        }
        if self.filter.table.is_some() {
            mark = self.filter.show(&mark);
        }
        self.push_raw("BOOKMARK", &mark);
    }

    /// The next line; `None` at the end.
    async fn next(&mut self) -> Option<Bytes> {
        loop {
            if let Some(line) = self.lines.pop_front() {
                return Some(line);
            }
            if self.ended {
                return None;
            }
            // Seen before looking, so that a change in between rings again.
            self.changes.borrow_and_update();
            self.look();
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
        let bookmark_at = Instant::now() + BOOKMARK_EVERY;
        let until = bookmark_at.min(self.deadline);
        match timeout_at(until, self.changes.changed()).await {
            Ok(Ok(())) => {}
            Ok(Err(_)) => self.ended = true,
            Err(_) => {
                self.ended = until == self.deadline;
                if self.bookmarks {
                    self.push_bookmark(None);
                }
            }
        }
    }
}

/// What an event shows: an object that left the selection is shown as it was in it, at the revision at which it left.
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

    /// What a change is to this watch: an object that no longer fits its selectors is deleted to it, one that begins
    /// to fit is added.
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
        let mut table = table::of(self.kind, &[object], form.include, Timestamp::now());
        if form.told_columns {
            set(&mut table, &["columnDefinitions"], Value::Null);
        }
        form.told_columns = true;
        table
    }
}
