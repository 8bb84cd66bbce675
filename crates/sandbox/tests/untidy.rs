//! The untidy world is as its seed decides. Its faults spare the accounts that simulate and observe it.
#![expect(clippy::unwrap_used, reason = "the helpers of tests are tests too")]

use std::{path::Path, time::Duration};

use futures_util::future::join_all;
use jiff::Timestamp;
use kube::{
    Client, Config,
    config::{KubeConfigOptions, Kubeconfig},
};
use serde_json::Value;
use trireme_sandbox::{Sandbox, SandboxOptions, Untidy, kubernetes::Timings, platform};

const PATIENCE: Duration = Duration::from_secs(60);

async fn start(state: &Path, untidy: Untidy) -> Sandbox {
    let options = SandboxOptions {
        state: state.to_owned(),
        timings: Timings::fast(),
        untidy: Some(untidy),
        listen: None,
    };
    Sandbox::start(options).await.unwrap()
}

/// A client that asks each question once.
async fn client(sandbox: &Sandbox, user: &str) -> Client {
    let kubeconfig = sandbox.api().kubeconfig_for(user).unwrap();
    let kubeconfig = Kubeconfig::from_yaml(&kubeconfig).unwrap();
    let options = KubeConfigOptions::default();
    let config = Config::from_custom_kubeconfig(kubeconfig, &options).await;
    let mut config = config.unwrap();
    config.default_retry = false;
    Client::try_from(config).unwrap()
}

async fn list(viewer: &Client, path: &str) -> Vec<Value> {
    let request = http::Request::get(path).body(Vec::new()).unwrap();
    let mut list: Value = viewer.request(request).await.unwrap();
    list["items"].as_array_mut().unwrap().drain(..).collect()
}

fn text<'v>(object: &'v Value, pointer: &str) -> &'v str {
    object
        .pointer(pointer)
        .and_then(Value::as_str)
        .unwrap_or_default()
}

fn is_ready(pod: &Value) -> bool {
    let conditions = pod["status"]["conditions"].as_array().into_iter().flatten();
    conditions
        .into_iter()
        .any(|c| c["type"] == "Ready" && c["status"] == "True")
}

