//! Follows all objects of a kind, for as long as the caller lets it run.

use std::{fmt::Debug, mem, time::Duration};

use futures_util::{Stream, StreamExt as _, pin_mut};
use kube::{
    Api, Resource,
    runtime::watcher::{self, Config, Error, Event, watcher},
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
    /// Changes may have been missed; why.
    Missed(String),
}

/// How long to wait before asking again after the API went away: short beside the time that a roll takes.
const AGAIN_AFTER: Duration = Duration::from_millis(200);

/// Lists, watches, and resumes where the last watch ended. It lists again only when the server no longer knows the
/// changes since then. It never returns: abort the task to end it.
pub(crate) async fn follow<K>(api: Api<K>, labels: Option<&str>, on: impl FnMut(Change<K>))
where
    K: Resource<DynamicType = ()> + Clone + DeserializeOwned + Debug + Send + 'static,
{
    let config = Config {
        label_selector: labels.map(str::to_owned),
        ..Config::default()
    };
    tell(watcher(api, config), on).await;
}

/// Tells the events of a watcher as changes. A second list means that the server no longer knew what followed the first.
async fn tell<K>(
    events: impl Stream<Item = watcher::Result<Event<K>>>,
    mut on: impl FnMut(Change<K>),
) {
    pin_mut!(events);
    let (mut listed, mut is_listed) = (Vec::new(), false);
    let mut last_error = String::new();
    while let Some(event) = events.next().await {
        match event {
            Ok(Event::Init) if mem::take(&mut is_listed) => on(Change::Missed(last_error.clone())),
            Ok(Event::Init) => listed.clear(),
            Ok(Event::InitApply(object)) => listed.push(object),
            Ok(Event::InitDone) => {
                is_listed = true;
                on(Change::Listed(mem::take(&mut listed)));
            }
            Ok(Event::Apply(object)) => on(Change::Applied(object)),
            Ok(Event::Delete(object)) => on(Change::Deleted(object)),
            Err(Error::WatchFailed(kube::Error::SerdeError(error))) => {
                on(Change::Missed(format!(
                    "an event could not be read: {error}"
                )));
            }
            Err(error) => {
                last_error = error.to_string();
                tokio::time::sleep(AGAIN_AFTER).await;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::stream;
    use k8s_openapi::api::core::v1::Node;
    use serde_json::{Value, json};

    use super::*;

    /// The changes that these events are told as.
    async fn told(events: Vec<watcher::Result<Event<Node>>>) -> Vec<String> {
        let mut told = Vec::new();
        tell(stream::iter(events), |change| {
            told.push(match change {
                Change::Listed(nodes) => format!("{} listed", nodes.len()),
                Change::Applied(_) => "applied".into(),
                Change::Deleted(_) => "deleted".into(),
                Change::Missed(why) => format!("missed: {why}"),
            });
        })
        .await;
        told
    }

    fn list() -> [watcher::Result<Event<Node>>; 3] {
        [
            Ok(Event::Init),
            Ok(Event::InitApply(Node::default())),
            Ok(Event::InitDone),
        ]
    }

    #[tokio::test(start_paused = true)]
    async fn a_watch_that_is_cut_off_misses_nothing_and_a_second_list_may_have() {
        let cut = || std::io::Error::other("connection reset");
        let mut events = Vec::from(list());
        events.push(Err(Error::WatchFailed(kube::Error::ReadEvents(cut()))));
        events.push(Ok(Event::Apply(Node::default())));
        assert_eq!(told(events).await, ["1 listed", "applied"]);
        let gone = json!({"kind": "Status", "code": 410, "message": "too old resource version"});
        let gone = serde_json::from_value(gone).unwrap();
        let mut events = Vec::from(list());
        events.push(Err(Error::WatchError(gone)));
        events.extend(list());
        let told = told(events).await;
        assert!(told[1].contains("too old resource version"), "{told:?}");
        assert_eq!((told.len(), &*told[2]), (3, "1 listed"));
    }

    #[tokio::test(start_paused = true)]
    async fn an_event_that_cannot_be_read_is_missed() {
        let unreadable = serde_json::from_str::<Value>("{").unwrap_err();
        let unreadable = Error::WatchFailed(kube::Error::SerdeError(unreadable));
        let told = told(vec![Err(unreadable)]).await;
        assert!(told[0].contains("could not be read"), "{told:?}");
    }
}
