//! From the API's objects to those of the inventory.

use std::collections::BTreeMap;

use k8s_openapi::api::apps::v1 as apps;
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1 as core;
use k8s_openapi::api::policy::v1::{PodDisruptionBudget, PodDisruptionBudgetStatus};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use kube::ResourceExt;
use serde::de::DeserializeOwned;
use trireme_blueprint::{ActionJob, Budget, DaemonSet, JobState, Node, Owner, Pod, PodKind};

use crate::selector::{BudgetSelector, Selectors};
use crate::{Error, names};

/// The well-known label of a node's zone.
const ZONE: &str = "topology.kubernetes.io/zone";
/// The well-known label of a control-plane node.
const CONTROL_PLANE: &str = "node-role.kubernetes.io/control-plane";
/// The annotation of a static pod's mirror.
const MIRROR: &str = "kubernetes.io/config.mirror";
/// Finalizers that Kubernetes itself removes.
const OWN_FINALIZERS: [&str; 3] = [
    "batch.kubernetes.io/job-tracking",
    "foregroundDeletion",
    "orphan",
];

/// A pod before its budgets are known, and what they are found by.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct PodOnNode {
    /// Its node; empty before it is scheduled.
    pub(crate) node: String,
    pod: Pod,
    labels: BTreeMap<String, String>,
}

impl PodOnNode {
    /// The pod, with its budgets among `selectors`.
    pub(crate) fn with_budgets(&self, selectors: &Selectors<'_>) -> Pod {
        let budgets = selectors.of(&self.pod.namespace, &self.labels);
        Pod {
            budgets,
            ..self.pod.clone()
        }
    }

    /// Whether it still has to leave its node, or acts on it.
    pub(crate) fn is_in_the_way(&self) -> bool {
        self.pod.must_leave() || self.pod.is_running_action()
    }
}

/// A budget with what tells its versions apart and which pods it selects.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ObservedBudget {
    pub(crate) budget: Budget,
    pub(crate) selector: BudgetSelector,
    pub(crate) resource_version: String,
}

pub(crate) fn node(node: &core::Node) -> Result<Node, Error> {
    let name = node.name_any();
    let object = || format!("node {name}");
    let status = node.status.as_ref();
    let info = status.and_then(|status| status.node_info.as_ref());
    let info = info.filter(|info| !info.kubelet_version.is_empty());
    // As it is for a moment when it is created before its kubelet starts.
    let info = info.ok_or_else(|| Error::Unknown {
        what: object(),
        why: "its kubelet has not reported a version yet".into(),
        seconds: 0,
    })?;
    let version = info
        .kubelet_version
        .parse()
        .map_err(|error| Error::malformed(object(), error))?;
    let conditions = status.and_then(|status| status.conditions.as_ref());
    let mut conditions = conditions.into_iter().flatten();
    let unschedulable = node.spec.as_ref().and_then(|spec| spec.unschedulable);
    Ok(Node {
        uid: node.uid().unwrap_or_default(),
        resource_version: node.resource_version().unwrap_or_default(),
        zone: node
            .labels()
            .get(ZONE)
            .cloned()
            .unwrap_or_else(|| "none".into()),
        version,
        image: info.os_image.clone(),
        ready: conditions.any(|condition| condition.type_ == "Ready" && condition.status == "True"),
        schedulable: !unschedulable.unwrap_or(false),
        control_plane: node.labels().contains_key(CONTROL_PLANE),
        roll: annotation(node, names::ROLL)?,
        rolled: annotation(node, names::ROLLED)?,
        name,
    })
}

/// One of our annotations. One that cannot be read is an error: it may say that the node is being worked on.
fn annotation<T: DeserializeOwned>(node: &core::Node, key: &str) -> Result<Option<T>, Error> {
    let text = node.annotations().get(key);
    let value = text.map(|text| serde_json::from_str(text)).transpose();
    value.map_err(|error| {
        Error::malformed(
            format!("annotation {key} of node {}", node.name_any()),
            error,
        )
    })
}

pub(crate) fn pod(pod: &core::Pod) -> PodOnNode {
    let status = pod.status.as_ref();
    let conditions = status.and_then(|status| status.conditions.as_ref());
    let mut conditions = conditions.into_iter().flatten();
    let foreign = pod.finalizers().iter();
    let foreign = foreign.filter(|finalizer| !OWN_FINALIZERS.contains(&finalizer.as_str()));
    let node = pod.spec.as_ref().and_then(|spec| spec.node_name.clone());
    PodOnNode {
        node: node.unwrap_or_default(),
        labels: pod.labels().clone(),
        pod: Pod {
            namespace: pod.namespace().unwrap_or_default(),
            name: pod.name_any(),
            uid: pod.uid().unwrap_or_default(),
            owner: owner(pod),
            kind: kind(pod),
            ready: conditions
                .any(|condition| condition.type_ == "Ready" && condition.status == "True"),
            ended: has_ended(pod),
            terminating: pod.metadata.deletion_timestamp.is_some(),
            finalizers: foreign.cloned().collect(),
            budgets: Vec::new(),
        },
    }
}

fn has_ended(pod: &core::Pod) -> bool {
    let status = pod.status.as_ref();
    let phase = status.and_then(|status| status.phase.as_deref());
    matches!(phase, Some("Succeeded" | "Failed"))
}

