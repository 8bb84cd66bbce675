//! Wakes a waiter when something has changed.

use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1 as core;
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use kube::Api;
use kube::api::{WatchEvent, WatchParams};
use serde::de::DeserializeOwned;
use tokio::sync::Notify;
use tokio::task::JoinSet;

use crate::Cluster;

/// A watch that the server ends is begun again after this pause.
const PAUSE: Duration = Duration::from_millis(500);
/// Changes come in swarms; the waiter looks once per swarm.
const SWARM: Duration = Duration::from_millis(50);

/// Watches nodes, pods, budgets and our Jobs. It only says that something changed: what is true now is read anew, so a
/// lost event costs time and nothing else.
pub struct Alarm {
    bell: Arc<Notify>,
    // Aborts the watches when it is dropped.
    _watches: JoinSet<()>,
}

impl Alarm {
    /// Begins to watch.
    pub fn new(cluster: &Cluster) -> Self {
        let (bell, client) = (Arc::new(Notify::new()), &cluster.client);
        let mut watches = JoinSet::new();
        watches.spawn(watch::<core::Node>(Api::all(client.clone()), bell.clone()));
        watches.spawn(watch::<core::Pod>(Api::all(client.clone()), bell.clone()));
        watches.spawn(watch::<PodDisruptionBudget>(
            Api::all(client.clone()),
            bell.clone(),
        ));
        let jobs = Api::<Job>::namespaced(client.clone(), &cluster.namespace);
        watches.spawn(watch(jobs, bell.clone()));
        Self {
            bell,
            _watches: watches,
        }
    }

    /// Returns when something has changed since the last call, or after `longest`.
    pub async fn wait(&self, longest: Duration) {
        if tokio::time::timeout(longest, self.bell.notified())
            .await
            .is_ok()
        {
            tokio::time::sleep(SWARM).await;
        }
    }
}

async fn watch<K>(api: Api<K>, bell: Arc<Notify>)
where
    K: Clone + DeserializeOwned + Debug + Send + 'static,
{
    let params = WatchParams::default().timeout(60);
    loop {
        if let Ok(events) = api.watch(&params, "").await {
            let mut events = std::pin::pin!(events);
            while let Some(Ok(event)) = events.next().await {
                if matches!(event, WatchEvent::Error(_)) {
                    break;
                }
                bell.notify_one();
            }
        }
        tokio::time::sleep(PAUSE).await;
    }
}
