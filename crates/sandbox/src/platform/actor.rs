//! What the act on a node brings about: once its Job has succeeded, the node goes away and comes back with the version
//! that the Job was made for. It has credentials of its own; no other client writes the status of a node.

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
struct Act {
    job: String,
    node: String,
    version: String,
}

impl Actor {
    /// Starts to watch the Jobs that act on nodes.
    pub fn start(client: &Client) -> Self {
        let (acts, mut received) = mpsc::unbounded_channel();
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
                for act in jobs
                    .iter()
                    .filter_map(Act::of)
                    .filter(|act| known.insert(act.clone()))
                {
                    let _ = acts.send(act);
                }
            },
        ));
        let client = client.clone();
        tasks.spawn(async move {
            while let Some(act) = received.recv().await {
                while act.bring_about(&client).await.is_err() {
                    tokio::time::sleep(std::time::Duration::from_millis(200)).await;
                }
            }
        });
        Self { _tasks: tasks }
    }
}

impl Act {
    /// The act of a Job that has succeeded.
    fn of(job: &Job) -> Option<Self> {
        let succeeded = job.status.as_ref().and_then(|s| s.succeeded).unwrap_or(0) > 0;
        let annotations = job.metadata.annotations.as_ref()?;
        let said = |key: &str| annotations.get(key).cloned();
        let (node, version) = (said("trireme.dev/node")?, said("trireme.dev/version")?);
        succeeded.then(|| Self {
            job: job.metadata.uid.clone().unwrap_or_default(),
            node,
            version,
        })
    }

    /// The node comes back with the new version, NotReady at first, as a kubelet that has just started; then it is Ready.
    /// A node that is on the version already is left alone: the Job is an old one, seen again after a restart. What was
    /// broken off between the two is finished.
    async fn bring_about(&self, client: &Client) -> Result<(), SandboxError> {
        let path = format!("/api/v1/nodes/{}/status", self.node);
        let node = merge(client, &path, &json!({})).await?;
        let runs = node["status"]["nodeInfo"]["kubeletVersion"].as_str();
        let wanted = as_the_vendor_says(&self.version, runs.unwrap_or_default());
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

/// A release of Kubernetes as the vendor of the node calls it: with the suffix that its version has now.
fn as_the_vendor_says(version: &str, runs: &str) -> String {
    match runs.split_once('+') {
        Some((_, suffix)) if !version.contains('+') => format!("{version}+{suffix}"),
        _ => version.to_owned(),
    }
}

/// One patch with the version and the condition: whoever else writes the status from what was seen last (KWOK does)
/// never sees the old version on a node that is not Ready, and so cannot write it back.
fn status(version: &str, ready: &str) -> Value {
    let now = jiff::Timestamp::now()
        .strftime("%Y-%m-%dT%H:%M:%SZ")
        .to_string();
    json!({ "status": {
        "nodeInfo": { "kubeletVersion": version, "kubeProxyVersion": version },
        "conditions": [{ "type": "Ready", "status": ready, "reason": REASON, "message": "after the act on the node",
            "lastHeartbeatTime": now, "lastTransitionTime": now }],
    }})
}

/// Of the condition `Ready`, as the actor sets it.
const REASON: &str = "Act";

fn is_coming_back(node: &Value) -> bool {
    let conditions = node["status"]["conditions"].as_array();
    conditions.into_iter().flatten().any(|condition| {
        condition["type"] == "Ready"
            && condition["status"] == "False"
            && condition["reason"] == REASON
    })
}
