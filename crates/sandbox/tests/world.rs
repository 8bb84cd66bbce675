//! The sandbox as its users see it: all its servers at once, killed and started again, and a prober that can tell a
//! good roll from a bad one.
#![expect(clippy::unwrap_used, reason = "the helpers of tests are tests too")]

use std::{path::Path, time::Duration};

use k8s_openapi::api::core::v1::{Node, Pod};
use kube::{
    Api, Client,
    api::{DeleteParams, ListParams},
};
use trireme_sandbox::{Sandbox, SandboxOptions, Witness, clients::connect, kubernetes::Timings};

const PATIENCE: Duration = Duration::from_secs(30);

async fn start(state: &Path, timings: Timings) -> Sandbox {
    Sandbox::start(SandboxOptions {
        state: state.to_owned(),
        timings,
    })
    .await
    .unwrap()
}

async fn admin(sandbox: &Sandbox) -> Client {
    connect(&sandbox.api().admin_kubeconfig().unwrap())
        .await
        .unwrap()
}

/// Waits for a condition, with a deadline.
async fn until(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let wait = async {
        while !holds().await {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(PATIENCE, wait)
        .await
        .unwrap_or_else(|_| panic!("{what} did not come true"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_world_has_nine_nodes_and_is_the_same_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let first = start(folder.path(), Timings::fast()).await;
    let vars = first.vars().unwrap();
    let nodes = Api::<Node>::all(admin(&first).await)
        .list(&ListParams::default())
        .await
        .unwrap();
    assert_eq!(nodes.items.len(), 9);
    let version = |node: &Node| {
        node.status
            .clone()
            .unwrap()
            .node_info
            .unwrap()
            .kubelet_version
    };
    assert!(nodes.items.iter().all(|node| version(node) == "v1.36.4"));
    drop(first);
    let mut again = None;
    until("the ports are free again", async || {
        let options = SandboxOptions {
            state: folder.path().to_owned(),
            timings: Timings::fast(),
        };
        again = Sandbox::start(options).await.ok();
        again.is_some()
    })
    .await;
    assert_eq!(again.unwrap().vars().unwrap(), vars);
}

/// Deletes every pod of the probed service in one request, by force: what eviction never does.
async fn delete_all(client: &Client) {
    let pods = Api::<Pod>::namespaced(client.clone(), "shop");
    let web = ListParams::default().labels("app=web");
    let by_force = DeleteParams::default().grace_period(0);
    let deleted = pods.delete_collection(&by_force, &web).await.unwrap();
    let deleted = deleted.left().unwrap();
    assert!(!deleted.items.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn deleting_pods_shows_in_the_prober_and_the_budgets() {
    let folder = tempfile::tempdir().unwrap();
    // A replacement that takes this long leaves a gap that fifty probes a second cannot miss, on a loaded machine either.
    let timings = Timings {
        pod_start: Duration::from_secs(1),
        ..Timings::fast()
    };
    let sandbox = start(folder.path(), timings).await;
    let witness = sandbox.witness().await.unwrap();
    until("twenty probes", async || {
        witness.prober.measured().sent >= 20
    })
    .await;
    assert_eq!(
        witness.prober.measured().failed,
        0,
        "nothing was disturbed yet"
    );
    until("the budget is met", async || met(&witness)).await;
    delete_all(&admin(&sandbox).await).await;
    until("failed probes", async || {
        witness.prober.measured().failed > 0
    })
    .await;
    until("a violated budget", async || {
        witness.observer.observed().budget_violations > 0
    })
    .await;
}

fn met(witness: &Witness) -> bool {
    let observed = witness.observer.observed();
    observed
        .budgets
        .get("shop/web")
        .and_then(|samples| samples.last())
        .is_some_and(|s| s.current >= s.desired && s.desired > 0)
}
