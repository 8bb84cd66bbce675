//! The sandbox as its users see it: all its servers at once, killed and started again, and a prober that can tell a
//! good roll from a bad one.
#![expect(clippy::unwrap_used, reason = "the helpers of tests are tests too")]

use std::{path::Path, time::Duration};

use k8s_openapi::api::core::v1::{Node, Pod};
use kube::{
    Api, Client,
    api::{DeleteParams, ListParams},
};
use trireme_sandbox::{Sandbox, SandboxOptions, Witness, client::connect, kubernetes::Timings};

const PATIENCE: Duration = Duration::from_secs(30);

async fn start(state: &Path, timings: Timings) -> Sandbox {
    let options = SandboxOptions {
        timings,
        ..options(state)
    };
    Sandbox::start(options).await.unwrap()
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
    let again = start(folder.path(), Timings::fast()).await;
    assert_eq!(again.vars().unwrap(), vars);
}

fn options(state: &Path) -> SandboxOptions {
    SandboxOptions {
        state: state.to_owned(),
        timings: Timings::fast(),
        untidy: None,
        listen: None,
    }
}

/// What is wrong, and from what it came.
async fn refusal(state: &Path) -> String {
    let refused = Sandbox::start(options(state)).await.err();
    format!("{:#}", anyhow::Error::from(refused.unwrap()))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_sandbox_on_the_same_world_is_refused_and_the_first_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let first = Sandbox::start(options(folder.path())).await.unwrap();
    let error = refusal(folder.path()).await;
    let process = format!("(process {})", std::process::id());
    for part in [&*process, "/sandbox: end it", "`--state DIR`"] {
        assert!(error.contains(part), "{part}: {error}");
    }
    let nodes = Api::<Node>::all(admin(&first).await);
    let listed = nodes.list(&ListParams::default()).await.unwrap();
    assert_eq!(listed.items.len(), 9);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_world_whose_port_is_taken_says_which_and_touches_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let first = Sandbox::start(options(folder.path())).await.unwrap();
    let address = first.registry();
    drop(first);
    let mut squatter = None;
    until("the port is free", async || {
        squatter = std::net::TcpListener::bind(&address).ok();
        squatter.is_some()
    })
    .await;
    let error = refusal(folder.path()).await;
    let tried = format!("could not listen on {address} for the registry");
    for part in [&*tried, "ss -ltnp", "/sandbox away", "in use"] {
        assert!(error.contains(part), "{part}: {error}");
    }
    drop(squatter);
    let again = Sandbox::start(options(folder.path())).await.unwrap();
    assert_eq!(again.registry(), address);
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
