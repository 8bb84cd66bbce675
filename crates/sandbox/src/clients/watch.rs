//! Follows all objects of a kind, for as long as the caller lets it run.

use std::{fmt::Debug, time::Duration};

use futures_util::{StreamExt as _, pin_mut};
use kube::{
    Api,
    api::{ListParams, WatchEvent, WatchParams},
};
use serde::de::DeserializeOwned;

/// What happened to the objects.
pub(super) enum Change<K> {
    /// These are all there are; what was known before is forgotten.
    Listed(Vec<K>),
    /// New, or changed.
    Applied(K),
    /// Gone; its last state.
    Deleted(K),
}

/// How long to wait before listing again after the API went away: short beside the time that a roll takes.
const AGAIN_AFTER: Duration = Duration::from_millis(200);

/// Lists, watches, and begins again whenever the watch ends. It never returns: abort the task to end it.
pub(super) async fn follow<K>(api: Api<K>, labels: Option<&str>, mut on: impl FnMut(Change<K>))
where
    K: Clone + DeserializeOwned + Debug,
{
    let mut list = ListParams::default();
    let mut watch = WatchParams::default();
    if let Some(labels) = labels {
        list = list.labels(labels);
        watch = watch.labels(labels);
    }
    loop {
        if let Ok(listed) = api.list(&list).await {
            let revision = listed.metadata.resource_version.unwrap_or_default();
            on(Change::Listed(listed.items));
            watch_from(&api, &watch, &revision, &mut on).await;
        }
        tokio::time::sleep(AGAIN_AFTER).await;
    }
}

async fn watch_from<K>(
    api: &Api<K>,
    params: &WatchParams,
    revision: &str,
    on: &mut impl FnMut(Change<K>),
) where
    K: Clone + DeserializeOwned + Debug,
{
    let Ok(events) = api.watch(params, revision).await else {
        return;
    };
    pin_mut!(events);
    while let Some(Ok(event)) = events.next().await {
        match event {
            WatchEvent::Added(object) | WatchEvent::Modified(object) => on(Change::Applied(object)),
            WatchEvent::Deleted(object) => on(Change::Deleted(object)),
            WatchEvent::Bookmark(_) => {}
            WatchEvent::Error(_) => return,
        }
    }
}
