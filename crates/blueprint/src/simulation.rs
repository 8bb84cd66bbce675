//! A small world that obeys the acts, to hold what [`crate::moves`] promises, with a crash at any write.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use trireme_release::Version;

use crate::*;

const OLD: Version = Version::new(1, 36, 4);
const NEW: Version = Version::new(1, 37, 2);
/// No roll of these sizes needs more looks; more means that it hangs.
const LOOKS_MAX: usize = 2_000;

/// The cluster, and the writes that it took.
struct World {
    inventory: Inventory,
    goal: Goal,
    now: Timestamp,
    /// How often each node was cordoned.
    cordons: BTreeMap<String, usize>,
    /// Pods that were evicted and not started again yet.
    homeless: Vec<Pod>,
}

fn node(name: &str, zone: &str, control_plane: bool) -> Node {
    Node {
        name: name.into(),
        zone: zone.into(),
        version: OLD,
        image: "Debian GNU/Linux 12".into(),
        ready: true,
        ready_since: None,
        schedulable: true,
        control_plane,
        roll: None,
        rolled: None,
    }
}

fn pod(name: &str) -> Pod {
    Pod {
        namespace: "shop".into(),
        name: name.into(),
        uid: name.into(),
        owner: Some(Owner {
            kind: "Deployment".into(),
            name: "web".into(),
        }),
        kind: PodKind::Managed,
        ready: true,
        leaving: false,
        budgets: vec!["web".into()],
    }
}

/// `planes` control-plane nodes and `workers` workers over `zones` zones, two pods on each worker, one may be away.
fn world(zones: usize, planes: usize, workers: usize, policy: Policy) -> World {
    let mut nodes = BTreeMap::new();
    let mut pods = BTreeMap::new();
    for index in 0..planes + workers {
        let zone = format!("az-{}", index % zones);
        let plane = index < planes;
        let name = format!("{}-{index}", if plane { "cp" } else { "w" });
        let own = (0..if plane { 0 } else { 2 })
            .map(|pod_index| pod(&format!("web-{index}-{pod_index}")));
        pods.insert(name.clone(), own.collect());
        nodes.insert(name.clone(), node(&name, &zone, plane));
    }
    let now = Timestamp::UNIX_EPOCH;
    let wanted = Wanted {
        version: NEW,
        images: BTreeMap::new(),
    };
    let expected = i32::try_from(workers * 2).unwrap();
    let budget = Budget {
        namespace: "shop".into(),
        name: "web".into(),
        allowed: 1,
        current: expected,
        desired: expected - 1,
        expected,
        observed: true,
    };
    let inventory = Inventory {
        format: FORMAT,
        observed_at: now,
        server: if planes == 0 { NEW } else { OLD },
        nodes,
        pods,
        budgets: vec![budget],
        jobs: Vec::new(),
    };
    let blueprint = Identity::new(&inventory, &wanted, &policy, None).id();
    World {
        inventory,
        goal: Goal {
            blueprint,
            wanted,
            policy,
            started_at: now,
        },
        now,
        cordons: BTreeMap::new(),
        homeless: Vec::new(),
    }
}

impl World {
    /// The world's own course: pods leave and start elsewhere, Jobs end, nodes come back. Nothing of ours.
    fn turn(&mut self) {
        self.now += SignedDuration::from_secs(1);
        for pods in self.inventory.pods.values_mut() {
            self.homeless
                .extend(pods.iter().filter(|pod| pod.leaving).cloned());
            pods.retain(|pod| !pod.leaving);
        }
        let open = self
            .inventory
            .nodes
            .values()
            .find(|node| node.in_service() && !node.control_plane);
        if let Some(open) = open.map(|node| node.name.clone()) {
            let fresh = self.homeless.drain(..).map(|pod| Pod {
                leaving: false,
                ..pod
            });
            self.inventory.pods.entry(open).or_default().extend(fresh);
        }
        for job in &mut self.inventory.jobs {
            if job.state == JobState::Active {
                job.state = JobState::Succeeded(self.now);
                let node = self.inventory.nodes.get_mut(&job.node).unwrap();
                node.version = NEW;
                node.ready_since = Some(self.now);
            }
        }
        let planes = || {
            self.inventory
                .nodes
                .values()
                .filter(|node| node.control_plane)
        };
        if let Some(oldest) = planes().map(|node| node.version.clone()).min() {
            self.inventory.server = oldest;
        }
        self.count();
    }

