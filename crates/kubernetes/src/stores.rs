//! What is observed of a cluster, kept up to date by one list and one watch of each kind.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::apps::v1 as apps;
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1 as core;
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use kube::runtime::reflector::ObjectRef;
use kube::runtime::reflector::store::Writer;
use kube::runtime::watcher::{Config, watcher};
use kube::{Api, Client, Resource};
use serde::de::DeserializeOwned;
use tokio::sync::Notify;
use tokio::task::JoinSet;
use trireme_blueprint::{ActionJob, DaemonSet, FORMAT, Inventory, Node, Pod};
use trireme_release::Version;

use crate::cluster::{PAGE, ours};
use crate::convert::{self, ObservedBudget, PodOnNode};
use crate::health::Health;
use crate::heard::heard;
use crate::selector::Selectors;
use crate::{Cluster, Error};

mod watch;

use watch::{Watch, Watched};

/// A watch ends after this and begins anew where it was: the proof that a silent one still works.
const WATCH_TIMEOUT_S: u32 = 60;
/// Changes come many at a time; who waits looks once.
const DEBOUNCE: Duration = Duration::from_millis(20);

/// The stores of everything that is observed.
pub(crate) struct Stores {
    nodes: Watched<core::Node, Readable<Node>>,
    pods: Watched<core::Pod, PodOnNode>,
    budgets: Watched<PodDisruptionBudget, ObservedBudget>,
    daemon_sets: Watched<apps::DaemonSet, DaemonSet>,
    jobs: Watched<Job, Readable<ActionJob>>,
    changed: Arc<Notify>,
    /// Ends the watches when it is dropped.
    _watches: JoinSet<()>,
}

/// An object that could be read, or why not.
type Readable<T> = Result<T, Unreadable>;

#[derive(Clone, Debug, PartialEq)]
enum Unreadable {
    /// It does not have the form that it must have.
    Malformed { object: String, reason: String },
    /// It does not say yet what is needed of it.
    NotYet { object: String, reason: String },
}

impl Stores {
    /// Begins to watch. Needs the runtime.
    pub(crate) fn new(cluster: &Cluster) -> Self {
        let mut watches = Watches {
            client: cluster.client.clone(),
            changed: Arc::default(),
            tasks: JoinSet::new(),
        };
        let all = Config::default().timeout(WATCH_TIMEOUT_S).page_size(PAGE);
        let ours = all.clone().labels(&ours());
        let jobs = |client| Api::namespaced(client, &cluster.namespace);
        let node = |node: &_| readable(convert::node(node));
        let job = |job: &_| readable(convert::job(job));
        let (pod, budget) = (convert::pod, convert::observed_budget);
        let set = convert::daemon_set;
        Self {
            nodes: watches.start("nodes", Api::all, all.clone(), node, is_news),
            pods: watches.start("pods", Api::all, all.clone(), pod, differs),
            budgets: watches.start(
                "PodDisruptionBudgets",
                Api::all,
                all.clone(),
                budget,
                differs,
            ),
            daemon_sets: watches.start("DaemonSets", Api::all, all, set, differs),
            jobs: watches.start("Jobs", jobs, ours, job, differs),
            changed: watches.changed,
            _watches: watches.tasks,
        }
    }

    /// The nodes, as far as they are known.
    ///
    /// # Errors
    /// When they are not known, or one cannot be read.
    pub(crate) fn nodes(&self) -> Result<BTreeMap<String, Node>, Error> {
        let nodes = self.nodes.known()?;
        let nodes = nodes.iter().map(|node| read(&node.value));
        nodes
            .map(|node| node.map(|node| (node.name.clone(), node)))
            .collect()
    }

    /// Everything, put together. `server` is what the API server says it is.
    ///
    /// # Errors
    /// When one kind is not known, or an object cannot be read.
    pub(crate) fn inventory(&self, server: Version) -> Result<Inventory, Error> {
        let nodes = self.nodes()?;
        let budgets = self.budgets.known()?;
        let selectors: Selectors<'_> = budgets
            .iter()
            .map(|budget| &budget.value.selector)
            .collect();
        let pods = self.pods.known()?;
        let mut by_node: BTreeMap<_, Vec<_>> = BTreeMap::new();
        by_node.extend(nodes.keys().map(|name| (name.clone(), Vec::new())));
        for pod in &pods {
            let node = by_node.entry(pod.value.node.clone()).or_default();
            node.push(pod.value.with_budgets(&selectors));
        }
        let jobs = self.jobs.known()?;
        let daemon_sets = self.daemon_sets.known()?;
        Ok(Inventory {
            format: FORMAT,
            observed_at: Timestamp::now(),
            server,
            nodes,
            pods: by_node,
            budgets: budgets.iter().map(|one| one.value.budget.clone()).collect(),
            daemon_sets: daemon_sets.iter().map(|set| set.value.clone()).collect(),
            jobs: jobs
                .iter()
                .map(|job| read(&job.value))
                .collect::<Result<_, _>>()?,
        })
    }

