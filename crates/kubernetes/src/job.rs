//! The Job that acts on a node.

use std::collections::BTreeMap;

use k8s_openapi::api::batch::v1::{Job, JobSpec};
use k8s_openapi::api::core::v1::{
    Container, EnvVar, HostPathVolumeSource, PodSpec, PodTemplateSpec, SecurityContext, Toleration,
    Volume, VolumeMount,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use trireme_blueprint::{Goal, job_name};

use crate::{ActionSpec, names};

/// A finished Job is evidence for a day; nothing depends on it after its node is back.
const KEPT_S: i32 = 86_400;

/// The Job of `attempt` on `node`. All of it follows from the arguments, its name from the last two.
pub(crate) fn build(spec: &ActionSpec, goal: &Goal, node: &str, attempt: &str) -> Job {
    let labels = BTreeMap::from([(names::ACT.to_owned(), names::ACT_NODE.to_owned())]);
    let annotations = BTreeMap::from([
        (names::VERSION.to_owned(), goal.wanted.version.to_string()),
        (names::NODE.to_owned(), node.to_owned()),
        (names::BLUEPRINT.to_owned(), goal.blueprint.clone()),
        (names::ATTEMPT.to_owned(), attempt.to_owned()),
        (names::EPOCH.to_owned(), goal.epoch.to_string()),
    ]);
    let pod = pod(spec, goal, node);
    Job {
        metadata: ObjectMeta {
            name: Some(job_name(node, attempt)),
            labels: Some(labels.clone()),
            annotations: Some(annotations.clone()),
            ..ObjectMeta::default()
        },
        spec: Some(JobSpec {
            // A person looks at an action that failed; it is not repeated blindly.
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

fn pod(spec: &ActionSpec, goal: &Goal, node: &str) -> PodSpec {
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

fn container(spec: &ActionSpec, goal: &Goal, node: &str) -> Container {
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
fn environment(spec: &ActionSpec, goal: &Goal, node: &str) -> Vec<EnvVar> {
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

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use trireme_blueprint::{Before, Policy, Wanted, Window};

    use super::*;

    const DIGEST: &str = "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";

    fn goal() -> Goal {
        let reference = format!("registry.example/kube-proxy@{DIGEST}");
        Goal {
            blueprint: "0123456789abcdef".into(),
            wanted: Wanted {
                version: "v1.37.2".parse().unwrap(),
                images: BTreeMap::from([("kube-proxy".to_owned(), reference)]),
            },
            policy: Policy::default(),
            roll: "r1".into(),
            epoch: 7,
            window: Window::Open,
            before: Before::default(),
        }
    }

    fn spec(host: bool) -> ActionSpec {
        ActionSpec {
            image: format!("registry.example/node-act@{DIGEST}"),
            command: vec!["/act".into()],
            args: vec!["--mode".into(), "upgrade".into()],
            env: BTreeMap::from([
                ("MIRROR".to_owned(), "registry.example".to_owned()),
                ("TRIREME_NODE".to_owned(), "another".to_owned()),
            ]),
            host,
        }
    }

    fn built(host: bool) -> Value {
        serde_json::to_value(build(&spec(host), &goal(), "w-1", "0123456789")).unwrap()
    }

    #[test]
    fn the_act_runs_on_its_node_whatever_the_node_is_tainted_with() {
        let job = built(true);
        let pod = &job["spec"]["template"]["spec"];
        // Not by the scheduler, which would keep it off a node that is cordoned.
        assert_eq!(pod["nodeName"], "w-1");
        assert_eq!(pod["tolerations"], json!([{"operator": "Exists"}]));
        let annotations = json!({
            "trireme.dev/node": "w-1", "trireme.dev/version": "v1.37.2",
            "trireme.dev/blueprint": "0123456789abcdef", "trireme.dev/attempt": "0123456789",
            "trireme.dev/epoch": "7",
        });
        for metadata in [&job["metadata"], &job["spec"]["template"]["metadata"]] {
            assert_eq!(metadata["annotations"], annotations);
            assert_eq!(metadata["labels"], json!({"trireme.dev/act": "node"}));
        }
        assert_eq!(job["metadata"]["name"], "trireme-w-1-0123456789");
    }

    #[test]
    fn the_act_is_the_image_command_and_arguments_of_the_source() {
        let job = built(true);
        let pod = &job["spec"]["template"]["spec"];
        let containers = pod["containers"].as_array().unwrap();
        assert_eq!(containers.len(), 1);
        let act = &containers[0];
        assert_eq!(act["image"], format!("registry.example/node-act@{DIGEST}"));
        assert_eq!(act["command"], json!(["/act"]));
        assert_eq!(act["args"], json!(["--mode", "upgrade"]));
        let own = ActionSpec {
            command: Vec::new(),
            args: Vec::new(),
            ..spec(true)
        };
        let job = serde_json::to_value(build(&own, &goal(), "w-1", "0123456789")).unwrap();
        let act = &job["spec"]["template"]["spec"]["containers"][0];
        // Those of the image itself.
        assert_eq!(
            (&act["command"], &act["args"]),
            (&Value::Null, &Value::Null)
        );
    }

    #[test]
    fn the_environment_says_what_to_do_with_digests_and_cannot_be_overridden() {
        let job = built(true);
        let environment = &job["spec"]["template"]["spec"]["containers"][0]["env"];
        let images = json!({"kube-proxy": format!("registry.example/kube-proxy@{DIGEST}")});
        let expected = json!([
            {"name": "MIRROR", "value": "registry.example"},
            {"name": "TRIREME_IMAGES", "value": images.to_string()},
            {"name": "TRIREME_NODE", "value": "w-1"},
            {"name": "TRIREME_VERSION", "value": "v1.37.2"},
        ]);
        assert_eq!(*environment, expected);
    }

    #[test]
    fn an_act_is_tried_once_in_its_time_and_has_no_account() {
        let job = built(false);
        assert_eq!(job["spec"]["backoffLimit"], 0);
        assert_eq!(job["spec"]["activeDeadlineSeconds"], 30 * 60);
        let pod = &job["spec"]["template"]["spec"];
        assert_eq!(pod["restartPolicy"], "Never");
        assert_eq!(pod["automountServiceAccountToken"], false);
    }

    #[test]
    fn only_an_act_that_is_to_have_the_host_gets_it() {
        let of_host = |job: &Value| {
            let pod = &job["spec"]["template"]["spec"];
            let act = &pod["containers"][0];
            let keys = [&pod["hostPID"], &pod["hostNetwork"]];
            let more = [
                &pod["volumes"],
                &act["volumeMounts"],
                &act["securityContext"],
            ];
            (keys.map(Value::clone), more.map(Value::clone))
        };
        let (keys, more) = of_host(&built(true));
        assert_eq!(keys, [json!(true), json!(true)]);
        let expected = [
            json!([{"name": "host", "hostPath": {"path": "/"}}]),
            json!([{"name": "host", "mountPath": "/host"}]),
            json!({"privileged": true}),
        ];
        assert_eq!(more, expected);
        let (keys, more) = of_host(&built(false));
        assert!(
            keys.iter().chain(&more).all(Value::is_null),
            "{keys:?} {more:?}"
        );
    }
}
