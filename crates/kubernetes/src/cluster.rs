//! One cluster: what is listed of it, whole or not at all.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::future::Future;
use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::apps::v1 as apps;
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1 as core;
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use kube::api::ListParams;
use kube::{Api, Client};
use serde::de::DeserializeOwned;
use trireme_blueprint::{DaemonSet, FORMAT, Inventory, Node, Pod};
use trireme_release::Version;

use crate::convert::PodOnNode;
use crate::selector::Selectors;
use crate::{Error, convert, names};

/// How many objects one page of a list has; what kubectl asks for too.
pub(crate) const PAGE: u32 = 500;
/// The most pages of one list: 500,000 objects, three times the pods of the largest cluster that Kubernetes supports.
const PAGES_LIMIT: usize = 1000;
/// A list that had to begin anew this often does not end: its pages expire faster than they are read.
const LIST_TRIES: usize = 5;
/// The pauses between the tries of a read that fails in a way that may pass.
pub(crate) const READ_PAUSES: [Duration; 3] = [
    Duration::from_millis(200),
    Duration::from_secs(1),
    Duration::from_secs(2),
];
/// One request, answered or not.
pub(crate) const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);
/// A cluster, and the namespace that holds our objects.
#[derive(Clone)]
pub struct Cluster {
    pub(crate) client: Client,
    pub(crate) namespace: String,
}

/// Which pods to list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pods {
    /// None, and no DaemonSets.
    None,
    /// Those of all nodes, and all DaemonSets.
    All,
}

/// The label that our Jobs and their pods have.
pub(crate) fn ours() -> String {
    format!("{}={}", names::ACT, names::ACT_NODE)
}

impl Cluster {
    /// A cluster whose `namespace` holds our Lease, record and Jobs.
    pub fn new(client: Client, namespace: impl Into<String>) -> Self {
        Self {
            client,
            namespace: namespace.into(),
        }
    }

    /// The version that the API server reports.
    ///
    /// # Errors
    /// When it does not answer, or with something that is not a version.
    pub async fn server_version(&self) -> Result<Version, Error> {
        self.server_version_within(REQUEST_TIMEOUT).await
    }

    /// The same, where an answer is worth no longer wait than this.
    pub(crate) async fn server_version_within(&self, limit: Duration) -> Result<Version, Error> {
        let request = || self.client.apiserver_version();
        let info = read_within(limit, "read /version", request).await?;
        let version = info.git_version.parse();
        version.map_err(|error| Error::malformed("/version", error))
    }

    /// What is there now, listed once, without any watch.
    ///
    /// # Errors
    /// When any part cannot be read whole: half an inventory is not an inventory.
    pub async fn inventory(&self, pods: Pods) -> Result<Inventory, Error> {
        let observed_at = Timestamp::now();
        let server = self.server_version().await?;
        let nodes = self.nodes().await?;
        let all = ListParams::default;
        let budgets: Api<PodDisruptionBudget> = Api::all(self.client.clone());
        let budgets = list(&budgets, all(), "PodDisruptionBudgets").await?;
        let jobs: Api<Job> = Api::namespaced(self.client.clone(), &self.namespace);
        let jobs = list(&jobs, all().labels(&ours()), "Jobs").await?;
        // A DaemonSet that has all its pods has them among those that are listed after it.
        let (daemon_sets, pods) = match pods {
            Pods::None => (Vec::new(), BTreeMap::new()),
            Pods::All => (
                self.daemon_sets().await?,
                self.pods(&nodes, &budgets).await?,
            ),
        };
        Ok(Inventory {
            format: FORMAT,
            observed_at,
            server,
            nodes,
            pods,
            budgets: budgets.iter().map(convert::budget).collect(),
            daemon_sets,
            jobs: jobs.iter().map(convert::job).collect::<Result<_, _>>()?,
        })
    }

    /// Names of the nodes that a roll has cordoned and not given back.
    ///
    /// # Errors
    /// When the nodes cannot be read whole.
    pub async fn cordoned(&self) -> Result<Vec<String>, Error> {
        let nodes = self.nodes().await?;
        let ours = nodes.into_values().filter(Node::is_cordoned_by_roll);
        Ok(ours.map(|node| node.name).collect())
    }

    async fn nodes(&self) -> Result<BTreeMap<String, Node>, Error> {
        let api: Api<core::Node> = Api::all(self.client.clone());
        let nodes = list(&api, ListParams::default(), "nodes").await?;
        let convert = |node| convert::node(node).map(|node| (node.name.clone(), node));
        nodes.iter().map(convert).collect()
    }

    async fn daemon_sets(&self) -> Result<Vec<DaemonSet>, Error> {
        let api: Api<apps::DaemonSet> = Api::all(self.client.clone());
        let daemon_sets = list(&api, ListParams::default(), "DaemonSets").await?;
        Ok(daemon_sets.iter().map(convert::daemon_set).collect())
    }

    async fn pods(
        &self,
        nodes: &BTreeMap<String, Node>,
        budgets: &[PodDisruptionBudget],
    ) -> Result<BTreeMap<String, Vec<Pod>>, Error> {
        let selectors: Vec<_> = budgets.iter().map(convert::selector).collect();
        let selectors: Selectors<'_> = selectors.iter().collect();
        let names = nodes.keys().cloned();
        let mut found: BTreeMap<_, Vec<_>> = names.map(|name| (name, Vec::new())).collect();
        let api: Api<core::Pod> = Api::all(self.client.clone());
        for pod in list(&api, ListParams::default(), "pods").await? {
            let pod = convert::pod(&pod);
            let on_node = found.entry(pod.node.clone()).or_default();
            on_node.push(pod.with_budgets(&selectors));
        }
        Ok(found)
    }

