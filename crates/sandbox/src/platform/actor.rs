//! Plays what an upgrade image does on a node: once the Job has succeeded, the node goes away and comes back with the version
//! of the Job. It has its own credentials; no other client writes the status of a node.

use std::collections::BTreeSet;

use k8s_openapi::api::batch::v1::Job;
use kube::{Api, Client};
use serde_json::{Value, json};
use tokio::{sync::mpsc, task::JoinSet};

use crate::{
    SandboxError,
    client::{Change, follow, merge},
};

/// A running actor; dropping it ends it.
pub struct Actor {
    _tasks: JoinSet<()>,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Upgrade {
    job: String,
    node: String,
    version: String,
}

impl Actor {
    /// Starts to watch the Jobs that upgrade nodes.
    pub fn start(client: &Client) -> Self {
        let (upgrades, mut received) = mpsc::unbounded_channel();
        let mut tasks = JoinSet::new();
        let mut known = BTreeSet::new();
        tasks.spawn(follow(
            Api::<Job>::all(client.clone()),
            Some("trireme.dev/act=node"),
            move |change| {
                let jobs = match change {
                    Change::Listed(jobs) => jobs,
                    Change::Applied(job) => vec![job],
                    Change::Deleted(_) | Change::Missed(_) => Vec::new(),
                };
                for upgrade in jobs
                    .iter()
                    .filter_map(Upgrade::of)
                    .filter(|upgrade| known.insert(upgrade.clone()))
                {
                    let _ = upgrades.send(upgrade);
                }
            },
        ));
        let client = client.clone();
        tasks.spawn(async move {
            while let Some(upgrade) = received.recv().await {
                while upgrade.apply(&client).await.is_err() {
                    tokio::time::sleep(std::time::Duration::from_millis(200)).await;
                }
            }
        });
        Self { _tasks: tasks }
    }
}

impl Upgrade {
    /// The upgrade of a Job that has succeeded.
    fn of(job: &Job) -> Option<Self> {
        let succeeded = job.status.as_ref().and_then(|s| s.succeeded).unwrap_or(0) > 0;
        let annotations = job.metadata.annotations.as_ref()?;
        let annotation = |key: &str| annotations.get(key).cloned();
        let (node, version) = (
            annotation("trireme.dev/node")?,
            annotation("trireme.dev/version")?,
        );
        succeeded.then(|| Self {
            job: job.metadata.uid.clone().unwrap_or_default(),
            node,
            version,
        })
    }

    /// The node comes back with the new version, first NotReady, as a kubelet that has just started, then Ready. A node
    /// that has the version already is not changed: the Job is an old one, seen again after a restart. An upgrade that was
    /// interrupted between the two patches is finished.
    async fn apply(&self, client: &Client) -> Result<(), SandboxError> {
        let path = format!("/api/v1/nodes/{}/status", self.node);
        let node = merge(client, &path, &json!({})).await?;
        let runs = node["status"]["nodeInfo"]["kubeletVersion"].as_str();
        let wanted = with_vendor_suffix(&self.version, runs.unwrap_or_default());
        if runs != Some(wanted.as_str()) {
            merge(client, &path, &status(&wanted, "False")).await?;
        } else if !is_coming_back(&node) {
            return Ok(());
        }
        merge(client, &path, &status(&wanted, "True"))
            .await
            .map(drop)
    }
}

/// A Kubernetes version with the vendor suffix that the node has now.
fn with_vendor_suffix(version: &str, runs: &str) -> String {
    match runs.split_once('+') {
        Some((_, suffix)) if !version.contains('+') => format!("{version}+{suffix}"),
        _ => version.to_owned(),
    }
}

/// One patch with the version and the condition: another writer of the status (KWOK is one)
/// never sees the old version on a node that is not Ready, and so cannot write it back.
fn status(version: &str, ready: &str) -> Value {
    let now = jiff::Timestamp::now()
        .strftime("%Y-%m-%dT%H:%M:%SZ")
        .to_string();
    json!({ "status": {
        "nodeInfo": { "kubeletVersion": version, "kubeProxyVersion": version },
        "conditions": [{ "type": "Ready", "status": ready, "reason": REASON, "message": "after the upgrade of the node",
            "lastHeartbeatTime": now, "lastTransitionTime": now }],
    }})
}

/// The reason of the condition `Ready` that the actor sets.
const REASON: &str = "NodeUpgraded";

fn is_coming_back(node: &Value) -> bool {
    let conditions = node["status"]["conditions"].as_array();
    conditions.into_iter().flatten().any(|condition| {
        condition["type"] == "Ready"
            && condition["status"] == "False"
            && condition["reason"] == REASON
    })
}