    /// What the disruption controller does.
    fn count(&mut self) {
        let pods = self.inventory.pods.values().flatten();
        let healthy = pods.filter(|pod| pod.ready && !pod.leaving).count();
        let budget = &mut self.inventory.budgets[0];
        budget.current = i32::try_from(healthy).unwrap();
        budget.allowed = (budget.current - budget.desired).max(0);
    }

    fn apply(&mut self, act: &Act) {
        match act {
            Act::Cordon(name) => self.cordon(name),
            Act::Evict(name) => self.evict(name),
            Act::StartJob(name) => self.start(name),
            Act::RetireJob(name) => self.inventory.jobs.retain(|job| job.node != *name),
            Act::Uncordon(name, rolled) => {
                let node = self.inventory.nodes.get_mut(name).unwrap();
                node.schedulable = true;
                node.roll = None;
                node.rolled = Some(*rolled.clone());
            }
        }
    }

    fn cordon(&mut self, name: &str) {
        *self.cordons.entry(name.into()).or_default() += 1;
        let node = self.inventory.nodes.get_mut(name).unwrap();
        node.schedulable = false;
        node.roll = Some(Roll {
            blueprint: self.goal.blueprint.clone(),
            from: node.version.clone(),
            to: NEW,
            cordoned_at: self.now,
        });
    }

    fn evict(&mut self, name: &str) {
        let allowed = usize::try_from(self.inventory.budgets[0].allowed).unwrap();
        let pods = self.inventory.pods.get_mut(name).unwrap();
        for pod in pods
            .iter_mut()
            .filter(|pod| pod.must_leave() && !pod.leaving)
            .take(allowed)
        {
            pod.leaving = true;
        }
        self.count();
    }

    fn start(&mut self, name: &str) {
        let left = leavers(&self.inventory, name).count();
        assert_eq!(left, 0, "{name} is acted on while pods run on it");
        self.inventory.jobs.push(ActJob {
            name: self.goal.job_name(name),
            node: name.into(),
            blueprint: self.goal.blueprint.clone(),
            created_at: self.now,
            state: JobState::Active,
        });
    }

    /// What must hold at every instant.
    fn hold(&self) {
        let active: Vec<_> = self.inventory.active().collect();
        let zones: BTreeSet<_> = active.iter().map(|node| &node.zone).collect();
        assert!(zones.len() <= 1, "two zones at once: {zones:?}");
        let planes = active.iter().filter(|node| node.control_plane).count();
        assert!(
            planes <= 1 && (planes == 0 || active.len() == 1),
            "control plane with others"
        );
        if let Some(first) = active.first() {
            let zone = self.inventory.nodes.values();
            let size = zone
                .filter(|node| node.zone == first.zone && !node.control_plane)
                .count();
            let limit = self.goal.policy.max_unavailable.of(size.max(1));
            assert!(
                active.len() <= limit.max(1),
                "{} nodes of {size} away",
                active.len()
            );
        }
        let budget = &self.inventory.budgets[0];
        assert!(
            budget.current >= budget.desired,
            "{} of {}",
            budget.current,
            budget.desired
        );
        let id = Identity::new(&self.inventory, &self.goal.wanted, &self.goal.policy, None).id();
        assert_eq!(id, self.goal.blueprint, "the id changed on the way");
        assert!(
            self.cordons.values().all(|times| *times == 1),
            "disturbed twice"
        );
    }

    /// Rolls to the end; after write number `crash` the executor dies and another one begins.
    fn roll(&mut self, crash: Option<usize>) -> usize {
        let mut writes = 0;
        for _ in 0..LOOKS_MAX {
            let acts = match moves(&self.inventory, &self.goal, self.now) {
                Moves::Done => return writes,
                Moves::Stop(stop) => panic!("stopped: {stop:?}"),
                Moves::Go(acts, _) => acts,
            };
            for act in &acts {
                self.apply(act);
                self.hold();
                writes += 1;
                if crash == Some(writes) {
                    self.now += SignedDuration::from_hours(9);
                    self.goal.started_at = self.now;
                    break;
                }
            }
            self.turn();
            self.hold();
        }
        panic!("not done after {LOOKS_MAX} looks");
    }

    fn check_end(&self) {
        let nodes = self.inventory.nodes.values();
        assert!(
            nodes
                .clone()
                .all(|node| node.version == NEW && node.in_service())
        );
        assert_eq!(self.cordons.len(), self.inventory.nodes.len());
        let evidence = Evidence::new(
            &self.inventory,
            &self.goal.blueprint,
            &NEW,
            Journal::default(),
            self.now,
        );
        assert_eq!(evidence.nodes.len(), self.inventory.nodes.len());
        assert_eq!(evidence.from, OLD);
    }
}

