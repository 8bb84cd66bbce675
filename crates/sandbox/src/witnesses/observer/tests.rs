//! What an observer notices of its own watch, on an API that goes away, comes back, and forgets.

use std::{fs, net::SocketAddr, path::Path};

use serde_json::json;

use super::*;
use crate::{
    client::{connect, ensure},
    kubernetes::{Api as Served, KubernetesOptions},
};

/// One node, and one who watches it.
struct Watched {
    folder: tempfile::TempDir,
    address: SocketAddr,
    api: Served,
    client: Client,
    observer: Observer,
}

async fn serve(folder: &Path, listen: SocketAddr) -> Served {
    let options = KubernetesOptions {
        listen,
        ..KubernetesOptions::new(folder)
    };
    Served::start(options).await.unwrap()
}

impl Watched {
    async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let api = serve(folder.path(), SocketAddr::from(([127, 0, 0, 1], 0))).await;
        let client = connect(&api.admin_kubeconfig().unwrap()).await.unwrap();
        let watched = Self {
            address: api.address(),
            observer: Observer::start(&client),
            folder,
            api,
            client,
        };
        watched.add("w-1").await;
        assert_eq!(watched.seen().await, ["w-1"]);
        watched
    }

    /// Ends the API, lets something happen to its world, and starts it again where it was.
    async fn away(self, meanwhile: impl FnOnce(&Path)) -> Self {
        self.api.stop().await;
        meanwhile(self.folder.path());
        let api = serve(self.folder.path(), self.address).await;
        // The old one has connections that ended with the old server; the observer has to live with them, the test has not.
        let client = connect(&api.admin_kubeconfig().unwrap()).await.unwrap();
        Self {
            api,
            client,
            ..self
        }
    }

    async fn add(&self, name: &str) {
        let node = json!({"metadata": {"name": name}});
        ensure(&self.client, "/api/v1/nodes", &node).await.unwrap();
    }

    async fn seen(&self) -> Vec<String> {
        self.observer.caught_up().await.nodes.into_keys().collect()
    }
}

/// The server forgets what it did before it was started.
fn forget(folder: &Path) {
    let log = folder.join("objects.jsonl");
    let text = fs::read_to_string(&log).unwrap();
    let (header, objects) = text.split_once('\n').unwrap();
    let mut header: serde_json::Value = serde_json::from_str(header).unwrap();
    header["oldest"] = 1_000.into();
    fs::write(log, format!("{header}\n{objects}")).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_comes_back_and_remembers_leaves_no_gap() {
    let watched = Watched::start().await.away(|_| {}).await;
    watched.add("w-2").await;
    assert_eq!(watched.seen().await, ["w-1", "w-2"]);
    assert_eq!(watched.observer.observed().gaps, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_no_longer_knows_leaves_a_gap() {
    let watched = Watched::start().await.away(forget).await;
    watched.add("w-2").await;
    assert_eq!(watched.seen().await, ["w-1", "w-2"]);
    let gaps = watched.observer.observed().gaps;
    assert!(
        gaps.iter().any(|gap| gap.why.starts_with("nodes: ")),
        "{gaps:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_deleted_is_told_however_it_was_learned() {
    let watched = Watched::start().await;
    let nodes = Api::<Node>::all(watched.client.clone());
    nodes.delete("w-1", &Default::default()).await.unwrap();
    assert_eq!(watched.observer.caught_up().await.deleted, ["Node w-1"]);

    let mut seen = Seen::default();
    let node: Node = serde_json::from_value(json!({"metadata": {"name": "w-1"}})).unwrap();
    seen.see(Change::Listed(vec![node]), Observed::node);
    seen.see(Change::Listed(Vec::<Node>::new()), Observed::node);
    assert_eq!(seen.observed.deleted, ["Node w-1"]);
}

#[tokio::test]
async fn a_watch_that_never_catches_up_is_a_gap() {
    let watched = Watched::start().await;
    watched.api.stop().await;
    let gaps = watched.observer.caught_up_within(PAUSE).await.gaps;
    assert_eq!(gaps.len(), 1, "{gaps:?}");
    assert!(gaps[0].why.starts_with("could not list"), "{gaps:?}");
}

#[test]
fn an_object_at_another_revision_or_in_another_place_is_not_caught_up_with() {
    let of = |revision: &str| Revisions::from([("Node w-1".to_owned(), revision.to_owned())]);
    let seen = |revisions| Seen {
        revisions,
        ..Seen::default()
    };
    assert_eq!(seen(of("1")).behind(&of("1")), None);
    for (seen_so, there) in [
        (of("1"), of("2")),
        (of("1"), Revisions::new()),
        (Revisions::new(), of("1")),
    ] {
        assert!(
            seen(seen_so)
                .behind(&there)
                .unwrap()
                .starts_with("Node w-1: seen")
        );
    }
}
