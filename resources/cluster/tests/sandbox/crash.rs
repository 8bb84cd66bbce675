//! Killed right before and right after each write, and run again.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::{StreamExt, stream};
use serde_json::{Value, json};
use tokio::task::JoinHandle;
use trireme_sandbox::witnesses::observer::{Observed, Observer};

use crate::proxy::{At, KINDS, Proxy, Strike, Weather};
use crate::world::{NEW, World, finish, stderr};

/// Worlds at the same time: they mostly wait.
const AT_ONCE: usize = 4;
/// What a crash can do to a write.
const STRIKES: [Strike; 2] = [Strike::Before, Strike::After];

/// What an earlier run left behind, so that a kind of write becomes due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Course {
    /// Nothing.
    Plain,
    /// A Job that failed.
    FailedJob,
    /// A node that was cordoned, whose pods can not be evicted any more.
    StuckNode,
}

/// One small cluster, the proxy before it, and the judge.
struct Trial {
    course: Course,
    world: World,
    proxy: Proxy,
    observer: Observer,
    ending: Option<JoinHandle<()>>,
}

impl Drop for Trial {
    fn drop(&mut self) {
        if let Some(ending) = &self.ending {
            ending.abort();
        }
    }
}

impl Trial {
    async fn start(course: Course) -> Self {
        let world = match course {
            Course::FailedJob => World::small_with_jobs_that_wait().await,
            Course::Plain | Course::StuckNode => World::small().await,
        };
        let proxy = Proxy::start(&world.kubeconfig).await;
        let observer = Observer::start(&world.admin);
        let mut trial = Self {
            course,
            world,
            proxy,
            observer,
            ending: None,
        };
        match course {
            Course::Plain => {}
            Course::FailedJob => trial.fail_a_job().await,
            Course::StuckNode => trial.get_stuck().await,
        }
        trial
    }

    async fn fail_a_job(&mut self) {
        let failing = self.world.end_jobs(1);
        let output = self.world.run("out", &self.put()).await;
        failing.abort();
        assert!(stderr(&output).contains(" failed: "), "{}", stderr(&output));
        self.world.next_second().await;
        self.ending = Some(self.world.end_jobs(0));
    }

    async fn get_stuck(&self) {
        self.strike(At::First("cordon"), Strike::After);
        self.crash().await;
        self.world.add_second_budget().await;
    }

    fn strike(&self, at: At, how: Strike) {
        self.proxy.strike(at, how, Weather::Fair);
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

    /// Runs the put until the proxy falls silent, and kills it then. Says at which kind of write that was.
    async fn crash(&self) -> Option<&'static str> {
        let mut child = self.world.spawn("out", &self.put());
        let struck =
            async |_: &World| self.proxy.has_struck() || child.try_wait().unwrap().is_some();
        self.world.wait("the crash", struck).await;
        // One that has ended already is not there to be killed.
        let _ = child.kill();
        finish(child).await;
        // This test does not wait until the Lease of the killed put expires; a test of the roll does.
        self.world.shorten_lease().await;
        self.proxy.disarm()
    }

    /// Runs the put to its end and checks what the whole way was.
    async fn complete(&self) {
        if self.course == Course::StuckNode {
            self.world.remove_budget("web-too").await;
        }
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
        for kind in ["cordon", "evict", "job", "uncordon"] {
            let of_kind = counts.iter().filter(|((own, _), _)| *own == kind);
            for ((_, object), count) in of_kind.clone() {
                assert!(*count <= self.most(kind), "{count} times {kind} {object}");
            }
            // Each node has a pod at first.
            assert!(of_kind.count() >= 2, "{kind}");
        }
    }

    /// How often one object may be written to in this way.
    fn most(&self, kind: &str) -> usize {
        match (self.course, kind) {
            // The Job that failed, and the one after it.
            (Course::FailedJob, "job") => 2,
            // Given back, and begun anew; or begun anew after its Job has failed.
            (Course::StuckNode | Course::FailedJob, "cordon") => 2,
            _ => 1,
        }
    }

    async fn survive(course: Course, at: At, how: Strike) -> Option<(&'static str, Strike)> {
        let trial = Self::start(course).await;
        trial.strike(at, how);
        let struck = trial.crash().await;
        trial.complete().await;
        struck.map(|kind| (kind, how))
    }
}

/// Both nodes are new and take pods, as far as was seen.
fn is_over(seen: &Observed) -> bool {
    let mut last = seen.nodes.values().map(|samples| samples.last());
    let done = last.all(|last| last.is_some_and(|last| last.version == NEW && last.schedulable));
    done && seen.nodes.len() == 2
}

/// Every write of a plain roll, those that are due only after trouble, and those whose place follows from how long a roll takes.
async fn crashes() -> Vec<(Course, At, Strike)> {
    let whole = Trial::start(Course::Plain).await;
    whole.complete().await;
    let plain = (1..=whole.proxy.writes().len()).map(|number| (Course::Plain, At::Write(number)));
    let others = [
        (Course::Plain, At::First("renew")),
        (Course::Plain, At::First("record again")),
        (Course::FailedJob, At::First("retire")),
        (Course::StuckNode, At::First("restore")),
    ];
    let all = plain.chain(others);
    all.flat_map(|(course, at)| STRIKES.map(|how| (course, at, how)))
        .collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_before_and_after_every_write_it_finishes_and_disturbs_nothing_twice() {
    let trials = stream::iter(crashes().await)
        .map(|(course, at, how)| Trial::survive(course, at, how))
        .buffer_unordered(AT_ONCE);
    let struck: BTreeSet<_> = trials
        .collect::<Vec<_>>()
        .await
        .into_iter()
        .flatten()
        .collect();
    let all = KINDS.iter();
    let all = all.flat_map(|(kind, _, _)| STRIKES.map(|how| (*kind, how)));
    // Neither a kind without a crash nor a write of no kind.
    assert_eq!(struck, all.collect());
}

/// The rights to write, from `rbac.yaml`: verb and resource.
fn rights_to_write() -> BTreeSet<(String, String)> {
    let documents: Vec<Value> =
        serde_saphyr::from_multiple(include_str!("../../rbac.yaml")).unwrap();
    let rules = documents
        .iter()
        .filter_map(|document| document["rules"].as_array());
    let texts = |list: &Value| -> Vec<String> { serde_json::from_value(list.clone()).unwrap() };
    let pairs = rules.flatten().flat_map(|rule| {
        let (verbs, resources) = (texts(&rule["verbs"]), texts(&rule["resources"]));
        let pair = |resource: String| {
            verbs
                .clone()
                .into_iter()
                .map(move |verb| (verb, resource.clone()))
        };
        resources.into_iter().flat_map(pair).collect::<Vec<_>>()
    });
    pairs
        .filter(|(verb, _)| !["get", "list", "watch"].contains(&verb.as_str()))
        .collect()
}

#[test]
fn every_right_to_write_has_a_kind_of_write_that_is_crashed() {
    let known = KINDS.map(|(_, verb, resource)| (verb.to_owned(), resource.to_owned()));
    assert_eq!(rights_to_write(), BTreeSet::from(known));
}