#[test]
fn a_crash_after_any_write_is_resumed_and_no_node_is_disturbed_twice() {
    let policy = Policy {
        max_unavailable: Limit::Count(2),
        ..Policy::default()
    };
    let writes = world(2, 3, 6, policy.clone()).roll(None);
    assert!(
        writes > 9 * 3,
        "each node takes at least cordon, Job, uncordon"
    );
    for crash in 1..=writes {
        let mut world = world(2, 3, 6, policy.clone());
        world.roll(Some(crash));
        world.check_end();
    }
}

#[test]
fn the_order_is_control_plane_canary_then_zone_by_zone() {
    let policy = Policy {
        zone_order: vec!["az-1".into()],
        ..Policy::default()
    };
    let mut world = world(2, 2, 4, policy);
    let Plan::Blueprint(blueprint) = plan(
        &world.inventory,
        &world.goal.wanted,
        &world.goal.policy,
        None,
    ) else {
        panic!("every node differs");
    };
    let names: Vec<_> = blueprint
        .waves
        .iter()
        .map(|wave| wave.name.as_str())
        .collect();
    assert_eq!(names, ["control plane", "canary", "zone az-1", "zone az-0"]);
    assert_eq!(blueprint.waves[0].steps[0].state, StepState::Ready);
    assert_eq!(
        blueprint.waves[1].steps[0].state,
        StepState::Waiting("the control plane".into())
    );
    world.roll(None);
    let evidence = Evidence::new(
        &world.inventory,
        &world.goal.blueprint,
        &NEW,
        Journal::default(),
        world.now,
    );
    let done: Vec<_> = evidence
        .nodes
        .iter()
        .map(|node| node.name.as_str())
        .collect();
    let planned = blueprint.waves.iter().flat_map(|wave| &wave.steps);
    let planned: Vec<_> = planned.map(|step| step.node.as_str()).collect();
    assert_eq!(done, planned);
    assert_eq!(
        plan(
            &world.inventory,
            &world.goal.wanted,
            &world.goal.policy,
            None
        ),
        Plan::Quiet(Quiet::AllThere)
    );
}

#[test]
fn a_drain_that_is_never_allowed_gives_the_node_back_after_its_deadline() {
    let mut world = world(1, 0, 2, Policy::default());
    world.cordon("w-0");
    let before = world.now + SignedDuration::from_mins(14);
    assert!(matches!(
        moves(&world.inventory, &world.goal, before),
        Moves::Go(..)
    ));
    let after = world.now + SignedDuration::from_mins(15);
    let Moves::Stop(stop) = moves(&world.inventory, &world.goal, after) else {
        panic!("the deadline has passed");
    };
    assert_eq!(stop.restore.as_deref(), Some("w-0"));
    assert!(stop.reason.to_string().contains("shop/web-0-0"));
    world.goal.started_at = after;
    assert!(
        matches!(moves(&world.inventory, &world.goal, after), Moves::Go(..)),
        "a new run has its full time"
    );
}

#[test]
fn a_failed_job_stops_this_run_and_is_tried_again_by_the_next() {
    let mut world = world(1, 0, 2, Policy::default());
    world.cordon("w-0");
    world.inventory.pods.insert("w-0".into(), Vec::new());
    world.start("w-0");
    world.now += SignedDuration::from_secs(5);
    world.inventory.jobs[0].state = JobState::Failed(world.now, "BackoffLimitExceeded".into());
    let Moves::Stop(stop) = moves(&world.inventory, &world.goal, world.now) else {
        panic!("the act failed");
    };
    assert_eq!(
        (stop.restore, stop.object.as_str()),
        (None, "node w-0 (az-0)")
    );
    world.now += SignedDuration::from_secs(5);
    world.goal.started_at = world.now;
    let again = moves(&world.inventory, &world.goal, world.now);
    assert_eq!(
        again,
        Moves::Go(vec![Act::RetireJob("w-0".into())], Vec::new())
    );
}

#[test]
fn a_node_that_never_becomes_ready_stops_the_roll_and_stays_cordoned() {
    let mut world = world(1, 0, 2, Policy::default());
    world.cordon("w-0");
    world.inventory.pods.insert("w-0".into(), Vec::new());
    world.start("w-0");
    world.turn();
    world.inventory.nodes.get_mut("w-0").unwrap().ready = false;
    assert!(
        matches!(moves(&world.inventory, &world.goal, world.now), Moves::Go(acts, _) if acts.is_empty())
    );
    let late = world.now + SignedDuration::from_mins(10);
    let Moves::Stop(stop) = moves(&world.inventory, &world.goal, late) else {
        panic!("the deadline has passed");
    };
    assert_eq!(
        stop.reason,
        StopReason::NodeTimeout(600, "until it is Ready".into())
    );
    assert_eq!(stop.restore, None);
}

