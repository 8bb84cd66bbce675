//! How the Jobs that upgrade nodes end.

use std::time::Duration;

use k8s_openapi::api::core::v1::Pod;
use kube::api::{ListParams, Patch, PatchParams};
use kube::{Api, Client, ResourceExt};
use serde_json::json;

/// Ends every running Job with this exit code.
pub async fn end_jobs(client: Client, exit_code: i32) {
    let pods: Api<Pod> = Api::namespaced(client, "trireme-system");
    let (phase, reason) = match exit_code {
        0 => ("Succeeded", "Completed"),
        _ => ("Failed", "Error"),
    };
    let ended = json!({"status": {"phase": phase, "containerStatuses": [{
        "name": "act", "image": "", "imageID": "", "ready": false, "restartCount": 0,
        "state": {"terminated": {"exitCode": exit_code, "reason": reason}},
    }]}});
    loop {
        let running = pods.list(&ListParams::default()).await;
        for pod in running.map(|list| list.items).unwrap_or_default() {
            let phase = pod
                .status
                .as_ref()
                .and_then(|status| status.phase.as_deref());
            if phase == Some("Running") {
                let patch = Patch::Merge(&ended);
                let _ = pods
                    .patch_status(&pod.name_any(), &PatchParams::default(), &patch)
                    .await;
            }
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
