//! A small world that obeys the acts, to hold what [`crate::moves`] promises, with a crash at any write.

mod again;
mod health;
mod images;
mod promises;
mod reordering;

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
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
        daemons: Vec::new(),
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
            history_until: None,
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

    /// Rolls for at most so many looks.
    fn advance(&mut self, looks: usize) {
        for _ in 0..looks {
            let Moves::Go(acts, _) = moves(&self.inventory, &self.goal, self.now) else {
                return;
            };
            for act in &acts {
                self.apply(act);
            }
            self.turn();
        }
    }

    fn check_end(&self) {
        let nodes = self.inventory.nodes.values();
        assert!(
            nodes
                .clone()
                .all(|node| node.version == NEW && node.in_service())
        );
        assert_eq!(self.cordons.len(), self.inventory.nodes.len());
        let evidence = Evidence::new(&self.inventory, &self.goal, Journal::default(), self.now);
        assert_eq!(evidence.nodes.len(), self.inventory.nodes.len());
        assert_eq!(evidence.from, OLD);
    }
}
