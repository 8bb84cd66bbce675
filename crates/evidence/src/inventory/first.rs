//! Format 1 of `inventory.json`.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Deserialize;
use serde::de::IgnoredAny;

use super::{DaemonSet, Job, ObservedBudget, ObservedNode, Owner, Pod};
use crate::Format;

#[derive(Deserialize)]
pub(super) struct InventoryFile {
    observed_at: Timestamp,
    server: String,
    nodes: BTreeMap<String, ObservedNode>,
    pods: BTreeMap<String, Vec<OldPod>>,
    budgets: Vec<ObservedBudget>,
    daemons: Vec<DaemonSet>,
    jobs: Vec<OldJob>,
}

#[derive(Deserialize)]
struct OldPod {
    namespace: String,
    name: String,
    uid: String,
    owner: Option<Owner>,
    kind: String,
    ready: bool,
    leaving: bool,
    budgets: Vec<String>,
}

#[derive(Deserialize)]
struct OldJob {
    name: String,
    node: String,
    blueprint: String,
    state: OldState,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum OldState {
    Active,
    Succeeded(IgnoredAny),
    Failed(IgnoredAny, String),
}

impl From<InventoryFile> for super::InventoryFile {
    fn from(old: InventoryFile) -> Self {
        let pods = old.pods.into_iter();
        let pods = pods.map(|(node, pods)| (node, pods.into_iter().map(Pod::from).collect()));
        Self {
            format: Format,
            observed_at: old.observed_at,
            server: old.server,
            nodes: old.nodes,
            pods: pods.collect(),
            budgets: old.budgets,
            daemon_sets: old.daemons,
            jobs: old.jobs.into_iter().map(Job::from).collect(),
        }
    }
}

impl From<OldPod> for Pod {
    fn from(old: OldPod) -> Self {
        let kind = match old.kind.as_str() {
            "daemon" => "daemon_set",
            "act" => "action",
            same => same,
        };
        Self {
            kind: kind.to_owned(),
            namespace: old.namespace,
            name: old.name,
            uid: old.uid,
            owner: old.owner,
            ready: old.ready,
            terminating: old.leaving,
            finalizers: Vec::new(),
            budgets: old.budgets,
        }
    }
}

impl From<OldJob> for Job {
    fn from(old: OldJob) -> Self {
        let (state, reason) = match old.state {
            OldState::Active => ("active", None),
            OldState::Succeeded(_) => ("succeeded", None),
            OldState::Failed(_, reason) => ("failed", Some(reason)),
        };
        Self {
            name: old.name,
            node: old.node,
            attempt: String::new(),
            blueprint: old.blueprint,
            state: state.to_owned(),
            reason,
        }
    }
}
