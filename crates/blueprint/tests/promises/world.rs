//! A small cluster that obeys the actions, to hold what the planner promises, with a crash after any write.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use trireme_blueprint::*;
use trireme_evidence::{Outcome, RollFile};
use trireme_release::Version;

pub use crate::objects::{budget, node, pod};

pub const OLD: Version = Version::new(1, 36, 4);
pub const NEW: Version = Version::new(1, 37, 2);
/// No roll of these sizes needs more observations; more means that it hangs.
const OBSERVATIONS_MAX: usize = 2_000;

/// The cluster, and the writes that it took.
pub struct World {
    pub inventory: Inventory,
    pub goal: Goal,
    pub elapsed: Duration,
    pub timers: Timers,
    /// How often each node was cordoned.
    pub cordons: BTreeMap<String, usize>,
    /// Pods that were evicted and not started again yet.
    homeless: Vec<Pod>,
    revision: u64,
}

/// `planes` control-plane nodes and `workers` workers over `zones` zones, two pods on each worker, one may be away.
pub fn world(zones: usize, planes: usize, workers: usize, policy: Policy) -> World {
    let mut nodes = BTreeMap::new();
    let mut pods = BTreeMap::new();
    for index in 0..planes + workers {
        let zone = format!("az-{}", index % zones);
        let plane = index < planes;
        let name = format!("{}-{index}", if plane { "cp" } else { "w" });
        let own =
            (0..if plane { 0 } else { 2 }).map(|number| pod(&format!("web-{index}-{number}")));
        pods.insert(name.clone(), own.collect());
        nodes.insert(name.clone(), node(&name, &zone, plane));
    }
    let wanted = Wanted {
        version: NEW,
        images: BTreeMap::new(),
    };
    let expected = i32::try_from(workers * 2).unwrap();
    let inventory = Inventory {
        format: FORMAT,
        observed_at: Timestamp::UNIX_EPOCH,
        server: if planes == 0 { NEW } else { OLD },
        nodes,
        pods,
        budgets: vec![budget("web", expected, expected - 1, expected)],
        daemon_sets: Vec::new(),
        jobs: Vec::new(),
    };
    let identity = Identity::new(&inventory, &wanted, &policy, None);
    let mut world = World {
        goal: Goal {
            roll: "roll-1".into(),
            epoch: 1,
            ..identity.goal()
        },
        inventory,
        elapsed: Duration::ZERO,
        timers: Timers::start(moment(Duration::ZERO)),
        cordons: BTreeMap::new(),
        homeless: Vec::new(),
        revision: 1,
    };
    world.restart();
    world
}

fn moment(elapsed: Duration) -> Moment {
    Moment {
        elapsed,
        wall: Timestamp::UNIX_EPOCH + SignedDuration::try_from(elapsed).unwrap(),
    }
}

impl World {
    pub fn now(&self) -> Moment {
        moment(self.elapsed)
    }

    /// What comes next, by what is there now.
    pub fn next(&mut self) -> NextActions<Action> {
        self.timers
            .observe(&self.inventory, &self.goal, moment(self.elapsed));
        next_actions(&self.inventory, &self.goal, &self.timers, true)
    }

    /// What comes next when `wait` has passed.
    pub fn next_after(&mut self, wait: Duration) -> NextActions<Action> {
        self.next();
        self.elapsed += wait;
        self.next()
    }

    /// A new run begins.
    pub fn restart(&mut self) {
        self.timers = Timers::start(moment(self.elapsed));
        self.goal.before = self.inventory.before(&self.goal);
        self.goal.epoch += 1;
    }

    pub fn node(&mut self, name: &str) -> &mut Node {
        self.inventory.nodes.get_mut(name).unwrap()
    }

