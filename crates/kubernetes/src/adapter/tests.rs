use std::collections::BTreeMap;

use http::Method;
use serde_json::{Value, json};
use trireme_blueprint::{Before, Policy, RolledAnnotation, Wanted, Window};

use super::*;
use crate::fake::{Asked, BUDGETS, Fake, JOBS, KINDS, NODES, PODS, budget, node, pod};
use crate::names;

mod jobs;
mod still_cordoned;

const SECOND: Duration = Duration::from_secs(1);

fn goal() -> Goal {
    Goal {
        blueprint: "b1".into(),
        roll: "r1".into(),
        epoch: 7,
        wanted: Wanted {
            version: "v1.37.2".parse().unwrap(),
            images: BTreeMap::new(),
        },
        policy: Policy::default(),
        window: Window::Open,
        before: Before::default(),
    }
}

fn spec() -> ActionSpec {
    ActionSpec {
        image: "registry.example/act@sha256:00".into(),
        command: Vec::new(),
        args: Vec::new(),
        env: BTreeMap::new(),
        host: true,
    }
}

fn roll_annotation() -> Value {
    json!({
        "blueprint": "b1", "attempt": "a1", "roll": "r1", "epoch": 7, "from": "v1.36.4", "to": "v1.37.2",
        "cordoned_at": "2026-01-01T00:00:00Z",
    })
}

fn version() -> NodeVersion {
    NodeVersion {
        name: "w-1".into(),
        resource_version: "17".into(),
    }
}

fn cordon() -> Action {
    let annotation = serde_json::from_value(roll_annotation()).unwrap();
    Action::Cordon {
        node: version(),
        annotation: Box::new(annotation),
    }
}

fn uncordon() -> Action {
    let mut rolled = roll_annotation();
    for key in ["drained_at", "acted_at", "ready_at", "uncordoned_at"] {
        rolled[key] = json!("2026-01-01T00:00:00Z");
    }
    let annotation: RolledAnnotation = serde_json::from_value(rolled).unwrap();
    Action::Uncordon {
        node: version(),
        annotation: Box::new(annotation),
    }
}

fn start_job(start: Start) -> Action {
    let mut annotation = roll_annotation();
    annotation["started"] = json!(true);
    Action::StartJob {
        node: version(),
        annotation: serde_json::from_value(annotation).unwrap(),
        start,
    }
}

fn evict(pod: Pod) -> Action {
    Action::Evict {
        node: "w-1".into(),
        attempt: "a1".into(),
        pod: Box::new(pod),
    }
}

/// Node `w-1` as the attempt has cordoned it, with `changes` to its annotation.
fn cordoned(changes: &[(&str, Value)]) -> Value {
    let mut annotation = roll_annotation();
    for (key, value) in changes {
        annotation[*key] = value.clone();
    }
    let mut node = node(
        "w-1",
        "v1.36.4",
        &json!({names::ROLL: annotation.to_string()}),
    );
    node["spec"] = json!({"unschedulable": true});
    node
}

/// A cluster of one worker with `pods` pods, and what it needs to be a platform.
struct World {
    fake: Fake,
    cluster: Cluster,
    lease: Lease,
    spec: ActionSpec,
}

impl World {
    async fn new(pods: usize) -> Self {
        let fake = Fake::new();
        fake.has(
            NODES,
            &[
                node("w-1", "v1.36.4", &json!({})),
                node("cp-1", "v1.37.2", &json!({})),
            ],
        );
        let pods: Vec<_> = (0..pods)
            .map(|at| pod(&format!("web-{at}"), "w-1"))
            .collect();
        fake.has(PODS, &pods);
        fake.has(BUDGETS, &[budget("1", 1)]);
        let cluster = fake.cluster();
        let lease = Lease::take(&cluster, |_, _| ()).await.unwrap();
        Self {
            fake,
            cluster,
            lease,
            spec: spec(),
        }
    }

