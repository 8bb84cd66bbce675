//! One cluster, as we see it: observation, whole or not at all.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::future::Future;
use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::apps::v1::DaemonSet;
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1 as core;
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use kube::api::ListParams;
use kube::{Api, Client};
use serde::de::DeserializeOwned;
use trireme_blueprint::{Daemon, FORMAT, Inventory, Node};
use trireme_release::Version;

use crate::{Error, convert, names};

/// How many objects one page of a list has; what kubectl asks for too.
const PAGE: u32 = 500;
/// The most pages of one list: 500,000 objects, three times the pods of the largest cluster that Kubernetes supports.
const PAGES_LIMIT: usize = 1000;
/// A list that had to begin anew this often does not end: its pages expire faster than they are read.
const LIST_TRIES: usize = 5;
/// One request, answered or not.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);

/// A cluster, and the namespace that holds our objects.
#[derive(Clone)]
pub struct Cluster {
    pub(crate) client: Client,
    pub(crate) namespace: String,
}

/// Whose pods to list.
#[derive(Clone, Copy, Debug)]
pub enum Pods<'a> {
    /// Nobody's.
    None,
    /// Those of these nodes.
    Of(&'a [String]),
    /// Those of the nodes that we are working on.
    OfActive,
    /// All.
    All,
}

impl Pods<'_> {
    /// The nodes whose pods these are.
    fn names(self, nodes: &BTreeMap<String, Node>) -> Vec<String> {
        let active = nodes.values().filter(|node| node.roll.is_some());
        match self {
            Self::None => Vec::new(),
            Self::All => nodes.keys().cloned().collect(),
            Self::Of(names) => names.to_vec(),
            Self::OfActive => active.map(|node| node.name.clone()).collect(),
        }
    }
}

impl Cluster {
    /// A cluster whose `namespace` holds our Lease, record and Jobs.
    pub fn new(client: Client, namespace: impl Into<String>) -> Self {
        Self {
            client,
            namespace: namespace.into(),
        }
    }

    /// What the API server says it is.
    ///
    /// # Errors
    /// When it does not answer, or with something that is no version.
    pub async fn server_version(&self) -> Result<Version, Error> {
        let info = bounded("read /version", self.client.apiserver_version()).await?;
        // Distributions append build metadata (`v1.37.2+k3s1`), which has no order.
        let text = info.git_version.split('+').next().unwrap_or_default();
        text.parse()
            .map_err(|error| Error::malformed("/version", error))
    }

    /// The nodes, budgets and Jobs, and the pods asked for, with the DaemonSets where any are.
    ///
    /// # Errors
    /// When any part cannot be read whole: half an inventory is none.
    pub async fn inventory(&self, pods: Pods<'_>) -> Result<Inventory, Error> {
        let observed_at = Timestamp::now();
        let server = self.server_version().await?;
        let nodes = self.nodes().await?;
        let budgets: Vec<PodDisruptionBudget> = list(
            &Api::all(self.client.clone()),
            ListParams::default(),
            "budgets",
        )
        .await?;
        let jobs: Api<Job> = Api::namespaced(self.client.clone(), &self.namespace);
        let ours = ListParams::default().labels(&format!("{}={}", names::ACT, names::ACT_NODE));
        let jobs = list(&jobs, ours, "Jobs").await?;
        // A DaemonSet that has all its pods has them among those that are listed after it.
        let names = pods.names(&nodes);
        let daemons = match names.is_empty() {
            true => Vec::new(),
            false => self.daemons().await?,
        };
        let pods = self.pods(pods, names, &budgets).await?;
        Ok(Inventory {
            format: FORMAT,
            observed_at,
            server,
            nodes,
            pods,
            budgets: budgets.iter().map(convert::budget).collect(),
            daemons,
            jobs: jobs.iter().map(convert::job).collect::<Result<_, _>>()?,
        })
    }

    /// Names of the nodes that a roll of ours has cordoned and not given back.
    ///
    /// # Errors
    /// When the nodes cannot be read whole.
    pub async fn cordoned(&self) -> Result<Vec<String>, Error> {
        let nodes = self.nodes().await?;
        let ours = nodes.into_values().filter(Node::is_cordoned);
        Ok(ours.map(|node| node.name).collect())
    }

    async fn nodes(&self) -> Result<BTreeMap<String, Node>, Error> {
        let api: Api<core::Node> = Api::all(self.client.clone());
        let nodes = list(&api, ListParams::default(), "nodes").await?;
        let convert = |node| convert::node(node).map(|node| (node.name.clone(), node));
        nodes.iter().map(convert).collect()
    }

    async fn daemons(&self) -> Result<Vec<Daemon>, Error> {
        let api: Api<DaemonSet> = Api::all(self.client.clone());
        let daemons = list(&api, ListParams::default(), "DaemonSets").await?;
        Ok(daemons.iter().map(convert::daemon).collect())
    }

    async fn pods(
        &self,
        whose: Pods<'_>,
        names: Vec<String>,
        budgets: &[PodDisruptionBudget],
    ) -> Result<BTreeMap<String, Vec<trireme_blueprint::Pod>>, Error> {
        let api: Api<core::Pod> = Api::all(self.client.clone());
        let mut found: BTreeMap<_, Vec<_>> = names
            .iter()
            .map(|name| (name.clone(), Vec::new()))
            .collect();
        if matches!(whose, Pods::All) {
            for pod in list(&api, ListParams::default(), "pods").await? {
                let node = pod.spec.as_ref().and_then(|spec| spec.node_name.clone());
                let node = node.unwrap_or_default();
                found
                    .entry(node)
                    .or_default()
                    .push(convert::pod(&pod, budgets));
            }
            return Ok(found);
        }
        for name in names {
            let params = ListParams::default().fields(&format!("spec.nodeName={name}"));
            let pods = list(&api, params, &format!("pods of node {name}")).await?;
            let pods = pods.iter().map(|pod| convert::pod(pod, budgets));
            found.insert(name, pods.collect());
        }
        Ok(found)
    }
}

/// One request, with a deadline.
pub(crate) async fn bounded<T>(
    act: impl Into<String>,
    request: impl Future<Output = Result<T, kube::Error>>,
) -> Result<T, Error> {
    let act = act.into();
    match tokio::time::timeout(REQUEST_TIMEOUT, request).await {
        Ok(answer) => answer.map_err(Error::api(act)),
        Err(_) => Err(Error::Silent {
            act,
            seconds: REQUEST_TIMEOUT.as_secs(),
        }),
    }
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
        match bounded(format!("list {what}"), api.list(&page)).await {
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
