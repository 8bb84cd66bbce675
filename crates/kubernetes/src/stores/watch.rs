//! The watch of one kind, and what it keeps of each object.

use std::borrow::Cow;
use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

use futures_util::{Stream, StreamExt as _};
use kube::runtime::reflector::store::Writer;
use kube::runtime::reflector::{Lookup, Store};
use kube::runtime::watcher::{self, DefaultBackoff, Event};
use kube::{Resource, ResourceExt as _};
use tokio::sync::Notify;

use crate::Error;
use crate::health::Health;

/// The longest time between two tries of a watch that fails.
const BACKOFF_MAX: Duration = Duration::from_secs(3);

/// The objects of one kind.
pub(super) struct Watched<K, V>
where
    K: Resource<DynamicType = ()> + 'static,
    V: Clone + 'static,
{
    pub(super) store: Store<Kept<K, V>>,
    pub(super) health: Arc<Health>,
}

impl<K, V> Watched<K, V>
where
    K: Resource<DynamicType = ()> + 'static,
    V: Clone + 'static,
{
    /// # Errors
    /// When the store is not complete, or out of date.
    pub(super) fn known(&self) -> Result<Vec<Arc<Kept<K, V>>>, Error> {
        self.health.check()?;
        let mut all = self.store.state();
        all.sort_by(|one, other| (&one.namespace, &one.name).cmp(&(&other.namespace, &other.name)));
        Ok(all)
    }
}

/// What is kept of an object of kind `K`: little, because there may be tens of thousands.
pub(super) struct Kept<K, V> {
    namespace: Option<String>,
    name: String,
    pub(super) value: V,
    kind: PhantomData<fn() -> K>,
}

impl<K, V: Clone> Clone for Kept<K, V> {
    fn clone(&self) -> Self {
        Self {
            namespace: self.namespace.clone(),
            name: self.name.clone(),
            value: self.value.clone(),
            kind: PhantomData,
        }
    }
}

impl<K: Resource<DynamicType = ()>, V> Lookup for Kept<K, V> {
    type DynamicType = ();

    fn kind(kind: &()) -> Cow<'_, str> {
        K::kind(kind)
    }

    fn group(kind: &()) -> Cow<'_, str> {
        K::group(kind)
    }

    fn version(kind: &()) -> Cow<'_, str> {
        K::version(kind)
    }

    fn plural(kind: &()) -> Cow<'_, str> {
        K::plural(kind)
    }

    fn name(&self) -> Option<Cow<'_, str>> {
        Some(self.name.as_str().into())
    }

    fn namespace(&self) -> Option<Cow<'_, str>> {
        self.namespace.as_deref().map(Cow::Borrowed)
    }

    fn resource_version(&self) -> Option<Cow<'_, str>> {
        None
    }

    fn uid(&self) -> Option<Cow<'_, str>> {
        None
    }
}

/// The watch of one kind, which fills its store.
pub(super) struct Watch<K, V>
where
    K: Resource<DynamicType = ()> + 'static,
    V: Clone + 'static,
{
    pub(super) writer: Writer<Kept<K, V>>,
    pub(super) health: Arc<Health>,
    pub(super) changed: Arc<Notify>,
    pub(super) convert: fn(&K) -> V,
    pub(super) is_news: fn(&V, &V) -> bool,
}

impl<K, V> Watch<K, V>
where
    K: Resource<DynamicType = ()> + 'static,
    V: Clone + 'static,
{
    pub(super) async fn run(mut self, events: impl Stream<Item = watcher::Result<Event<K>>>) {
        let mut events = std::pin::pin!(events);
        let mut backoff = DefaultBackoff::default();
        while let Some(event) = events.next().await {
            match event {
                Ok(event) => {
                    // A list that begins is no success yet.
                    if !matches!(event, Event::Init) {
                        backoff = DefaultBackoff::default();
                    }
                    self.apply(event);
                }
                Err(error) => {
                    self.health.failed(failure(self.health.what(), error));
                    let pause = backoff.next().unwrap_or(BACKOFF_MAX);
                    tokio::time::sleep(pause.min(BACKOFF_MAX)).await;
                }
            }
        }
    }

    fn apply(&mut self, event: Event<K>) {
        let event = match event {
            Event::Apply(object) => Event::Apply(self.kept(&object)),
            Event::Delete(object) => Event::Delete(self.kept(&object)),
            Event::InitApply(object) => Event::InitApply(self.kept(&object)),
            Event::Init => Event::Init,
            Event::InitDone => Event::InitDone,
        };
        let is_news = self.is_news(&event);
        self.writer.apply_watcher_event(&event);
        match event {
            Event::Init => self.health.begun(),
            Event::InitDone => self.health.completed(),
            Event::Apply(_) | Event::Delete(_) => self.health.changed(),
            Event::InitApply(_) => {}
        }
        if is_news {
            self.changed.notify_one();
        }
    }

    fn kept(&self, object: &K) -> Kept<K, V> {
        Kept {
            namespace: object.meta().namespace.clone(),
            name: object.name_any(),
            value: (self.convert)(object),
            kind: PhantomData,
        }
    }

    fn is_news(&self, event: &Event<Kept<K, V>>) -> bool {
        match event {
            Event::Apply(now) => {
                let before = self.writer.as_reader().get(&now.to_object_ref(()));
                before.is_none_or(|before| (self.is_news)(&now.value, &before.value))
            }
            Event::Delete(_) | Event::InitDone => true,
            Event::Init | Event::InitApply(_) => false,
        }
    }
}

fn failure(what: &str, error: watcher::Error) -> Error {
    use watcher::Error as Failure;
    let watch = format!("watch {what}");
    match error {
        Failure::InitialListFailed(error) => Error::api(format!("list {what}"))(error),
        Failure::WatchStartFailed(error) | Failure::WatchFailed(error) => Error::api(watch)(error),
        Failure::WatchError(status) => Error::Refused { act: watch, status },
        Failure::NoResourceVersion => {
            Error::malformed(format!("the list of {what}"), "it has no resourceVersion")
        }
    }
}
