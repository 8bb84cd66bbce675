//! What the acts on nodes bring about, and how they end.

use std::time::Duration;

use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{Node, Pod};
use kube::api::{ListParams, Patch, PatchParams};
use kube::{Api, Client, ResourceExt};
use serde_json::json;

/// Does to a node what the Job would do: when it has succeeded, the node reports the version.
pub async fn act(client: Client) {
    let jobs: Api<Job> = Api::namespaced(client.clone(), "trireme-system");
    let nodes: Api<Node> = Api::all(client);
    loop {
        for job in jobs
            .list(&ListParams::default())
            .await
            .map(|list| list.items)
            .unwrap_or_default()
        {
            if job
                .status
                .as_ref()
                .and_then(|status| status.succeeded)
                .unwrap_or(0)
                > 0
            {
                let (node, version) = (
                    &job.annotations()["trireme.dev/node"],
                    &job.annotations()["trireme.dev/version"],
                );
                let patch = json!({"status": {"nodeInfo": {"kubeletVersion": version}}});
                let _ = nodes
                    .patch_status(node, &PatchParams::default(), &Patch::Merge(patch))
                    .await;
            }
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Ends every act that runs with this exit code.
pub async fn end_acts(client: Client, exit_code: i32) {
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