    /// The cluster's own course: pods leave and start elsewhere, Jobs end, nodes come back. Nothing of ours.
    pub fn turn(&mut self) {
        self.elapsed += Duration::from_secs(1);
        for pods in self.inventory.pods.values_mut() {
            let (gone, there) = std::mem::take(pods)
                .into_iter()
                .partition(|pod| pod.terminating);
            *pods = there;
            self.homeless.extend::<Vec<_>>(gone);
        }
        let mut nodes = self.inventory.nodes.values();
        let open = nodes.find(|node| node.in_service() && !node.control_plane);
        if let Some(open) = open.map(|node| node.name.clone()) {
            let fresh = self.homeless.drain(..).map(|pod| Pod {
                terminating: false,
                ..pod
            });
            self.inventory.pods.entry(open).or_default().extend(fresh);
        }
        for job in &mut self.inventory.jobs {
            if job.state == JobState::Active {
                job.state = JobState::Succeeded;
                self.inventory.nodes.get_mut(&job.node).unwrap().version = NEW;
            }
        }
        let planes = self
            .inventory
            .nodes
            .values()
            .filter(|node| node.control_plane);
        if let Some(oldest) = planes.map(|node| node.version.clone()).min() {
            self.inventory.server = oldest;
        }
        self.count();
    }

    /// What the disruption controller does.
    fn count(&mut self) {
        let pods = self.inventory.pods.values().flatten();
        let healthy = pods.filter(|pod| pod.ready && !pod.terminating).count();
        let budget = &mut self.inventory.budgets[0];
        budget.current = i32::try_from(healthy).unwrap();
        budget.allowed = (budget.current - budget.desired).max(0);
    }

    pub fn apply(&mut self, action: &Action) {
        let name = action.node().to_owned();
        self.revision += 1;
        let revision = self.revision.to_string();
        match action {
            Action::Cordon { annotation, .. } => {
                *self.cordons.entry(name.clone()).or_default() += 1;
                let node = self.node(&name);
                node.schedulable = false;
                node.roll = Some(*annotation.clone());
                node.resource_version = revision;
            }
            Action::Evict { pod, .. } => self.evict(&name, &pod.uid),
            Action::StartJob { annotation, .. } => {
                let node = self.node(&name);
                node.roll = Some(*annotation.clone());
                node.resource_version = revision;
                self.start(&name, &annotation.attempt);
            }
            Action::DeleteJob { uid, .. } => self.inventory.jobs.retain(|job| job.uid != *uid),
            Action::Uncordon { annotation, .. } => {
                let node = self.node(&name);
                (node.schedulable, node.roll) = (true, None);
                node.rolled = Some(*annotation.clone());
                node.resource_version = revision;
            }
            Action::GiveBack { .. } => {
                let node = self.node(&name);
                (node.schedulable, node.roll) = (true, None);
                node.resource_version = revision;
            }
        }
    }

    fn evict(&mut self, node: &str, uid: &str) {
        if self.inventory.budgets[0].allowed == 0 {
            return;
        }
        let mut pods = self.inventory.pods.get_mut(node).unwrap().iter_mut();
        pods.find(|pod| pod.uid == uid).unwrap().terminating = true;
        self.count();
    }

    fn start(&mut self, node: &str, attempt: &str) {
        let left = self.inventory.pods_to_evict(node).count();
        assert_eq!(left, 0, "{node} is acted on while pods run on it");
        let name = job_name(node, attempt);
        assert!(
            self.inventory.jobs.iter().all(|job| job.name != name),
            "{name} twice"
        );
        self.inventory.jobs.push(ActionJob {
            uid: format!("uid-of-{name}"),
            name,
            node: node.into(),
            attempt: attempt.into(),
            blueprint: self.goal.blueprint.clone(),
            created_at: None,
            state: JobState::Active,
        });
    }

    /// Begins an attempt on `node`.
    pub fn cordon(&mut self, node: &str) {
        let action = self
            .inventory
            .begin(&self.goal, &self.timers, node)
            .unwrap();
        self.apply(&action);
        self.next();
    }

    /// Begins an attempt on `node`, empties it and starts the Job.
    pub fn begin_job(&mut self, node: &str) {
        self.cordon(node);
        self.inventory.pods.insert(node.into(), Vec::new());
        let next = actions(self.next());
        assert!(matches!(&next[..], [Action::StartJob { .. }]), "{next:?}");
        self.apply(&next[0]);
        self.next();
    }

