//! The control plane starts, has nodes and pods, and logs who asked for what.
#![cfg(feature = "peers")]

use trireme_peers::ControlPlane;

const NODE: &str = r#"{"apiVersion":"v1","kind":"Node","metadata":{"name":"w-1"}}"#;

#[test]
fn a_control_plane_runs_a_deployment_and_logs_it() {
    let plane = ControlPlane::start().unwrap();
    let kubectl = |arguments: &[&str]| plane.kubectl(arguments).unwrap();
    kubectl(&["create", "-f", "-"])
        .input(NODE)
        .succeed()
        .unwrap();
    kubectl(&["create", "deployment", "web", "--image=web", "--replicas=2"])
        .succeed()
        .unwrap();
    let wait = [
        "wait",
        "deployment/web",
        "--for=condition=Available",
        "--timeout=60s",
    ];
    kubectl(&wait).succeed().unwrap();
    kubectl(&["create", "serviceaccount", "roller"])
        .succeed()
        .unwrap();
    assert!(
        plane
            .kubeconfig_for("default", "roller")
            .unwrap()
            .contains(plane.server())
    );
    let log = std::fs::read_to_string(plane.audit_log()).unwrap();
    assert!(log.contains(r#""verb":"create""#), "{log}");
}