/// The pods of all namespaces, once so many run.
async fn running(viewer: &Client, count: usize) -> Vec<Value> {
    let running = async {
        loop {
            let pods = list(viewer, "/api/v1/pods").await;
            let run = pods
                .iter()
                .filter(|pod| pod["status"]["phase"] == "Running");
            if run.count() == count {
                return pods;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(PATIENCE, running)
        .await
        .expect("the pods run")
}

/// The first seed whose clock is five minutes off.
fn far_off() -> Untidy {
    let of = |seed| Untidy {
        seed,
        held_pod: true,
    };
    let mut seeds = (0..).map(of);
    seeds
        .find(|untidy| untidy.clock_ahead().as_secs().abs() == 300)
        .unwrap()
}

/// Fifteen of the workloads, two of a DaemonSet on each of nine nodes, and the one with a finalizer.
const PODS: usize = 15 + 2 * 9 + 1;

#[tokio::test(flavor = "multi_thread")]
async fn an_untidy_world_has_what_its_seed_says() {
    let untidy = far_off();
    let state = tempfile::tempdir().unwrap();
    let sandbox = start(state.path(), untidy).await;
    let viewer = client(&sandbox, platform::VIEWER).await;
    nodes_are_untidy(&viewer, untidy).await;
    a_budget_selects_no_pods(&viewer).await;
    pods_crash_and_are_held(&viewer, untidy).await;
}

async fn nodes_are_untidy(viewer: &Client, untidy: Untidy) {
    let nodes = list(viewer, "/api/v1/nodes").await;
    let version = format!("v1.36.4{}", untidy.version_suffix());
    let versions = nodes
        .iter()
        .map(|node| text(node, "/status/nodeInfo/kubeletVersion"));
    assert!(versions.into_iter().all(|found| found == version));
    let names: Vec<&str> = nodes
        .iter()
        .map(|node| text(node, "/metadata/name"))
        .collect();
    let long: Vec<_> = names.iter().filter(|name| name.len() > 46).collect();
    assert_eq!(long.len(), 2, "{names:?}");
    let zone = format!("w-{}", untidy.long_names_in());
    assert!(
        long.iter()
            .all(|name| name.starts_with(&zone) && name.len() < 64),
        "{names:?}"
    );
    let made: Timestamp = text(&nodes[0], "/metadata/creationTimestamp")
        .parse()
        .unwrap();
    let off = made.duration_since(Timestamp::now()).as_secs() - untidy.clock_ahead().as_secs();
    assert!(off.abs() < 120, "{made}");
}

async fn a_budget_selects_no_pods(viewer: &Client) {
    let budgets = list(viewer, "/apis/policy/v1/poddisruptionbudgets").await;
    let empty = budgets
        .iter()
        .find(|budget| budget["metadata"]["name"] == "left-behind");
    let status = &empty.unwrap()["status"];
    assert_eq!(
        (&status["expectedPods"], &status["disruptionsAllowed"]),
        (&0.into(), &0.into())
    );
}

async fn pods_crash_and_are_held(viewer: &Client, untidy: Untidy) {
    let pods = running(viewer, PODS).await;
    let crashing: Vec<&Value> = pods.iter().filter(|pod| !is_ready(pod)).collect();
    let mut on: Vec<&str> = crashing
        .iter()
        .map(|pod| text(pod, "/spec/nodeName"))
        .collect();
    on.sort_unstable();
    let letter = untidy.crashes_in();
    assert_eq!(on.len(), 2, "{on:?}");
    assert!(
        on[0] == format!("cp-{letter}") && on[1].starts_with(&format!("w-{letter}1")),
        "{on:?}"
    );
    let reason = "/status/containerStatuses/0/state/waiting/reason";
    assert!(
        crashing
            .iter()
            .all(|pod| text(pod, reason) == "CrashLoopBackOff")
    );
    let held: Vec<_> = pods
        .iter()
        .filter(|pod| pod["metadata"]["finalizers"].is_array())
        .collect();
    assert_eq!(held.len(), 1);
    assert_eq!(
        text(held[0], "/metadata/finalizers/0"),
        "example.com/backup"
    );
    assert!(text(held[0], "/spec/nodeName").starts_with("w-"));
}

/// How many of so many requests at once get an answer of 200.
async fn answered(client: &Client, count: usize) -> usize {
    let ask = |_| async {
        let request = http::Request::get("/api/v1/nodes").body(Vec::new().into());
        let answer = client.send(request.unwrap()).await;
        answer.is_ok_and(|answer| answer.status() == 200)
    };
    let answers = join_all((0..count).map(ask)).await;
    answers.into_iter().filter(|answered| *answered).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_roller_meets_troubles_and_those_who_judge_it_do_not() {
    let state = tempfile::tempdir().unwrap();
    let untidy = Untidy {
        seed: 1,
        held_pod: false,
    };
    let sandbox = start(state.path(), untidy).await;
    let viewer = client(&sandbox, platform::VIEWER).await;
    assert_eq!(answered(&viewer, 300).await, 300);
    let roller = client(&sandbox, platform::ROLLER).await;
    let answered = answered(&roller, 300).await;
    assert!((200..298).contains(&answered), "{answered} of 300");
    drop(sandbox);
    let again = SandboxOptions {
        state: state.path().to_owned(),
        timings: Timings::fast(),
        untidy: Some(Untidy {
            seed: 2,
            held_pod: false,
        }),
        listen: None,
    };
    let refused = Sandbox::start(again).await.err().unwrap();
    assert!(refused.to_string().contains("--untidy 1"), "{refused}");
}
