//! From the API's objects to those of the inventory.

use std::collections::BTreeMap;

use jiff::Timestamp;
use k8s_openapi::api::apps::v1::DaemonSet;
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1 as core;
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, ObjectMeta};
use kube::ResourceExt;
use serde::de::DeserializeOwned;
use trireme_blueprint::{ActJob, Budget, Daemon, JobState, Node, Owner, Pod, PodKind};

use crate::{Error, names};

/// The well-known label of a node's zone.
const ZONE: &str = "topology.kubernetes.io/zone";
/// The well-known label of a control-plane node.
const CONTROL_PLANE: &str = "node-role.kubernetes.io/control-plane";
/// The annotation of a static pod's mirror.
const MIRROR: &str = "kubernetes.io/config.mirror";

pub(crate) fn node(node: &core::Node) -> Result<Node, Error> {
    let name = node.name_any();
    let object = || format!("node {name}");
    let status = node.status.as_ref();
    let info = status.and_then(|status| status.node_info.as_ref());
    let info = info.ok_or_else(|| Error::malformed(object(), "it reports no version"))?;
    let version = info
        .kubelet_version
        .parse()
        .map_err(|error| Error::malformed(object(), error))?;
    let conditions = status.and_then(|status| status.conditions.as_ref());
    let ready = conditions
        .into_iter()
        .flatten()
        .find(|condition| condition.type_ == "Ready");
    Ok(Node {
        zone: node
            .labels()
            .get(ZONE)
            .cloned()
            .unwrap_or_else(|| "none".into()),
        version,
        image: info.os_image.clone(),
        ready: ready.is_some_and(|condition| condition.status == "True"),
        ready_since: ready
            .and_then(|condition| condition.last_transition_time.as_ref())
            .map(|time| time.0),
        schedulable: !node
            .spec
            .as_ref()
            .and_then(|spec| spec.unschedulable)
            .unwrap_or(false),
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

pub(crate) fn pod(pod: &core::Pod, budgets: &[PodDisruptionBudget]) -> Pod {
    let namespace = pod.namespace().unwrap_or_default();
    let matching = budgets.iter().filter(|budget| {
        let selector = budget.spec.as_ref().and_then(|spec| spec.selector.as_ref());
        budget.namespace().as_ref() == Some(&namespace)
            && selector.is_some_and(|selector| selects(selector, pod.labels()))
    });
    let conditions = pod
        .status
        .as_ref()
        .and_then(|status| status.conditions.as_ref());
    let mut conditions = conditions.into_iter().flatten();
    Pod {
        name: pod.name_any(),
        uid: pod.uid().unwrap_or_default(),
        owner: owner(pod),
        kind: kind(pod),
        ready: conditions.any(|condition| condition.type_ == "Ready" && condition.status == "True"),
        leaving: pod.metadata.deletion_timestamp.is_some(),
        budgets: matching.map(ResourceExt::name_any).collect(),
        namespace,
    }
}

fn kind(pod: &core::Pod) -> PodKind {
    let phase = pod
        .status
        .as_ref()
        .and_then(|status| status.phase.as_deref());
    let controller = controller(pod).map(|owner| owner.kind.as_str());
    match (phase, controller) {
        _ if pod.labels().contains_key(names::ACT) => PodKind::Act,
        _ if pod.annotations().contains_key(MIRROR) => PodKind::Mirror,
        // Whatever has become of it: its DaemonSet starts another in its place.
        (_, Some("DaemonSet")) => PodKind::Daemon,
        (Some("Succeeded" | "Failed"), _) => PodKind::Finished,
        (_, Some(_)) => PodKind::Managed,
        (_, None) => PodKind::Unmanaged,
    }
}

fn controller(
    pod: &core::Pod,
) -> Option<&k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference> {
    let mut owners = pod.owner_references().iter();
    owners.find(|owner| owner.controller == Some(true))
}

/// The controller; for a ReplicaSet of a Deployment (its name is that of the Deployment and the hash of the template), the Deployment.
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

/// Whether `selector` selects `labels`. An empty one of policy/v1 selects all; an operator that we do not know selects
/// too, so that its budget is never overlooked.
fn selects(selector: &LabelSelector, labels: &BTreeMap<String, String>) -> bool {
    let equal = selector.match_labels.iter().flatten();
    let mut equal = equal.map(|(key, value)| labels.get(key) == Some(value));
    let rules = selector.match_expressions.iter().flatten();
    let mut rules = rules.map(|rule| {
        let value = labels.get(&rule.key);
        let among = value.is_some_and(|value| rule.values.iter().flatten().any(|one| one == value));
        match rule.operator.as_str() {
            "In" => among,
            "NotIn" => !among,
            "Exists" => value.is_some(),
            "DoesNotExist" => value.is_none(),
            _ => true,
        }
    });
    equal.all(|holds| holds) && rules.all(|holds| holds)
}

pub(crate) fn budget(budget: &PodDisruptionBudget) -> Budget {
    let status = budget.status.as_ref();
    let number = |pick: fn(&k8s_openapi::api::policy::v1::PodDisruptionBudgetStatus) -> i32| {
        status.map_or(0, pick)
    };
    Budget {
        namespace: budget.namespace().unwrap_or_default(),
        name: budget.name_any(),
        allowed: number(|status| status.disruptions_allowed),
        current: number(|status| status.current_healthy),
        desired: number(|status| status.desired_healthy),
        expected: number(|status| status.expected_pods),
        observed: is_observed(
            &budget.metadata,
            status.and_then(|status| status.observed_generation),
        ),
    }
}

/// Whether the controller has looked at the last change; a status that does not say so is of no known time.
fn is_observed(metadata: &ObjectMeta, observed: Option<i64>) -> bool {
    observed.is_some() && observed >= metadata.generation
}

pub(crate) fn daemon(daemon: &DaemonSet) -> Daemon {
    let status = daemon.status.as_ref();
    Daemon {
        namespace: daemon.namespace().unwrap_or_default(),
        name: daemon.name_any(),
        desired: status.map_or(0, |status| status.desired_number_scheduled),
        current: status.map_or(0, |status| status.current_number_scheduled),
        observed: is_observed(
            &daemon.metadata,
            status.and_then(|status| status.observed_generation),
        ),
    }
}

pub(crate) fn job(job: &Job) -> Result<ActJob, Error> {
    let name = job.name_any();
    let noted = |key: &str| {
        let value = job.annotations().get(key).cloned();
        value.ok_or_else(|| Error::malformed(format!("Job {name}"), format!("no annotation {key}")))
    };
    Ok(ActJob {
        node: noted(names::NODE)?,
        blueprint: noted(names::BLUEPRINT)?,
        created_at: job
            .creation_timestamp()
            .map(|time| time.0)
            .ok_or_else(|| Error::malformed(format!("Job {name}"), "no creation time"))?,
        state: job_state(job),
        name: name.clone(),
    })
}

fn job_state(job: &Job) -> JobState {
    let conditions = job
        .status
        .as_ref()
        .and_then(|status| status.conditions.as_ref());
    let at = |time: &Option<k8s_openapi::apimachinery::pkg::apis::meta::v1::Time>| {
        time.as_ref().map_or(Timestamp::UNIX_EPOCH, |time| time.0)
    };
    let mut ends = conditions
        .into_iter()
        .flatten()
        .filter(|condition| condition.status == "True");
    let end = ends.find_map(|condition| match condition.type_.as_str() {
        "Complete" => Some(JobState::Succeeded(at(&condition.last_transition_time))),
        "Failed" => {
            let reason = condition.reason.as_deref().unwrap_or("no reason given");
            let message = condition.message.as_deref().unwrap_or_default();
            let why = format!("{reason}: {message}");
            Some(JobState::Failed(at(&condition.last_transition_time), why))
        }
        _ => None,
    });
    end.unwrap_or(JobState::Active)
}
