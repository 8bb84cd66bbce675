//! The additional objects of an untidy cluster. Only the pod with the finalizer stops a roll.

use kube::Client;
use serde_json::json;

use super::{set, worker};
use crate::{SandboxError, client::ensure, untidy::Untidy};

/// The finalizer that nothing removes.
pub const HELD_BY: &str = "example.com/backup";

/// Creates it where it is missing.
pub(super) async fn seed(client: &Client, untidy: Untidy) -> Result<(), SandboxError> {
    empty_budget(client).await?;
    crashing(client, untidy).await?;
    if untidy.held_pod {
        held(client).await?;
    }
    Ok(())
}

/// A budget that selects no pods any more, and so allows no disruption.
async fn empty_budget(client: &Client) -> Result<(), SandboxError> {
    let budgets = "/apis/policy/v1/namespaces/ops/poddisruptionbudgets";
    let selector = json!({ "matchLabels": { "app": "gone" } });
    let spec = json!({ "minAvailable": 1, "selector": selector });
    ensure(
        client,
        budgets,
        &json!({ "metadata": { "name": "left-behind" }, "spec": spec }),
    )
    .await
}

/// A DaemonSet with two pods that are never Ready: one on the control plane, one on a worker.
async fn crashing(client: &Client, untidy: Untidy) -> Result<(), SandboxError> {
    let letter = untidy.crashes_in();
    let nodes = format!("cp-{letter} {}", worker(letter, 1, Some(untidy)));
    let mut body = set("crash-agent", None);
    body["spec"]["template"]["metadata"]["annotations"] =
        json!({ "trireme.dev/sandbox-crash-on": nodes });
    let daemons = "/apis/apps/v1/namespaces/kube-system/daemonsets";
    ensure(client, daemons, &body).await
}

/// A pod that stays until its finalizer is removed by hand.
async fn held(client: &Client) -> Result<(), SandboxError> {
    let mut body = set("backup", Some(1));
    body["spec"]["template"]["metadata"]["finalizers"] = json!([HELD_BY]);
    ensure(client, "/apis/apps/v1/namespaces/ops/deployments", &body).await
}