    /// The pods on one node, as they are now.
    ///
    /// # Errors
    /// When they cannot be read whole.
    pub(crate) async fn pods_on(&self, node: &str) -> Result<Vec<PodOnNode>, Error> {
        let api: Api<core::Pod> = Api::all(self.client.clone());
        let params = ListParams::default().fields(&format!("spec.nodeName={node}"));
        let pods = list(&api, params, &format!("pods of node {node}")).await?;
        Ok(pods.iter().map(convert::pod).collect())
    }
}

/// One request, with a deadline.
pub(crate) async fn bounded<T>(
    act: impl Into<String>,
    request: impl Future<Output = Result<T, kube::Error>>,
) -> Result<T, Error> {
    bounded_by(REQUEST_TIMEOUT, act, request).await
}

/// One request, with a deadline of its own.
pub(crate) async fn bounded_by<T>(
    limit: Duration,
    act: impl Into<String>,
    request: impl Future<Output = Result<T, kube::Error>>,
) -> Result<T, Error> {
    let act = act.into();
    match tokio::time::timeout(limit, request).await {
        Ok(answer) => answer.map_err(Error::api(act)),
        Err(_) => Err(Error::Silent {
            act,
            seconds: limit.as_secs(),
        }),
    }
}

/// One read, repeated a few times when its failure may pass: a `check` or the beginning of a `put` does not end because of one
/// connection that broke. What was not answered in time is not asked again.
pub(crate) async fn read<T, F>(act: &str, request: impl Fn() -> F) -> Result<T, Error>
where
    F: Future<Output = Result<T, kube::Error>>,
{
    read_within(REQUEST_TIMEOUT, act, request).await
}

/// The same, with a deadline of its own for each try.
async fn read_within<T, F>(limit: Duration, act: &str, request: impl Fn() -> F) -> Result<T, Error>
where
    F: Future<Output = Result<T, kube::Error>>,
{
    for pause in READ_PAUSES {
        match bounded_by(limit, act, request()).await {
            Err(error) if error.may_pass() && !matches!(error, Error::Silent { .. }) => {
                tokio::time::sleep(pause).await;
            }
            answer => return answer,
        }
    }
    bounded_by(limit, act, request()).await
}

/// Every object, page by page, all of one time: a `continue` that has expired (410) begins anew.
pub(crate) async fn list<K>(api: &Api<K>, params: ListParams, what: &str) -> Result<Vec<K>, Error>
where
    K: Clone + DeserializeOwned + Debug,
{
    let mut tries = 0;
    let mut items = Vec::new();
    let mut page = params.clone().limit(PAGE);
    for _ in 0..PAGES_LIMIT {
        match read(&format!("list {what}"), || api.list(&page)).await {
            Ok(found) => {
                items.extend(found.items);
                match found.metadata.continue_.filter(|token| !token.is_empty()) {
                    Some(token) => page = params.clone().limit(PAGE).continue_token(&token),
                    None => return Ok(items),
                }
            }
            Err(error)
                if tries < LIST_TRIES
                    && error.status().is_some_and(|status| status.code == 410) =>
            {
                tries += 1;
                items.clear();
                page = params.clone().limit(PAGE);
            }
            Err(error) => return Err(error),
        }
    }
    let reason = format!("it has more than {PAGES_LIMIT} pages of {PAGE}: a list without end");
    Err(Error::malformed(format!("the list of {what}"), reason))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use http::{Request, Response};
    use kube::client::Body;
    use serde_json::json;
    use tower::service_fn;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_version_that_is_told_late_is_waited_for_unless_that_is_too_long() {
        let service = service_fn(|_: Request<Body>| async {
            tokio::time::sleep(Duration::from_secs(16)).await;
            let info = json!({"major": "1", "minor": "37", "gitVersion": "v1.37.2", "gitCommit": "", "gitTreeState": "",
                "buildDate": "", "goVersion": "", "compiler": "", "platform": ""});
            let answer = Response::new(Body::from(info.to_string().into_bytes()));
            Ok::<_, std::convert::Infallible>(answer)
        });
        let cluster = Cluster::new(Client::new(service, "default"), "default");
        let version = cluster.server_version().await.unwrap();
        assert_eq!(version.to_string(), "v1.37.2");
        let within = cluster.server_version_within(Duration::from_secs(5)).await;
        let error = within.unwrap_err().to_string();
        assert!(error.contains("no answer within 5 s"), "{error}");
    }

    #[tokio::test]
    async fn a_list_without_end_is_an_error() {
        let asked = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&asked);
        let service = service_fn(move |_: Request<Body>| {
            counter.fetch_add(1, Ordering::Relaxed);
            let page = json!({"apiVersion": "v1", "kind": "NodeList", "metadata": {"continue": "more"}, "items": []});
            let answer = Response::new(Body::from(page.to_string().into_bytes()));
            std::future::ready(Ok::<_, std::convert::Infallible>(answer))
        });
        let api: Api<core::Node> = Api::all(Client::new(service, "default"));
        let error = list(&api, ListParams::default(), "nodes")
            .await
            .unwrap_err();
        assert!(error.to_string().contains("a list without end"), "{error}");
        assert_eq!(asked.load(Ordering::Relaxed), PAGES_LIMIT);
    }
}