    /// The platform, once everything is observed; what it was asked until then is forgotten.
    async fn platform(&self) -> KubernetesPlatform<'_> {
        let platform = KubernetesPlatform::start(&self.cluster, &self.lease, &self.spec);
        let mut watched = 0;
        for _ in 0..100 {
            watched += self
                .fake
                .asked()
                .iter()
                .filter(|asked| asked.is_watch())
                .count();
            if platform.observe().await.is_ok() && watched >= KINDS.len() {
                self.fake.asked();
                return platform;
            }
            platform.watch(SECOND).await;
        }
        panic!("it is not observed");
    }

    /// The same, once node `w-1` is as the attempt has cordoned it.
    async fn begun(&self) -> KubernetesPlatform<'_> {
        self.fake.has(NODES, &[cordoned(&[])]);
        self.platform().await
    }

    /// The writes since the last call.
    fn writes(&self) -> Vec<Asked> {
        let asked = self.fake.asked().into_iter();
        asked.filter(|asked| asked.method != Method::GET).collect()
    }
}

async fn commit(platform: &KubernetesPlatform<'_>, action: &Action) -> Answer {
    platform
        .perform(&goal(), action, Mode::Commit)
        .await
        .unwrap()
}

async fn dry_run(platform: &KubernetesPlatform<'_>, action: &Action) -> Answer {
    platform
        .perform(&goal(), action, Mode::DryRun)
        .await
        .unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_write_to_a_node_is_one_patch_that_fails_when_the_node_has_changed() {
    let world = World::new(0).await;
    let platform = world.platform().await;
    let back = Action::GiveBack { node: version() };
    for (action, unschedulable, roll, rolled) in [
        (cordon(), json!(true), true, false),
        (uncordon(), Value::Null, false, true),
        (back, Value::Null, false, false),
    ] {
        assert_eq!(commit(&platform, &action).await, Answer::Accepted);
        let writes = world.writes();
        let [patch] = writes.as_slice() else {
            panic!("{writes:?}");
        };
        assert_eq!(
            (&patch.method, patch.path.as_str()),
            (&Method::PATCH, "/api/v1/nodes/w-1")
        );
        assert_eq!(patch.parameter("fieldManager").unwrap(), "trireme");
        assert_eq!(patch.parameter("dryRun"), None);
        let metadata = &patch.body["metadata"];
        assert_eq!(metadata["resourceVersion"], "17");
        assert_eq!(patch.body["spec"], json!({"unschedulable": unschedulable}));
        let annotations = metadata["annotations"].as_object().unwrap();
        assert_eq!(annotations[names::EPOCH], "7");
        assert_eq!(annotations[names::ROLL].is_string(), roll, "{action}");
        assert_eq!(annotations[names::ROLLED].is_string(), rolled, "{action}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_node_that_has_changed_is_looked_at_again_and_one_that_may_not_be_written_is_refused() {
    let world = World::new(0).await;
    let platform = world.platform().await;
    for (code, reason) in [(409, "Conflict"), (404, "NotFound")] {
        world
            .fake
            .will_answer("/nodes/w-1", code, json!({"reason": reason}));
        assert_eq!(commit(&platform, &cordon()).await, Answer::Outdated);
    }
    world
        .fake
        .will_answer("/nodes/w-1", 403, json!({"message": "no"}));
    let Answer::Refused(reason) = commit(&platform, &cordon()).await else {
        panic!("not refused");
    };
    assert!(reason.starts_with("the API answered 403: no"), "{reason}");
    world
        .fake
        .will_answer("/nodes/w-1", 500, json!({"message": "etcd"}));
    let unknown = platform.perform(&goal(), &cordon(), Mode::Commit).await;
    assert!(unknown.unwrap_err().may_pass());
    world.fake.asked();
    let no_version = Action::GiveBack {
        node: NodeVersion {
            resource_version: String::new(),
            ..version()
        },
    };
    assert_eq!(commit(&platform, &no_version).await, Answer::Outdated);
    assert!(world.writes().is_empty());
}

#[tokio::test(start_paused = true)]
async fn before_a_node_is_begun_each_pod_and_the_job_are_asked_for() {
    let world = World::new(12).await;
    let platform = world.platform().await;
    assert_eq!(dry_run(&platform, &cordon()).await, Answer::Accepted);
    let writes = world.writes();
    assert_eq!(writes.len(), 13);
    assert!(
        writes
            .iter()
            .all(|asked| asked.parameter("dryRun").unwrap() == "All")
    );
    assert_eq!(writes[12].path, JOBS);
}

#[tokio::test(start_paused = true)]
async fn a_pod_that_may_not_leave_now_is_named_and_not_asked_for_again_at_once() {
    let world = World::new(1).await;
    let platform = world.platform().await;
    let blocked = json!({
        "reason": "TooManyRequests", "message": "Cannot evict pod",
        "details": {"causes": [{"reason": "DisruptionBudget", "message": "web needs 3"}], "retryAfterSeconds": 10},
    });
    world.fake.will_answer("eviction", 429, blocked);
    let expected = Answer::NotNow("pod shop/web-0: web needs 3".into());
    assert_eq!(dry_run(&platform, &cordon()).await, expected);
    assert_eq!(world.writes().len(), 1);
    assert_eq!(dry_run(&platform, &cordon()).await, expected);
    assert!(world.writes().is_empty());
    // Its budget has changed and allows an eviction.
    world.fake.send(BUDGETS, "MODIFIED", &budget("2", 1));
    platform.watch(SECOND).await;
    assert_eq!(dry_run(&platform, &cordon()).await, Answer::Accepted);
}

#[tokio::test(start_paused = true)]
async fn a_node_that_was_begun_is_asked_only_for_its_job() {
    let world = World::new(3).await;
    let annotations = json!({names::ROLL: roll_annotation().to_string()});
    world
        .fake
        .has(NODES, &[node("w-1", "v1.36.4", &annotations)]);
    let platform = world.platform().await;
    world
        .fake
        .will_answer("/jobs", 403, json!({"message": "the policy forbids it"}));
    let Answer::Refused(reason) = dry_run(&platform, &cordon()).await else {
        panic!("not refused");
    };
    assert!(reason.contains("the policy forbids it"), "{reason}");
    assert_eq!(world.writes().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn an_eviction_names_the_pod_that_was_seen() {
    let world = World::new(1).await;
    let platform = world.begun().await;
    let pod = platform.observe().await.unwrap().pods["w-1"][0].clone();
    assert_eq!(pod.budgets, ["web"]);
    let evict = evict(pod);
    assert_eq!(commit(&platform, &evict).await, Answer::Accepted);
    let preconditions = &world.writes()[0].body["deleteOptions"]["preconditions"];
    assert_eq!(*preconditions, json!({"uid": "uid-web-0"}));
    let leaving = json!({"message": "no", "details": {"causes": [{"reason": "NamespaceTerminating", "message": "going"}]}});
    for (code, answer, expected) in [
        (404, json!({}), Answer::Outdated),
        (409, json!({"reason": "Conflict"}), Answer::Outdated),
        (403, json!({"message": "no"}), Answer::Refused("no".into())),
        (403, leaving, Answer::NotNow("going".into())),
    ] {
        world.fake.will_answer("eviction", code, answer);
        assert_eq!(commit(&platform, &evict).await, expected, "{code}");
    }
}

#[tokio::test(start_paused = true)]
async fn looking_again_asks_for_nothing() {
    let world = World::new(3).await;
    let platform = world.platform().await;
    for _ in 0..20 {
        let inventory = platform.observe().await.unwrap();
        assert_eq!(inventory.server.to_string(), "v1.37.2");
        platform.watch(SECOND).await;
    }
    assert!(world.fake.asked().is_empty());
    // A control plane that changes may change what the API server is.
    let mut plane = node("cp-1", "v1.37.3", &json!({}));
    plane["metadata"]["resourceVersion"] = json!("207");
    world.fake.send(NODES, "MODIFIED", &plane);
    platform.watch(SECOND).await;
    platform.observe().await.unwrap();
    let asked = world.fake.asked();
    assert_eq!(asked.len(), 1, "{asked:?}");
    assert_eq!(asked[0].path, "/version");
}
