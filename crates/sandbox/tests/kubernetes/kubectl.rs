//! The real kubectl works on the sandbox.

use std::path::PathBuf;

use serde_json::json;
use trireme_peers::{Ran, Tool};

use crate::world::World;

/// kubectl as administrator of a world, in its folder.
#[derive(Clone)]
struct Kubectl {
    dir: PathBuf,
}

impl Kubectl {
    fn of(world: &World) -> Self {
        let dir = world.dir.path().to_owned();
        let config = world.api.admin_kubeconfig().expect("a kubeconfig");
        std::fs::write(dir.join("kubeconfig"), config).expect("a file");
        Self { dir }
    }

    /// Runs it with these words, whatever its exit code.
    async fn run(&self, words: &str) -> Ran {
        let (dir, words) = (self.dir.clone(), words.to_owned());
        let run = move || {
            let kubectl = Tool::new("kubectl").expect("kubectl is installed");
            let kubectl = kubectl.env("KUBECONFIG", dir.join("kubeconfig")).dir(dir);
            kubectl
                .args(words.split(' '))
                .run()
                .expect("kubectl starts")
        };
        tokio::task::spawn_blocking(run).await.expect("it ends")
    }

    /// Every command must succeed and say what is expected.
    async fn all_say(&self, table: &[(&str, &str)]) {
        for (words, expected) in table {
            let ran = self.run(words).await;
            let works = ran.code == Some(0) && ran.stdout.contains(expected);
            assert!(works, "kubectl {words}: {ran:?}");
        }
    }

    /// Every command must fail and say why.
    async fn all_fail(&self, table: &[(&str, &str)]) {
        for (words, expected) in table {
            let ran = self.run(words).await;
            let fails = ran.code == Some(1) && ran.stderr.contains(expected);
            assert!(fails, "kubectl {words}: {ran:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kubectl_works_on_the_sandbox() {
    let world = World::with_web(3).await;
    let kubectl = Kubectl::of(&world);
    kubectl
        .all_say(&[
            ("get nodes", "w-a    Ready"),
            ("get nodes -L topology.kubernetes.io/zone", "az-a"),
            ("get pods -n shop -o wide", "READINESS GATES"),
            (
                "get deployments,daemonsets,jobs,pdb -A",
                "deployment.apps/web",
            ),
            ("describe node w-a", "topology.kubernetes.io/zone=az-a"),
            ("describe pods -n shop", "Controlled By:  ReplicaSet/web-"),
            ("describe deployment web -n shop", "3 available"),
            ("auth can-i delete pods", "yes"),
            ("auth whoami", "sandbox-admin"),
            ("auth can-i --list", "*.*"),
            ("cordon w-a", "node/w-a cordoned"),
            ("get node w-a", "Ready,SchedulingDisabled"),
            ("uncordon w-a", "node/w-a uncordoned"),
            ("drain w-a --timeout=30s", "node/w-a drained"),
            ("delete deployment web -n shop", "\"web\" deleted"),
        ])
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kubectl_is_told_what_it_may_not_and_what_is_not_served() {
    let world = World::with_web(3).await;
    world
        .with_budget("web", json!({"minAvailable": "100%"}))
        .await;
    let kubectl = Kubectl::of(&world);
    let violates = "Cannot evict pod as it would violate the pod's disruption budget";
    kubectl
        .all_fail(&[
            ("drain w-a --timeout=6s", violates),
            ("drain w-b --timeout=6s --dry-run=server", violates),
            (
                "get pod nobody -n shop",
                "Error from server (NotFound): pods \"nobody\" not found",
            ),
            (
                "get nodes --as=jane",
                "(Forbidden): nodes is forbidden: User \"jane\" cannot list",
            ),
            (
                "get endpoints -n shop",
                "the server doesn't have a resource type \"endpoints\"",
            ),
            ("logs deployment/web -n shop", "(NotFound)"),
            (
                "delete --raw /api/v1/namespaces",
                "does not allow this method",
            ),
        ])
        .await;
    let events = kubectl.run("get events -n shop").await;
    assert!(events.stderr.contains("No resources found"), "{events:?}");
    let refused = kubectl.run("auth can-i delete pods --as=jane").await;
    assert_eq!((refused.code, refused.stdout.trim()), (Some(1), "no"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kubectl_watches_the_sandbox() {
    let world = World::start().await;
    let kubectl = Kubectl::of(&world);
    let words = "get configmap -n shop -w --output-watch-events --request-timeout=3s";
    let watching = tokio::spawn({
        let kubectl = kubectl.clone();
        async move { kubectl.run(words).await }
    });
    // It sees each change from the begin of its watch until its own timeout.
    let maps = "/api/v1/namespaces/shop/configmaps";
    let body = json!({"metadata": {"name": "x"}});
    while !watching.is_finished() {
        world.admin.ok("POST", maps, body.clone()).await;
        let patch = json!({"data": {"a": "b"}});
        world.admin.merge(&format!("{maps}/x"), patch).await;
        let path = format!("{maps}/x");
        world.admin.ok("DELETE", &path, json!(null)).await;
    }
    let seen = watching.await.unwrap().stdout;
    for event in ["ADDED      x", "MODIFIED   x", "DELETED    x"] {
        assert!(seen.contains(event), "{event}: {seen}");
    }
}
