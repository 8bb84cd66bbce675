//! Follows all objects of a kind, for as long as the caller lets it run.

use std::{fmt::Debug, time::Duration};

use futures_util::{Stream, StreamExt as _, pin_mut};
use kube::{
    Api, Resource, ResourceExt as _,
    api::{ListParams, WatchEvent, WatchParams},
};
use serde::de::DeserializeOwned;

/// What happened to the objects.
pub(crate) enum Change<K> {
    /// These are all there are; what was known before is forgotten.
    Listed(Vec<K>),
    /// New, or changed.
    Applied(K),
    /// Gone; its last state.
    Deleted(K),
    /// From the last change to the list that comes next, changes may have been missed; why.
    Missed(String),
}

/// How long to wait before asking again after the API went away: short beside the time that a roll takes.
const AGAIN_AFTER: Duration = Duration::from_millis(200);

/// Lists, watches, and goes on watching where the last watch ended. Only what the server cannot tell any more makes it
/// list again. It never returns: abort the task to end it.
pub(crate) async fn follow<K>(api: Api<K>, labels: Option<&str>, mut on: impl FnMut(Change<K>))
where
    K: Resource + Clone + DeserializeOwned + Debug,
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
            let why = watch_on(&api, &watch, revision, &mut on).await;
            on(Change::Missed(why));
        }
        tokio::time::sleep(AGAIN_AFTER).await;
    }
}

/// Watches from a revision on, one watch after another; returns why a change may have been missed.
async fn watch_on<K>(
    api: &Api<K>,
    params: &WatchParams,
    mut revision: String,
    on: &mut impl FnMut(Change<K>),
) -> String
where
    K: Resource + Clone + DeserializeOwned + Debug,
{
    loop {
        let missed = match api.watch(params, &revision).await {
            Ok(events) => take(events, &mut revision, on).await,
            Err(error) => missed(&error),
        };
        if let Some(why) = missed {
            return why;
        }
        tokio::time::sleep(AGAIN_AFTER).await;
    }
}

/// Takes the events of one watch to its end and notes the revision of the last; says why one was missed, if one was.
async fn take<K: Resource>(
    events: impl Stream<Item = kube::Result<WatchEvent<K>>>,
    revision: &mut String,
    on: &mut impl FnMut(Change<K>),
) -> Option<String> {
    pin_mut!(events);
    while let Some(event) = events.next().await {
        let (reached, change) = match event {
            Ok(WatchEvent::Added(object) | WatchEvent::Modified(object)) => {
                (object.resource_version(), Some(Change::Applied(object)))
            }
            Ok(WatchEvent::Deleted(object)) => {
                (object.resource_version(), Some(Change::Deleted(object)))
            }
            Ok(WatchEvent::Bookmark(mark)) => (Some(mark.metadata.resource_version), None),
            Ok(WatchEvent::Error(status)) => return Some(format!("the watch ended: {status}")),
            Err(error) => return missed(&error),
        };
        change.into_iter().for_each(&mut *on);
        let Some(reached) = reached else {
            return Some("an event has no resourceVersion to go on from".into());
        };
        *revision = reached;
    }
    None
}

/// A connection that ends is taken up again at the last revision; an event that is gone, or cannot be read, is missed.
fn missed(error: &kube::Error) -> Option<String> {
    match error {
        kube::Error::Api(status) if status.code == GONE => {
            Some(format!("the server no longer knows: {status}"))
        }
        kube::Error::SerdeError(error) => Some(format!("an event could not be read: {error}")),
        _ => None,
    }
}

/// Of an answer: the revision that was asked for is older than what the server remembers.
const GONE: u16 = 410;

#[cfg(test)]
mod tests {
    use futures_util::stream;
    use k8s_openapi::api::core::v1::Node;
    use serde_json::{Value, json};

    use super::*;

    fn event(kind: &str, object: &Value) -> WatchEvent<Node> {
        serde_json::from_value(json!({"type": kind, "object": object})).unwrap()
    }

    fn node(revision: &str) -> Value {
        json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "w-1", "resourceVersion": revision}})
    }

    /// The revision to go on from, how many changes were told, and why something was missed.
    async fn outcome(
        events: Vec<kube::Result<WatchEvent<Node>>>,
    ) -> (String, usize, Option<String>) {
        let (mut revision, mut told) = ("1".to_owned(), 0);
        let missed = take(stream::iter(events), &mut revision, &mut |_| told += 1).await;
        (revision, told, missed)
    }

    #[tokio::test]
    async fn a_watch_that_ends_is_taken_up_after_its_last_event() {
        for (kind, told) in [
            ("ADDED", 1),
            ("MODIFIED", 1),
            ("DELETED", 1),
            ("BOOKMARK", 0),
        ] {
            let outcome = outcome(vec![Ok(event(kind, &node("7")))]).await;
            assert_eq!(outcome, ("7".into(), told, None), "{kind}");
        }
        let cut = std::io::Error::other("connection reset");
        let ended = vec![
            Ok(event("ADDED", &node("7"))),
            Err(kube::Error::ReadEvents(cut)),
        ];
        assert_eq!(outcome(ended).await, ("7".into(), 1, None));
    }

    #[tokio::test]
    async fn an_event_that_is_gone_or_cannot_be_read_is_missed() {
        let gone = json!({"kind": "Status", "code": 410, "reason": "Expired", "message": "too old resource version"});
        let unreadable = serde_json::from_str::<Value>("{").unwrap_err();
        let status = serde_json::from_value(gone.clone()).unwrap();
        for (event, words) in [
            (Ok(event("ERROR", &gone)), "the watch ended"),
            (
                Err(kube::Error::SerdeError(unreadable)),
                "could not be read",
            ),
            (Err(kube::Error::Api(Box::new(status))), "no longer knows"),
            (
                Ok(event("ADDED", &json!({"metadata": {}}))),
                "no resourceVersion",
            ),
        ] {
            let missed = outcome(vec![event]).await.2.unwrap();
            assert!(missed.contains(words), "{missed}");
        }
    }
}
