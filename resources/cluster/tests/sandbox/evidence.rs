//! The evidence of a roll in a repository, however the roll ended.

use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use trireme_evidence::{InventoryFile, NodeState, Outcome, RollFile};
use trireme_registry::{ArtifactFile, Credentials, Repository};
use trireme_sandbox::registry::{Access, Registry, RegistryOptions};
use trireme_transport::{Client, Options};

use crate::world::{NEW, OLD, World, finish, stderr, terminate};

const PASSWORD: &str = "evidence-password";

/// A registry of the sandbox; it ends with this value.
struct Served {
    host: String,
    _folder: TempDir,
    _server: JoinSet<()>,
}

impl Served {
    async fn start() -> Self {
        let folder = TempDir::new().unwrap();
        let registry = Registry::open(RegistryOptions {
            folder: folder.path().to_owned(),
            access: Access::new("robot", PASSWORD),
            page_size: 100,
        });
        let router = registry.unwrap().router();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let mut server = JoinSet::new();
        server.spawn(async move { axum::serve(listener, router).await.unwrap_or_default() });
        Self {
            host: format!("localhost:{port}"),
            _folder: folder,
            _server: server,
        }
    }

    /// The files that a tag points to.
    async fn files(&self, tag: &str) -> Vec<ArtifactFile> {
        let client = Client::new(Options::default()).unwrap();
        let name = format!("{}/team/evidence", self.host).parse().unwrap();
        let credentials = Credentials {
            username: "robot".into(),
            password: PASSWORD.into(),
        };
        let repository = Repository::new(client, name, Some(credentials), false, |_| {});
        let kind = "application/vnd.trireme.roll.v1";
        let pulled = repository.pull_artifact(tag, kind, 1 << 24).await;
        pulled.unwrap().1
    }
}

/// The source of `world` with a repository for its evidence.
fn source(world: &World, host: &str) -> Value {
    let mut source = world.source();
    source["evidence"] = json!({
        "repository": format!("{host}/team/evidence"), "tag": "latest", "username": "robot", "password": PASSWORD,
    });
    source
}

fn put(source: &Value) -> Value {
    json!({"source": source, "params": {"version": NEW}})
}

fn read(world: &World, name: &str) -> Vec<u8> {
    std::fs::read(world.dir.path().join("work").join(name)).unwrap()
}

/// What a `get` of the version that is due or done writes of its roll.
async fn get(world: &World, source: &Value) -> RollFile {
    let mut source = source.clone();
    source["version"] = json!(NEW);
    let request = json!({"source": source, "version": null});
    let checked = world.run("check", &request).await;
    let versions: Value = serde_json::from_slice(&checked.stdout).unwrap();
    let _ = std::fs::remove_dir_all(world.dir.path().join("work"));
    let request = json!({"source": source, "version": versions[0]});
    let output = world.run("in", &request).await;
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    RollFile::from_json(&read(world, "roll.json")).unwrap()
}