#[test]
fn pods_that_were_not_listed_are_not_gone() {
    let mut world = world(1, 0, 2, Policy::default());
    world.cordon("w-0");
    world.inventory.pods.clear();
    let next = moves(&world.inventory, &world.goal, world.now);
    assert!(matches!(next, Moves::Go(acts, waits) if acts.is_empty() && waits.len() == 1));
}

#[test]
fn no_node_is_begun_while_a_budget_or_another_node_is_not_healthy() {
    let idle = |world: &World| matches!(moves(&world.inventory, &world.goal, world.now), Moves::Go(acts, _) if acts.is_empty());
    let mut stale = world(1, 0, 3, Policy::default());
    stale.inventory.budgets[0].observed = false;
    assert!(idle(&stale));
    let mut broken = world(1, 0, 3, Policy::default());
    broken.inventory.budgets[0].current = 0;
    assert!(idle(&broken));
    let mut away = world(1, 0, 3, Policy::default());
    away.inventory.nodes.get_mut("w-2").unwrap().ready = false;
    assert!(idle(&away));
    away.now += SignedDuration::from_mins(10);
    assert!(
        matches!(moves(&away.inventory, &away.goal, away.now), Moves::Stop(stop) if stop.reason.to_string().contains("w-2"))
    );
}

#[test]
fn the_soak_follows_the_canary() {
    let policy = Policy {
        soak: Duration::from_mins(5),
        ..Policy::default()
    };
    let mut world = world(1, 0, 3, policy);
    let begun = world.now;
    world.roll(None);
    let nodes: Vec<_> = Evidence::new(
        &world.inventory,
        &world.goal.blueprint,
        &NEW,
        Journal::default(),
        begun,
    )
    .nodes;
    let pause = nodes[1].cordoned_at.duration_since(nodes[0].uncordoned_at);
    assert!(pause >= SignedDuration::from_mins(5), "{pause}");
    let pause = nodes[2].cordoned_at.duration_since(nodes[1].uncordoned_at);
    assert!(pause < SignedDuration::from_mins(5), "{pause}");
}

#[test]
fn what_would_stop_the_roll_is_named_before_it_begins() {
    let mut world = world(1, 0, 2, Policy::default());
    let rehearse_it =
        |world: &World| rehearse(&world.inventory, &world.goal.wanted, &world.goal.policy);
    assert_eq!(rehearse_it(&world), []);
    world.inventory.budgets[0].desired = 4;
    let pods = world.inventory.pods.get_mut("w-0").unwrap();
    pods[0].budgets.push("all".into());
    pods[1].kind = PodKind::Unmanaged;
    world.inventory.server = OLD;
    let found = rehearse_it(&world);
    let text = found
        .iter()
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join("\n");
    for part in [
        "budget shop/web of Deployment shop/web can never",
        "web, all",
        "shop/web-0-1 on node w-0",
        "newer than API server",
    ] {
        assert!(text.contains(part), "{part} in {text}");
    }
    assert!(found.iter().all(|obstacle| !obstacle.may_pass()));
}

#[test]
fn a_finished_roll_is_history_for_the_next() {
    let mut world = world(1, 0, 2, Policy::default());
    world.roll(None);
    let late = world.inventory.nodes.get_mut("w-1").unwrap();
    late.version = Version::new(1, 37, 1);
    late.rolled = None;
    let identity = |at| Identity::new(&world.inventory, &world.goal.wanted, &world.goal.policy, at);
    assert_eq!(identity(None).from(), Some(&OLD));
    assert_eq!(
        identity(Some(world.now)).from(),
        Some(&Version::new(1, 37, 1))
    );
}

proptest! {
    #[test]
    fn any_world_is_rolled_within_its_limits(
        zones in 1usize..4,
        planes in 0usize..4,
        workers in 2usize..9,
        canary in 0u32..3,
        count in 1u32..4,
        crash in 1usize..60,
    ) {
        let policy = Policy { canary, max_unavailable: Limit::Count(count), ..Policy::default() };
        let mut world = world(zones, planes, workers, policy);
        world.roll(Some(crash));
        world.check_end();
    }
}