fn kind(pod: &core::Pod) -> PodKind {
    match controller(pod).map(|owner| owner.kind.as_str()) {
        _ if pod.labels().contains_key(names::ACT) => PodKind::Action,
        _ if pod.annotations().contains_key(MIRROR) => PodKind::Mirror,
        // Whatever has become of it: its DaemonSet starts another in its place.
        Some("DaemonSet") => PodKind::DaemonSet,
        _ if has_ended(pod) => PodKind::Finished,
        Some(_) => PodKind::Managed,
        None => PodKind::Unmanaged,
    }
}

fn controller(pod: &core::Pod) -> Option<&OwnerReference> {
    let mut owners = pod.owner_references().iter();
    owners.find(|owner| owner.controller == Some(true))
}

/// The controller. For a ReplicaSet of a Deployment (named after the Deployment and the hash of its template): the Deployment.
fn owner(pod: &core::Pod) -> Option<Owner> {
    let controller = controller(pod)?;
    let hash = pod.labels().get("pod-template-hash");
    let deployment = hash
        .filter(|_| controller.kind == "ReplicaSet")
        .and_then(|hash| controller.name.strip_suffix(&format!("-{hash}")));
    Some(match deployment {
        Some(name) => Owner {
            kind: "Deployment".into(),
            name: name.into(),
        },
        None => Owner {
            kind: controller.kind.clone(),
            name: controller.name.clone(),
        },
    })
}

pub(crate) fn selector(budget: &PodDisruptionBudget) -> BudgetSelector {
    let spec = budget.spec.as_ref();
    BudgetSelector {
        namespace: budget.namespace().unwrap_or_default(),
        name: budget.name_any(),
        selector: spec.and_then(|spec| spec.selector.clone()),
    }
}

pub(crate) fn observed_budget(object: &PodDisruptionBudget) -> ObservedBudget {
    ObservedBudget {
        budget: budget(object),
        selector: selector(object),
        resource_version: object.resource_version().unwrap_or_default(),
    }
}

pub(crate) fn budget(budget: &PodDisruptionBudget) -> Budget {
    let (spec, status) = (budget.spec.as_ref(), budget.status.as_ref());
    let number = |pick: fn(&PodDisruptionBudgetStatus) -> i32| status.map_or(0, pick);
    let observed = status.and_then(|status| status.observed_generation);
    let counts = spec.is_some_and(|spec| {
        let is_count = matches!(spec.min_available, Some(IntOrString::Int(_)));
        is_count && spec.max_unavailable.is_none()
    });
    Budget {
        namespace: budget.namespace().unwrap_or_default(),
        name: budget.name_any(),
        allowed: number(|status| status.disruptions_allowed),
        current: number(|status| status.current_healthy),
        desired: number(|status| status.desired_healthy),
        expected: number(|status| status.expected_pods),
        observed: is_observed(&budget.metadata, observed),
        counts_existing_pods: counts,
    }
}

/// Whether the controller has processed the last change. A status that does not say so may be of any age.
fn is_observed(metadata: &ObjectMeta, observed: Option<i64>) -> bool {
    observed.is_some() && observed >= metadata.generation
}

pub(crate) fn daemon_set(daemon_set: &apps::DaemonSet) -> DaemonSet {
    let status = daemon_set.status.as_ref();
    let observed = status.and_then(|status| status.observed_generation);
    DaemonSet {
        namespace: daemon_set.namespace().unwrap_or_default(),
        name: daemon_set.name_any(),
        desired: status.map_or(0, |status| status.desired_number_scheduled),
        current: status.map_or(0, |status| status.current_number_scheduled),
        observed: is_observed(&daemon_set.metadata, observed),
    }
}

pub(crate) fn job(job: &Job) -> Result<ActionJob, Error> {
    let name = job.name_any();
    let noted = |key: &str| {
        let value = job.annotations().get(key).cloned();
        value.ok_or_else(|| {
            Error::malformed(format!("Job {name}"), format!("it has no annotation {key}"))
        })
    };
    let attempt = job.annotations().get(names::ATTEMPT).cloned();
    Ok(ActionJob {
        uid: job.uid().unwrap_or_default(),
        node: noted(names::NODE)?,
        attempt: attempt.unwrap_or_default(),
        blueprint: noted(names::BLUEPRINT)?,
        state: job_state(job),
        created_at: job.creation_timestamp().map(|time| time.0),
        name: name.clone(),
    })
}

fn job_state(job: &Job) -> JobState {
    if job.metadata.deletion_timestamp.is_some() {
        return JobState::Terminating;
    }
    let status = job.status.as_ref();
    let conditions = status.and_then(|status| status.conditions.as_ref());
    let mut true_ones = conditions
        .into_iter()
        .flatten()
        .filter(|condition| condition.status == "True");
    let end = true_ones.find_map(|condition| match condition.type_.as_str() {
        "Complete" => Some(JobState::Succeeded),
        "Failed" => {
            let reason = condition.reason.as_deref().unwrap_or("no reason given");
            let message = condition.message.as_deref().unwrap_or_default();
            Some(JobState::Failed(format!("{reason}: {message}")))
        }
        _ => None,
    });
    end.unwrap_or(JobState::Active)
}

#[cfg(test)]
mod tests;
