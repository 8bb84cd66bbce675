//! Killed right before and right after each write, and run again.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::{StreamExt, stream};
use serde_json::{Value, json};
use trireme_sandbox::clients::observer::{Observed, Observer};

use crate::proxy::{Proxy, Strike};
use crate::world::{NEW, World, finish, stderr};

/// Every kind of write that a roll makes.
const KINDS: [&str; 6] = ["lease", "record", "cordon", "evict", "act", "uncordon"];
/// Worlds at the same time: they mostly wait.
const AT_ONCE: usize = 4;

/// One small cluster, the proxy before it, and the judge.
struct Trial {
    world: World,
    proxy: Proxy,
    observer: Observer,
}

impl Trial {
    async fn start(strike: Option<(usize, Strike)>) -> Self {
        let world = World::small().await;
        let proxy = Proxy::start(&world.kubeconfig, strike).await;
        let observer = Observer::start(&world.admin);
        Self {
            world,
            proxy,
            observer,
        }
    }

    fn put(&self) -> Value {
        let (server, token) = self.proxy.server();
        json!({
            "source": {
                "server": server, "token": token,
                "act": {"image": "registry.example/node-act:1"},
            },
            "params": {"version": NEW},
        })
    }

    /// Runs the put until the proxy falls silent, and kills it then.
    async fn crash(&self) {
        let mut child = self.world.spawn("out", &self.put());
        let struck =
            async |_: &World| self.proxy.struck().is_some() || child.try_wait().unwrap().is_some();
        self.world.wait("the crash", struck).await;
        // One that has ended already is not there to be killed.
        let _ = child.kill();
        finish(child).await;
        self.proxy.disarm();
        // Nobody waits for the Lease of the dead here; a test of the roll does.
        self.world.shorten_lease().await;
    }

    /// Runs the put to its end and checks what the whole way was.
    async fn complete(&self) {
        let output = self.world.run("out", &self.put()).await;
        assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
        self.world
            .wait("the observer", async |_| is_over(&self.observer.observed()))
            .await;
        let seen = self.observer.observed();
        assert_eq!(seen.budget_violations, 0);
        assert!(!seen.budgets["shop/web"].is_empty());
        assert_eq!(self.world.cordoned().await, [""; 0]);
        assert!(!self.world.is_held().await);
        self.check_writes();
    }

    fn check_writes(&self) {
        let mut counts: BTreeMap<(&str, String), usize> = BTreeMap::new();
        for write in self.proxy.writes().into_iter().filter(|write| write.done) {
            *counts.entry((write.kind, write.object)).or_default() += 1;
        }
        for kind in ["cordon", "evict", "act", "uncordon"] {
            let of_kind = counts.iter().filter(|((own, _), _)| *own == kind);
            for ((_, object), count) in of_kind.clone() {
                assert_eq!(*count, 1, "{kind} {object}");
            }
            // Each node has a pod at first.
            assert!(of_kind.count() >= 2, "{kind}");
        }
    }
}

/// Both nodes are new and take pods, as far as was seen.
fn is_over(seen: &Observed) -> bool {
    let mut last = seen.nodes.values().map(|samples| samples.last());
    let done = last.all(|last| last.is_some_and(|last| last.version == NEW && last.schedulable));
    done && seen.nodes.len() == 2
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_before_and_after_every_write_it_finishes_and_disturbs_nothing_twice() {
    let whole = Trial::start(None).await;
    whole.complete().await;
    let writes = whole.proxy.writes().len();
    let all = (1..=writes).flat_map(|at| [(at, Strike::Before), (at, Strike::After)]);
    let trials = stream::iter(all).map(async |strike| {
        let trial = Trial::start(Some(strike)).await;
        trial.crash().await;
        trial.complete().await;
        trial.proxy.struck().map(|kind| (kind, strike.1))
    });
    let struck: BTreeSet<_> = trials
        .buffer_unordered(AT_ONCE)
        .collect::<Vec<_>>()
        .await
        .into_iter()
        .flatten()
        .collect();
    for kind in KINDS {
        for how in [Strike::Before, Strike::After] {
            assert!(struck.contains(&(kind, how)), "{kind}, {how:?}");
        }
    }
}