fn done_nodes(roll: &RollFile) -> Vec<&str> {
    let done = roll
        .nodes
        .iter()
        .filter(|node| node.state == NodeState::Done);
    done.map(|node| node.name.as_str()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_roll_that_is_done_is_stored_and_a_get_writes_it_from_there_byte_for_byte() {
    let (world, registry) = (World::small().await, Served::start().await);
    let source = source(&world, &registry.host);
    let output = world.run("out", &put(&source)).await;
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let said = format!("stored as {}/team/evidence@sha256:", registry.host);
    assert!(stderr(&output).contains(&said), "{}", stderr(&output));
    assert!(!stderr(&output).contains(PASSWORD));
    let made = String::from_utf8(output.stdout.clone()).unwrap();
    assert!(made.contains("/team/evidence@sha256:"), "{made}");

    let roll = get(&world, &source).await;
    assert_eq!((roll.outcome, &roll.reason), (Outcome::Done, &None));
    assert_eq!((roll.from.as_str(), roll.to.as_str()), (OLD, NEW));
    assert_eq!(done_nodes(&roll).len(), 2);
    for node in &roll.nodes {
        assert_eq!(
            (node.one_clock, node.attempts.len()),
            (Some(true), 1),
            "{node:?}"
        );
        assert!(node.seconds.is_some());
    }
    assert_eq!(roll.runs.len(), 1);
    assert_eq!(roll.budgets[0].title(), "shop/web");
    let stored = registry.files("latest").await;
    let names: Vec<_> = stored.iter().map(|file| file.name.as_str()).collect();
    assert_eq!(names, ["roll.json", "report.html", "plan.txt"]);
    let plan = String::from_utf8(stored[2].bytes.to_vec()).unwrap();
    assert!(
        plan.contains(&format!("Kubernetes {OLD} to {NEW}")),
        "{plan}"
    );
    for file in &stored[..2] {
        assert_eq!(read(&world, &file.name), file.bytes, "{}", file.name);
    }
    let inventory = InventoryFile::from_json(&read(&world, "inventory.json")).unwrap();
    assert_eq!(inventory.nodes.len(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_roll_that_failed_is_stored_with_its_reason_and_the_run_that_goes_on_replaces_it() {
    let (world, registry) = (
        World::small_with_jobs_that_wait().await,
        Served::start().await,
    );
    let source = source(&world, &registry.host);
    let ending = world.end_jobs(1);
    let output = world.run("out", &put(&source)).await;
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    ending.abort();
    let roll = get(&world, &source).await;
    assert_eq!(roll.outcome, Outcome::Failed);
    let reason = roll.reason.as_deref().unwrap();
    assert!(
        reason.contains("Job trireme-") && reason.contains("failed"),
        "{reason}"
    );
    assert_eq!(roll.left_cordoned.len(), 1);
    let states: Vec<_> = roll.nodes.iter().map(|node| node.state).collect();
    assert_eq!(states, [NodeState::Begun, NodeState::NotBegun]);
    let first = roll.roll.clone();

    let ending = world.end_jobs(0);
    let output = world.run("out", &put(&source)).await;
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    ending.abort();
    let roll = get(&world, &source).await;
    assert_eq!((roll.outcome, roll.left_cordoned.len()), (Outcome::Done, 0));
    assert_eq!(roll.nodes_done(), 2);
    assert_eq!(roll.roll, first, "the same roll");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_roll_that_is_aborted_is_stored_within_the_time_that_is_left() {
    let (world, registry) = (
        World::small_with_jobs_that_wait().await,
        Served::start().await,
    );
    let source = source(&world, &registry.host);
    let child = world.spawn("out", &put(&source));
    let begun = async |world: &World| !world.jobs().await.is_empty();
    world.wait("a Job", begun).await;
    terminate(&child);
    let output = finish(child).await;
    assert_eq!(output.status.code(), Some(75), "{}", stderr(&output));
    let roll = get(&world, &source).await;
    assert_eq!(roll.outcome, Outcome::Aborted);
    assert!(roll.reason.unwrap().contains("interrupted"));
    let page = String::from_utf8(read(&world, "report.html")).unwrap();
    assert!(page.contains("Roll to v1.37.2: aborted"), "{page}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_registry_that_is_away_changes_no_outcome_and_a_get_writes_what_the_cluster_has() {
    let world = World::small().await;
    // Taken and closed again: no one listens there.
    let free = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let host = format!("localhost:{}", free.local_addr().unwrap().port());
    drop(free);
    let source = source(&world, &host);
    let output = world.run("out", &put(&source)).await;
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert!(
        stderr(&output).contains("could not be stored in"),
        "{}",
        stderr(&output)
    );
    let roll = get(&world, &source).await;
    assert_eq!((roll.outcome, roll.nodes_done()), (Outcome::Done, 2));
    assert_eq!(roll.budgets.len(), 1, "from the record");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_repository_that_is_not_described_as_it_must_be_stops_a_put_before_it_begins() {
    let world = World::small().await;
    for (evidence, named) in [
        (
            json!({"repository": "Not A Name"}),
            "source.evidence.repository",
        ),
        (
            json!({"repository": "r.example/e", "tag": "a b"}),
            "source.evidence.tag",
        ),
        (
            json!({"repository": "r.example/e", "username": "robot"}),
            "source.evidence",
        ),
        (json!({"repository": "r.example/e", "token": "x"}), "token"),
    ] {
        let mut source = world.source();
        source["evidence"] = evidence;
        let output = world.run("out", &put(&source)).await;
        assert_eq!(output.status.code(), Some(78), "{}", stderr(&output));
        assert!(stderr(&output).contains(named), "{}", stderr(&output));
    }
    assert_eq!(world.jobs().await.len(), 0);
}
