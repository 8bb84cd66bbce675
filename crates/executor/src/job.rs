//! The Job that acts on a node.

use std::collections::BTreeMap;

use k8s_openapi::api::batch::v1::{Job, JobSpec};
use k8s_openapi::api::core::v1::{
    Container, EnvVar, HostPathVolumeSource, PodSpec, PodTemplateSpec, SecurityContext, Toleration,
    Volume, VolumeMount,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use trireme_blueprint::Goal;
use trireme_kubernetes::names;

use crate::ActSpec;

/// A finished Job is evidence for a day; nothing depends on it after its node is back.
const KEPT_S: i32 = 86_400;

/// The Job of `goal` for `node`. Its name, annotations and environment follow from both alone.
pub(crate) fn build(spec: &ActSpec, goal: &Goal, node: &str) -> Job {
    let labels = BTreeMap::from([(names::ACT.to_owned(), names::ACT_NODE.to_owned())]);
    let annotations = BTreeMap::from([
        (names::VERSION.to_owned(), goal.wanted.version.to_string()),
        (names::NODE.to_owned(), node.to_owned()),
        (names::BLUEPRINT.to_owned(), goal.blueprint.clone()),
    ]);
    let pod = pod(spec, goal, node);
    Job {
        metadata: ObjectMeta {
            name: Some(goal.job_name(node)),
            labels: Some(labels.clone()),
            annotations: Some(annotations.clone()),
            ..ObjectMeta::default()
        },
        spec: Some(JobSpec {
            // A failed act is for a person to look at, not to be repeated blindly.
            backoff_limit: Some(0),
            active_deadline_seconds: i64::try_from(goal.policy.act_timeout.as_secs()).ok(),
            ttl_seconds_after_finished: Some(KEPT_S),
            template: PodTemplateSpec {
                metadata: Some(ObjectMeta {
                    labels: Some(labels),
                    annotations: Some(annotations),
                    ..ObjectMeta::default()
                }),
                spec: Some(pod),
            },
            ..JobSpec::default()
        }),
        ..Job::default()
    }
}

fn pod(spec: &ActSpec, goal: &Goal, node: &str) -> PodSpec {
    let host = spec.host;
    PodSpec {
        node_name: Some(node.into()),
        restart_policy: Some("Never".into()),
        automount_service_account_token: Some(false),
        host_pid: host.then_some(true),
        host_network: host.then_some(true),
        // A cordoned node that is about to be NotReady still has to run it.
        tolerations: Some(vec![Toleration {
            operator: Some("Exists".into()),
            ..Toleration::default()
        }]),
        containers: vec![container(spec, goal, node)],
        volumes: host.then(|| {
            vec![Volume {
                name: "host".into(),
                host_path: Some(HostPathVolumeSource {
                    path: "/".into(),
                    type_: None,
                }),
                ..Volume::default()
            }]
        }),
        ..PodSpec::default()
    }
}

fn container(spec: &ActSpec, goal: &Goal, node: &str) -> Container {
    let some = |list: &[String]| (!list.is_empty()).then(|| list.to_vec());
    Container {
        name: "act".into(),
        image: Some(spec.image.clone()),
        command: some(&spec.command),
        args: some(&spec.args),
        env: Some(environment(spec, goal, node)),
        security_context: spec.host.then(|| SecurityContext {
            privileged: Some(true),
            ..SecurityContext::default()
        }),
        volume_mounts: spec.host.then(|| {
            vec![VolumeMount {
                name: "host".into(),
                mount_path: "/host".into(),
                ..VolumeMount::default()
            }]
        }),
        ..Container::default()
    }
}

/// The source's own, then ours, which cannot be overridden.
fn environment(spec: &ActSpec, goal: &Goal, node: &str) -> Vec<EnvVar> {
    // A map of text always has a JSON form.
    let images = serde_json::to_string(&goal.wanted.images).unwrap_or_default();
    let ours = [
        ("TRIREME_VERSION", goal.wanted.version.to_string()),
        ("TRIREME_NODE", node.to_owned()),
        ("TRIREME_IMAGES", images),
    ];
    let mut all = spec.env.clone();
    all.extend(ours.map(|(name, value)| (name.to_owned(), value)));
    let variable = |(name, value)| EnvVar {
        name,
        value: Some(value),
        ..EnvVar::default()
    };
    all.into_iter().map(variable).collect()
}
