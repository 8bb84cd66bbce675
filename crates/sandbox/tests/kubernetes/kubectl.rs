//! The real kubectl works on the sandbox.

use serde_json::json;
use trireme_peers::Tool;

use crate::world::World;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kubectl_works_on_the_sandbox() {
    let world = World::with_web(3).await;
    let file = world.dir.path().join("kubeconfig");
    std::fs::write(&file, world.api.admin_kubeconfig().unwrap()).unwrap();
    let map = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x"}});
    std::fs::write(world.dir.path().join("map.json"), map.to_string()).unwrap();
    let run = |arguments: &'static str| {
        let (file, dir) = (file.clone(), world.dir.path().to_owned());
        tokio::task::spawn_blocking(move || {
            let kubectl = Tool::new("kubectl").unwrap().env("KUBECONFIG", file);
            kubectl
                .dir(dir)
                .args(arguments.split(' '))
                .succeed()
                .unwrap()
        })
    };
    for (arguments, expected) in [
        ("get nodes", "w-a    Ready"),
        ("get pods -n shop -o wide", "1/1"),
        ("describe node w-a", "topology.kubernetes.io/zone=az-a"),
        ("describe deployment web -n shop", "3 available"),
        ("auth can-i delete pods", "yes"),
        ("create -f map.json -n shop", "configmap/x created"),
        ("cordon w-a", "node/w-a cordoned"),
        ("uncordon w-a", "node/w-a uncordoned"),
        (
            "drain w-a --ignore-daemonsets --timeout=30s",
            "node/w-a drained",
        ),
        ("delete configmap x -n shop", "configmap \"x\" deleted"),
        (
            "wait deployment/web -n shop --for=condition=Available --timeout=20s",
            "condition met",
        ),
    ] {
        let output = run(arguments).await.unwrap();
        assert!(output.contains(expected), "kubectl {arguments}: {output}");
    }
}
