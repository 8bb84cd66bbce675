//! The judge of a roll: watches nodes and budgets with credentials of its own, and believes no report of the roller.

use std::{
    collections::BTreeMap,
    fmt::Debug,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use jiff::Timestamp;
use k8s_openapi::api::{core::v1::Node, policy::v1::PodDisruptionBudget};
use kube::{Api, Client, Resource, ResourceExt as _, api::ListParams};
use serde::de::DeserializeOwned;
use tokio::{task::JoinSet, time::Instant};

use crate::client::{Change, follow};

mod observed;

pub use observed::{BudgetSample, Gap, NodeSample, Observed};

/// A running observer; dropping it ends it.
pub struct Observer {
    client: Client,
    seen: Arc<Mutex<Seen>>,
    _tasks: JoinSet<()>,
}

/// What was seen, and of each object that is there the revision that was seen last.
#[derive(Default)]
struct Seen {
    observed: Observed,
    revisions: Revisions,
}

/// By `KIND NAMESPACE/NAME`.
type Revisions = BTreeMap<String, String>;

/// How long [`Observer::caught_up`] waits: events arrive within milliseconds, on a machine that is busy within seconds.
const CATCH_UP: Duration = Duration::from_secs(20);
/// Between two looks whether the watch has caught up.
const PAUSE: Duration = Duration::from_millis(50);

impl Observer {
    /// Starts to watch.
    pub fn start(client: &Client) -> Self {
        let seen = Arc::new(Mutex::new(Seen::default()));
        let mut tasks = JoinSet::new();
        let nodes = Arc::clone(&seen);
        tasks.spawn(follow(
            Api::<Node>::all(client.clone()),
            None,
            move |change| lock(&nodes).see(change, Observed::node),
        ));
        let budgets = Arc::clone(&seen);
        tasks.spawn(follow(
            Api::<PodDisruptionBudget>::all(client.clone()),
            None,
            move |change| lock(&budgets).see(change, Observed::budget),
        ));
        Self {
            client: client.clone(),
            seen,
            _tasks: tasks,
        }
    }

    /// What was seen until now.
    pub fn observed(&self) -> Observed {
        lock(&self.seen).observed.clone()
    }

    /// What was seen, once the watches have shown everything that had happened before this call: every object that the API
    /// lists was seen at its revision. A watch that does not catch up has a gap.
    pub async fn caught_up(&self) -> Observed {
        self.caught_up_within(CATCH_UP).await
    }

    async fn caught_up_within(&self, patience: Duration) -> Observed {
        let end = Instant::now() + patience;
        loop {
            let behind = self.behind().await;
            let mut observed = self.observed();
            let Some(why) = behind else { return observed };
            if Instant::now() >= end {
                let at = Timestamp::now();
                observed.gaps.push(Gap { at, why });
                return observed;
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// Where what was seen differs from what is there.
    async fn behind(&self) -> Option<String> {
        let there = async {
            let mut there = revisions::<Node>(&self.client).await?;
            there.extend(revisions::<PodDisruptionBudget>(&self.client).await?);
            Ok::<_, kube::Error>(there)
        };
        match there.await {
            Ok(there) => lock(&self.seen).behind(&there),
            Err(error) => Some(format!("could not list what is there: {error}")),
        }
    }
}

/// The objects of a kind that are there now, and their revisions.
async fn revisions<K>(client: &Client) -> kube::Result<Revisions>
where
    K: Resource<DynamicType = ()> + Clone + DeserializeOwned + Debug,
{
    let api = Api::<K>::all(client.clone());
    let listed = api.list(&ListParams::default()).await?;
    Ok(listed.iter().map(revision).collect())
}

/// `KIND NAMESPACE/NAME` and the revision of an object.
fn revision<K: Resource<DynamicType = ()>>(object: &K) -> (String, String) {
    let kind = K::kind(&());
    let name = object.name_any();
    let key = match object.namespace() {
        Some(namespace) => format!("{kind} {namespace}/{name}"),
        None => format!("{kind} {name}"),
    };
    (key, object.resource_version().unwrap_or_default())
}

fn lock(seen: &Mutex<Seen>) -> std::sync::MutexGuard<'_, Seen> {
    seen.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Seen {
    fn see<K>(&mut self, change: Change<K>, note: fn(&mut Observed, &K, Timestamp))
    where
        K: Resource<DynamicType = ()>,
    {
        let at = Timestamp::now();
        match change {
            Change::Listed(objects) => {
                let there: Vec<_> = objects.iter().map(|object| revision(object).0).collect();
                self.lose(|key| is_of::<K>(key) && !there.contains(key));
                objects
                    .iter()
                    .for_each(|object| self.apply(object, note, at));
            }
            Change::Applied(object) => self.apply(&object, note, at),
            Change::Deleted(object) => {
                let gone = revision(&object).0;
                self.lose(|key| *key == gone);
            }
            Change::Missed(why) => {
                let why = format!("{}: {why}", K::plural(&()));
                self.observed.gaps.push(Gap { at, why });
            }
        }
    }

    fn apply<K>(&mut self, object: &K, note: fn(&mut Observed, &K, Timestamp), at: Timestamp)
    where
        K: Resource<DynamicType = ()>,
    {
        self.revisions.extend([revision(object)]);
        note(&mut self.observed, object, at);
    }

    fn lose(&mut self, is_lost: impl Fn(&String) -> bool) {
        let lost = self.revisions.extract_if(.., |key, _| is_lost(key));
        self.observed.deleted.extend(lost.map(|(key, _)| key));
    }

    /// The first object that is there and was not seen so, or was seen and is not there.
    fn behind(&self, there: &Revisions) -> Option<String> {
        let of = |from: &Revisions, key: &String| match from.get(key) {
            Some(revision) => format!("at revision {revision}"),
            None => "nowhere".to_owned(),
        };
        let mut keys = there.keys().chain(self.revisions.keys());
        let behind = keys.find(|key| there.get(*key) != self.revisions.get(*key))?;
        let (seen, is) = (of(&self.revisions, behind), of(there, behind));
        Some(format!("{behind}: seen {seen}, but it is {is}"))
    }
}

fn is_of<K: Resource<DynamicType = ()>>(key: &str) -> bool {
    key.split_once(' ')
        .is_some_and(|(kind, _)| kind == K::kind(&()))
}

#[cfg(test)]
mod tests;
