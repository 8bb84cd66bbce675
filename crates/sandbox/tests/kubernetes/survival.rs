//! The world outlives its process, however that ends.

use std::{
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
};

use serde_json::{Value, json};
use trireme_sandbox::kubernetes::Api;

use crate::world::{Caller, World, options};

/// Set in the child: the state folder of the API that it is to serve until it is killed.
const CHILD: &str = "TRIREME_TEST_API_STATE";

#[tokio::test]
async fn a_restarted_api_has_the_same_world_tokens_and_certificate() {
    let world = World::with_web(2).await;
    let (ca, token) = (
        world.api.ca_pem().to_owned(),
        world.api.token_for("a").unwrap(),
    );
    let pods: Vec<_> = world
        .pods()
        .await
        .iter()
        .map(|pod| pod["metadata"]["uid"].clone())
        .collect();
    let World { api, admin, dir } = world;
    drop(admin);
    api.stop().await;
    let api = Api::start(options(dir.path())).await.unwrap();
    assert_eq!(
        (api.ca_pem(), api.token_for("a").unwrap()),
        (ca.as_str(), token)
    );
    let admin = Caller::new(&api.admin_kubeconfig().unwrap()).await;
    let world = World { api, admin, dir };
    let again: Vec<_> = world
        .pods()
        .await
        .iter()
        .map(|pod| pod["metadata"]["uid"].clone())
        .collect();
    assert_eq!(pods, again);
}

/// Not a test of its own: the process that the next one kills.
#[tokio::test]
async fn child_that_serves_until_it_is_killed() {
    let Ok(dir) = std::env::var(CHILD) else {
        return;
    };
    let api = Api::start(options(Path::new(&dir))).await.unwrap();
    let config: Value = serde_json::from_str(&api.admin_kubeconfig().unwrap()).unwrap();
    // Standard error, which the test harness leaves alone when asked to.
    eprintln!("kubeconfig {config}");
    std::future::pending::<()>().await;
}

fn serve(dir: &Path) -> (Child, String) {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args([
            "survival::child_that_serves_until_it_is_killed",
            "--exact",
            "--nocapture",
        ])
        .env(CHILD, dir)
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let mut kubeconfigs = lines
        .map_while(Result::ok)
        .filter_map(|line| line.strip_prefix("kubeconfig ").map(str::to_owned));
    let kubeconfig = kubeconfigs.next().unwrap();
    (child, kubeconfig)
}

/// Kill -9 in the midst of writes, five times: what was acknowledged is there, and the API serves again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_acknowledged_write_survives_a_kill_at_any_instant() {
    let dir = tempfile::tempdir().unwrap();
    let mut acknowledged: Vec<String> = Vec::new();
    for round in 0..5 {
        let (mut child, kubeconfig) = serve(dir.path());
        let caller = Caller::new(&kubeconfig).await;
        let maps = "/api/v1/namespaces/default/configmaps";
        let list = caller.get(maps).await;
        let names: Vec<_> = list["items"]
            .as_array()
            .unwrap()
            .iter()
            .map(|map| map["metadata"]["name"].as_str().unwrap().to_owned())
            .collect();
        for name in &acknowledged {
            assert!(names.contains(name), "{name} is lost in round {round}");
        }
        let pid = child.id();
        let writes = 10 + round * 7;
        for n in 0.. {
            let name = format!("m-{round}-{n}");
            if n == writes {
                // Killed while the next writes are under way.
                std::thread::spawn(move || {
                    Command::new("kill").args(["-9", &pid.to_string()]).status()
                });
            }
            let body = json!({"metadata": {"name": name}, "data": {"text": "x".repeat(5000)}});
            let request = http::Request::post(maps).header("content-type", "application/json");
            let request = request.body(body.to_string().into_bytes().into()).unwrap();
            match caller.0.send(request).await {
                Ok(answer) if answer.status() == 201 => acknowledged.push(name),
                Ok(answer) => panic!("{}", answer.status()),
                Err(_) => break,
            }
        }
        child.wait().unwrap();
    }
    assert!(acknowledged.len() > 100);
}