    /// What must hold at every instant.
    fn check(&self) {
        let begun: Vec<_> = self.inventory.begun().collect();
        let planes = begun.iter().filter(|node| node.control_plane).count();
        assert!(
            planes <= 1 && (planes == 0 || begun.len() == 1),
            "control plane with others"
        );
        let zones: BTreeSet<_> = begun.iter().map(|node| &node.zone).collect();
        assert!(zones.len() <= 1, "two zones at once: {zones:?}");
        if let Some(first) = begun.first() {
            let nodes = self.inventory.nodes.values();
            let zone = nodes.filter(|node| node.zone == first.zone && !node.control_plane);
            let limit = self.goal.policy.max_unavailable.of(zone.count());
            assert!(begun.len() <= limit, "{} nodes away", begun.len());
        }
        let budget = &self.inventory.budgets[0];
        assert!(
            budget.current >= budget.desired,
            "{} of {}",
            budget.current,
            budget.desired
        );
        let current = Some(CurrentRoll {
            roll: &self.goal.roll,
            blueprint: &self.goal.blueprint,
        });
        let goal = &self.goal;
        let id = Identity::new(&self.inventory, &goal.wanted, &goal.policy, current).id();
        assert_eq!(id, goal.blueprint, "the id changed on the way");
        assert!(
            self.cordons.values().all(|times| *times == 1),
            "disturbed twice"
        );
    }

    /// Rolls to the end; after write number `crash` the executor dies and another one begins.
    pub fn roll(&mut self, crash: Option<usize>) -> usize {
        let mut writes = 0;
        for _ in 0..OBSERVATIONS_MAX {
            let actions = match self.next() {
                NextActions::UpToDate => return writes,
                NextActions::Stop(stop) => panic!("stopped: {stop:?}"),
                NextActions::Go(actions, _) => actions,
            };
            for action in &actions {
                self.apply(action);
                self.check();
                writes += 1;
                if crash == Some(writes) {
                    self.elapsed += Duration::from_hours(9);
                    self.restart();
                    break;
                }
            }
            self.turn();
            self.check();
        }
        panic!("not done after {OBSERVATIONS_MAX} observations");
    }

    /// Rolls for at most so many observations.
    pub fn advance(&mut self, observations: usize) {
        for _ in 0..observations {
            let NextActions::Go(actions, _) = self.next() else {
                return;
            };
            for action in &actions {
                self.apply(action);
            }
            self.turn();
        }
    }

    pub fn evidence(&self) -> RollFile {
        let ending = Ending {
            outcome: Outcome::Done,
            reason: None,
            left_cordoned: Vec::new(),
            may_be_cordoned: Vec::new(),
            run: None,
            at: self.now().wall,
        };
        let (nodes, log) = (self.inventory.nodes.values(), ObservationLog::default());
        let mut file = roll_file(nodes, &self.goal, &OLD, &log, ending);
        file.nodes.retain(|node| node.uncordoned_at.is_some());
        file
    }

    pub fn check_end(&self) {
        let mut nodes = self.inventory.nodes.values();
        assert!(nodes.all(|node| node.version == NEW && node.in_service()));
        assert_eq!(self.cordons.len(), self.inventory.nodes.len());
        let evidence = self.evidence();
        assert_eq!(evidence.nodes.len(), self.inventory.nodes.len());
        let old = Some(OLD.to_string());
        assert!(evidence.nodes.iter().all(|node| node.from == old));
    }
}

/// The stop that `next` is.
#[track_caller]
pub fn stopped(next: NextActions<Action>) -> Stop<Action> {
    match next {
        NextActions::Stop(stop) => stop,
        other => panic!("it should stop: {other:?}"),
    }
}

/// The actions that `next` asks for.
#[track_caller]
pub fn actions(next: NextActions<Action>) -> Vec<Action> {
    match next {
        NextActions::Go(actions, _) => actions,
        other => panic!("it should go on: {other:?}"),
    }
}

/// The one reason for which `next` waits, without any action.
#[track_caller]
pub fn waits(next: NextActions<Action>) -> WaitReason {
    match next {
        NextActions::Go(actions, mut waits) if actions.is_empty() && waits.len() == 1 => {
            waits.remove(0).reason
        }
        other => panic!("it should wait: {other:?}"),
    }
}
