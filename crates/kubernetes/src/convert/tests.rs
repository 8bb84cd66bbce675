use serde_json::{Value, json};

use super::*;

fn read<T: DeserializeOwned>(object: Value) -> T {
    serde_json::from_value(object).unwrap()
}

#[test]
fn a_node_has_the_identity_that_a_write_needs() {
    let object = json!({
        "metadata": {"name": "w-1", "uid": "u-1", "resourceVersion": "17", "labels": {ZONE: "a"}},
        "spec": {"unschedulable": true},
        "status": {
            "nodeInfo": {"kubeletVersion": "v1.36.4+k3s1", "osImage": "Debian", "architecture": "", "bootID": "",
                "containerRuntimeVersion": "", "kernelVersion": "", "kubeProxyVersion": "", "machineID": "",
                "operatingSystem": "", "systemUUID": ""},
            "conditions": [{"type": "Ready", "status": "Unknown"}],
        },
    });
    let found = node(&read(object)).unwrap();
    assert_eq!(
        (found.uid.as_str(), found.resource_version.as_str()),
        ("u-1", "17")
    );
    assert_eq!(found.version.to_string(), "v1.36.4+k3s1");
    assert!(!found.ready && !found.schedulable && !found.control_plane);
}

#[test]
fn a_node_or_a_job_that_cannot_be_read_is_named() {
    let object = json!({"metadata": {"name": "w-1"}});
    let error = node(&read(object)).unwrap_err().to_string();
    assert_eq!(
        error,
        "Cannot tell the state of node w-1: its kubelet has not reported a version yet"
    );
    let version = json!({"kubeletVersion": "latest", "osImage": "", "architecture": "", "bootID": "",
        "containerRuntimeVersion": "", "kernelVersion": "", "kubeProxyVersion": "", "machineID": "",
        "operatingSystem": "", "systemUUID": ""});
    let object = json!({"metadata": {"name": "w-1"}, "status": {"nodeInfo": version}});
    let error = node(&read(object)).unwrap_err().to_string();
    assert!(
        error.starts_with("node w-1 is not as expected: "),
        "{error}"
    );
    let object = json!({"metadata": {"name": "j-1", "annotations": {names::NODE: "w-1"}}});
    let error = job(&read(object)).unwrap_err().to_string();
    assert_eq!(
        error,
        "Job j-1 is not as expected: it has no annotation trireme.dev/blueprint"
    );
}

#[test]
fn a_pod_tells_whether_it_ended_is_terminating_and_what_holds_it() {
    let object = json!({
        "metadata": {"name": "p", "namespace": "shop", "uid": "u", "deletionTimestamp": "2026-01-01T00:00:00Z",
            "finalizers": ["batch.kubernetes.io/job-tracking", "foregroundDeletion", "orphan", "shop.example/backup"]},
        "spec": {"nodeName": "w-1", "containers": []},
        "status": {"phase": "Failed"},
    });
    let found = pod(&read(object));
    assert_eq!(found.node, "w-1");
    assert!(found.pod.ended && found.pod.terminating && !found.pod.ready);
    assert_eq!(found.pod.finalizers, ["shop.example/backup"]);
    assert_eq!(found.pod.kind, PodKind::Finished);
}

#[test]
fn a_pod_of_an_action_is_in_the_way_until_it_has_ended() {
    let of = |labels: Value, owner: Option<&str>, phase: &str| {
        let owners = owner.map(|kind| {
            json!([{"apiVersion": "v1", "kind": kind, "name": "o", "uid": "o", "controller": true}])
        });
        pod(&read(json!({
            "metadata": {"name": "p", "labels": labels, "ownerReferences": owners.unwrap_or_else(|| json!([]))},
            "status": {"phase": phase},
        })))
    };
    let action = json!({names::ACT: names::ACT_NODE});
    for (found, kind, in_the_way) in [
        (
            of(action.clone(), Some("Job"), "Running"),
            PodKind::Action,
            true,
        ),
        (of(action, Some("Job"), "Succeeded"), PodKind::Action, false),
        (
            of(json!({}), Some("DaemonSet"), "Failed"),
            PodKind::DaemonSet,
            false,
        ),
        (
            of(json!({}), Some("ReplicaSet"), "Running"),
            PodKind::Managed,
            true,
        ),
        (of(json!({}), None, "Running"), PodKind::Unmanaged, true),
        (of(json!({}), None, "Succeeded"), PodKind::Finished, false),
    ] {
        assert_eq!((found.pod.kind, found.is_in_the_way()), (kind, in_the_way));
    }
}

#[test]
fn a_budget_with_a_count_expects_the_pods_that_exist() {
    let counts = |spec: Value| {
        budget(&read(json!({"metadata": {"name": "b"}, "spec": spec}))).counts_existing_pods
    };
    assert!(counts(json!({"minAvailable": 2})));
    assert!(!counts(json!({"minAvailable": "50%"})));
    assert!(!counts(json!({"maxUnavailable": 1})));
    assert!(!counts(json!({})));
}

#[test]
fn a_job_has_its_attempt_and_is_terminating_from_its_deletion_on() {
    let found = |metadata: Value, conditions: Value| {
        let mut object = json!({"metadata": metadata, "status": {"conditions": conditions}});
        object["metadata"]["annotations"][names::NODE] = json!("w-1");
        object["metadata"]["annotations"][names::BLUEPRINT] = json!("b");
        job(&read(object)).unwrap()
    };
    let failed = json!([{"type": "Failed", "status": "True", "reason": "DeadlineExceeded", "message": "too long"}]);
    let ours = json!({"name": "j", "uid": "u", "annotations": {names::ATTEMPT: "a1"}});
    let job = found(ours, failed.clone());
    assert_eq!((job.attempt.as_str(), job.uid.as_str()), ("a1", "u"));
    assert_eq!(
        job.state,
        JobState::Failed("DeadlineExceeded: too long".into())
    );
    let gone = json!({"name": "j", "deletionTimestamp": "2026-01-01T00:00:00Z"});
    let job = found(gone, failed);
    assert_eq!(
        (job.attempt.as_str(), job.state),
        ("", JobState::Terminating)
    );
    assert_eq!(
        found(json!({"name": "j"}), json!([])).state,
        JobState::Active
    );
}