    /// The pods on `node` with their budgets.
    ///
    /// # Errors
    /// When pods or budgets are not known.
    pub(crate) fn pods_of(&self, node: &str) -> Result<Vec<Pod>, Error> {
        let budgets = self.budgets.known()?;
        let selectors: Selectors<'_> = budgets
            .iter()
            .map(|budget| &budget.value.selector)
            .collect();
        let pods = self.pods.known()?;
        let there = pods.iter().filter(|pod| pod.value.node == node);
        Ok(there
            .map(|pod| pod.value.with_budgets(&selectors))
            .collect())
    }

    /// The budgets of `pod`, as they are now; those that are gone are left out.
    pub(crate) fn budgets_of(&self, pod: &Pod) -> Vec<ObservedBudget> {
        let budgets = pod.budgets.iter().filter_map(|name| {
            let key = ObjectRef::new(name).within(&pod.namespace);
            let budget = self.budgets.store.get(&key)?;
            Some(budget.value.clone())
        });
        budgets.collect()
    }

    /// Returns when something has changed since the last call, or after `longest`.
    pub(crate) async fn changed(&self, longest: Duration) {
        let changed = tokio::time::timeout(longest, self.changed.notified()).await;
        if changed.is_ok() {
            tokio::time::sleep(DEBOUNCE).await;
        }
    }
}

fn readable<T>(converted: Result<T, Error>) -> Readable<T> {
    converted.map_err(|error| match error {
        Error::Malformed { object, reason } => Unreadable::Malformed { object, reason },
        Error::Unknown { what, why, .. } => Unreadable::NotYet {
            object: what,
            reason: why,
        },
        other => Unreadable::Malformed {
            object: "an object".into(),
            reason: other.to_string(),
        },
    })
}

fn read<T: Clone>(readable: &Readable<T>) -> Result<T, Error> {
    readable.clone().map_err(|unreadable| match unreadable {
        Unreadable::Malformed { object, reason } => Error::Malformed { object, reason },
        Unreadable::NotYet { object, reason } => Error::Unknown {
            what: object,
            why: reason,
            seconds: 0,
        },
    })
}

/// Whether a change of a node is worth a look. Its kubelet reports every few minutes without any: that alone matters only for
/// a node that is written to, because a write needs the version that it has now.
fn is_news(now: &Readable<Node>, before: &Readable<Node>) -> bool {
    let (Ok(now), Ok(before)) = (now, before) else {
        return now != before;
    };
    let same_version = Node {
        resource_version: now.resource_version.clone(),
        ..before.clone()
    };
    *now != same_version || (now.roll.is_some() && now != before)
}

fn differs<V: PartialEq>(now: &V, before: &V) -> bool {
    now != before
}

/// The watches that are being started.
struct Watches {
    client: Client,
    changed: Arc<Notify>,
    tasks: JoinSet<()>,
}

impl Watches {
    /// Starts the watch of one kind. `convert` keeps what is needed of an object, `is_news` tells whether a change of it is
    /// worth a look.
    fn start<K, V>(
        &mut self,
        what: &'static str,
        api: impl FnOnce(Client) -> Api<K>,
        config: Config,
        convert: fn(&K) -> V,
        is_news: fn(&V, &V) -> bool,
    ) -> Watched<K, V>
    where
        K: Resource<DynamicType = ()> + Clone + DeserializeOwned + Debug + Send + Sync + 'static,
        V: Clone + Send + Sync + 'static,
    {
        let health = Arc::new(Health::new(what));
        let client = heard(
            self.client.clone(),
            Arc::clone(&health),
            Arc::clone(&self.changed),
        );
        let writer = Writer::default();
        let watched = Watched {
            store: writer.as_reader(),
            health: Arc::clone(&health),
        };
        let watch = Watch {
            writer,
            health,
            changed: Arc::clone(&self.changed),
            convert,
            is_news,
        };
        self.tasks.spawn(watch.run(watcher(api(client), config)));
        watched
    }
}

#[cfg(test)]
mod tests;
