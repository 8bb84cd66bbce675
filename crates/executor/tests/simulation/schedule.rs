//! A world and what happens to it, all by one seed.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use fastrand::Rng;
use tokio::sync::Notify;
use tokio::time::Instant;
use trireme_blueprint::{Health, Limit, Node, Policy, Unmanaged};
use trireme_release::Version;

use crate::faults::Faults;
use crate::objects::{AppKind, Lease, SimNode, Spec};
use crate::people::Event;
use crate::world::{Counts, World};

mod apps;

use apps::{add_apps, app};

/// How a run of a roller ends, whatever it does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// By itself.
    Lives,
    /// `kill -9` after so many polls.
    Killed(u32),
    /// SIGTERM after so long.
    Terminated(Duration),
}

/// One run of a roller.
#[derive(Clone, Debug)]
pub struct Run {
    pub fate: Fate,
    pub wanted: Version,
    /// By how many milliseconds its clock is off.
    pub skew: i64,
}

/// A schedule.
pub struct Schedule {
    /// The runs of the first roller, one after another.
    pub runs: Vec<Run>,
    /// A second roller, and when it begins to wait for the Lease.
    pub rival: Option<(Duration, Run)>,
    pub policy: Policy,
    /// Whether a roll can end well in it: then it must.
    pub benign: bool,
    /// Whether every run has the same goal, no Job fails and no person meddles: then one Job a node does.
    pub plain: bool,
    /// The target of the last run.
    pub last: Version,
}

const SKEWS: [i64; 7] = [0, 700, -700, 6_000, -6_000, 300_000, -300_000];

fn version(text: &str) -> Version {
    text.parse().unwrap()
}

fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}

/// The schedule of a seed.
pub fn of_seed(seed: u64) -> (World, Schedule) {
    let mut rng = Rng::with_seed(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    let benign = rng.u32(0..100) < 65;
    let planes = [0, 0, 1, 1, 2, 3][rng.usize(0..6)];
    let mut world = World {
        began: Instant::now(),
        revision: 100,
        server: version("v1.37.3"),
        nodes: BTreeMap::new(),
        apps: Vec::new(),
        pods: Vec::new(),
        budgets: Vec::new(),
        jobs: Vec::new(),
        lease: Lease::default(),
        faults: faults(&mut rng, benign),
        events: Vec::new(),
        failing_jobs: 0,
        job_ttl: None,
        budget_lag: [0, 0, 1, 5][rng.usize(0..4)].pipe(seconds),
        budgets_at: Duration::ZERO,
        history: VecDeque::new(),
        changed: true,
        violation: None,
        counts: Counts::default(),
        log: None,
        notify: Arc::new(Notify::new()),
        rng: Rng::with_seed(seed),
    };
    let suffix = ["", "", "+k3s1", "-eks-1234567"][rng.usize(0..4)];
    add_nodes(&mut world, &mut rng, planes, suffix);
    add_apps(&mut world, &mut rng, benign);
    if benign {
        add_passing_ill(&mut world, &mut rng);
    } else {
        add_ills(&mut world, &mut rng);
    }
    let policy = policy(&mut rng, benign);
    let schedule = runs(&mut world, &mut rng, policy, benign, suffix);
    world.step();
    // The pods that run at the beginning are Ready, if they ever are.
    for pod in &mut world.pods {
        pod.pod.ready = pod.ready_at.take().is_some();
    }
    (world, schedule)
}

/// `value.pipe(f)` is `f(value)`.
trait Pipe: Sized {
    fn pipe<T>(self, with: impl FnOnce(Self) -> T) -> T {
        with(self)
    }
}

impl<S> Pipe for S {}

fn add_nodes(world: &mut World, rng: &mut Rng, planes: usize, suffix: &str) {
    let zones = rng.usize(1..=4);
    let workers = match rng.u32(0..10) {
        0 => rng.usize(6..=12),
        _ => rng.usize(2..=5),
    };
    let long = rng.u32(0..4) == 0;
    let old = version(&format!("v1.36.4{suffix}"));
    for index in 0..planes + workers {
        let plane = index < planes;
        let short = format!("{}-{index}", if plane { "cp" } else { "w" });
        let name = match long {
            true => format!("ip-10-0-0-{index}.eu-central-1.compute.internal.example-{short}"),
            false => short,
        };
        world.revision += 1;
        let node = Node {
            name: name.clone(),
            uid: format!("node-{index}"),
            resource_version: world.revision.to_string(),
            zone: format!("az-{}", index % zones),
            version: old.clone(),
            image: "Debian GNU/Linux 12".into(),
            ready: true,
            schedulable: true,
            control_plane: plane,
            roll: None,
            rolled: None,
        };
        let node = SimNode {
            node,
            foreign: false,
            uncordoned_at: None,
            next_version: None,
            ready_at: None,
        };
        world.nodes.insert(name, node);
    }
}

/// A node far from the roll that is not healthy: it already runs what is wanted.
fn add_far_ill_node(world: &mut World, rng: &mut Rng, goal: &Version) {
    let template = world.nodes.values().next().unwrap().node.clone();
    let foreign = rng.bool();
    let node = Node {
        name: "far-0".into(),
        uid: "node-far".into(),
        zone: "far".into(),
        version: goal.clone(),
        ready: foreign,
        schedulable: !foreign,
        ..template
    };
    let far = SimNode {
        node,
        foreign,
        uncordoned_at: None,
        next_version: None,
        ready_at: None,
    };
    world.nodes.insert("far-0".into(), far);
}

/// A pod that is not Ready for a while: it is waited for.
fn add_passing_ill(world: &mut World, rng: &mut Rng) {
    if rng.bool() {
        let (at, span) = (seconds(rng.u64(0..90)), seconds(rng.u64(3..40)));
        let app = rng.usize(0..world.apps.len());
        world.events.push((at, Event::Ill(app, span)));
    }
}

/// What is wrong with a cluster, what people do to it, and what fails.
fn add_ills(world: &mut World, rng: &mut Rng) {
    let names: Vec<_> = world.nodes.keys().cloned().collect();
    for _ in 0..rng.usize(0..4) {
        let at = seconds(rng.u64(0..120));
        let node = names[rng.usize(0..names.len())].clone();
        let web = rng.usize(0..world.apps.len());
        match rng.u32(0..12) {
            7..=11 => world.events.push((at, Event::TakeBack)),
            0 => {
                world.events.push((at, Event::Cordon(node.clone())));
                if rng.bool() {
                    let until = at + seconds(rng.u64(5..60));
                    world.events.push((until, Event::Uncordon(node)));
                }
            }
            1 => world.events.push((at, Event::DeleteJob)),
            2 | 3 => {
                let span = seconds(rng.u64(3..40));
                world.events.push((at, Event::Ill(web, span)));
            }
            4 => world.events.push((at, Event::Scale(web, rng.usize(1..5)))),
            5 if !world.budgets.is_empty() => {
                let budget = rng.usize(0..world.budgets.len());
                let spec = Spec::MinAvailable(rng.i32(0..4));
                world.events.push((at, Event::Budget(budget, spec)));
            }
            _ => {
                let mut bare = app(rng, AppKind::Bare, "bare".into(), 0);
                if rng.bool() {
                    bare.finalizer = Some(("example.com/held".into(), None));
                }
                world.apps.push(bare);
                let index = world.apps.len() - 1;
                world.start_pod(index, Some(node));
            }
        }
    }
    if rng.u32(0..3) == 0 {
        let ttl = [rng.u64(1..10), rng.u64(60..120)][rng.usize(0..2)];
        world.job_ttl = Some(seconds(ttl));
    }
}

fn faults(rng: &mut Rng, benign: bool) -> Faults {
    let until = seconds(match benign {
        true => rng.u64(20..200),
        false => 2_000,
    });
    let mut faults = Faults {
        until,
        ..Faults::default()
    };
    let longest = |rng: &mut Rng| seconds([2, 8, 16, 16, 40][rng.usize(0..5)]);
    if rng.u32(0..3) == 0 {
        faults.late_answers = ([5, 10, 30][rng.usize(0..3)], longest(rng));
    }
    if rng.u32(0..4) == 0 {
        faults.late_requests = ([5, 10, 30][rng.usize(0..3)], longest(rng));
    }
    if rng.u32(0..4) == 0 {
        faults.errors_before = rng.u32(1..30);
    }
    if rng.u32(0..4) == 0 {
        faults.errors_after = rng.u32(1..30);
    }
    let mut at = Duration::ZERO;
    faults.mixed = rng.u32(0..3) == 0;
    if rng.u32(0..3) == 0 {
        for _ in 0..rng.usize(1..4) {
            let from = at + seconds(rng.u64(0..40));
            at = from + seconds(rng.u64(1..60));
            match rng.u32(0..4) {
                0 => faults.broken.push((from, at)),
                1 => faults.lags.push((from, at, seconds(rng.u64(21..90)))),
                _ => faults
                    .lags
                    .push((from, at, Duration::from_millis(rng.u64(100..20_000)))),
            }
        }
    }
    faults
}

fn policy(rng: &mut Rng, benign: bool) -> Policy {
    let max_unavailable = match rng.u32(0..5) {
        0 | 1 => Limit::Count(1),
        2 => Limit::Count(2),
        3 => Limit::Count(3),
        _ => Limit::Percent(50),
    };
    let listed = BTreeSet::from(["example.com/listed".to_owned()]);
    Policy {
        canary: rng.u32(0..3),
        max_unavailable,
        zone_order: Vec::new(),
        drain_timeout: seconds(300),
        node_timeout: seconds(300),
        act_timeout: seconds(300),
        api_timeout: seconds(300),
        soak: seconds([0, 0, 15][rng.usize(0..3)]),
        unmanaged: match benign || rng.bool() {
            true => Unmanaged::Refuse,
            false => Unmanaged::Evict,
        },
        health: match !benign && rng.u32(0..4) == 0 {
            true => [Health::Nodes, Health::Cluster][rng.usize(0..2)],
            false => Health::MadeWorse,
        },
        finalizers: if benign || rng.bool() {
            listed
        } else {
            BTreeSet::new()
        },
    }
}

fn runs(world: &mut World, rng: &mut Rng, policy: Policy, benign: bool, suffix: &str) -> Schedule {
    let (first, later) = (version("v1.37.2"), version("v1.37.3"));
    let wanted = |rng: &mut Rng| match rng.u32(0..4) {
        0 => later.clone(),
        1 if !benign => version("v1.36.5"),
        _ if rng.bool() && !suffix.is_empty() => version(&format!("v1.37.2{suffix}")),
        _ => first.clone(),
    };
    let goal = wanted(rng);
    let changes = rng.u32(0..4) == 0;
    // A goal that changes goes up, or the skew policy refuses the last.
    let last = if changes && benign {
        later.clone()
    } else {
        goal.clone()
    };
    let has_planes = world.nodes.values().any(|node| node.node.control_plane);
    if !has_planes && !changes && rng.u32(0..4) == 0 {
        add_far_ill_node(world, rng, &goal);
    }
    let mut runs = Vec::new();
    let count = rng.usize(0..4);
    let turn = rng.usize(0..4);
    for number in 0..count {
        let fate = match rng.u32(0..4) {
            0 => Fate::Terminated(seconds(rng.u64(1..60))),
            1 => Fate::Lives,
            _ => Fate::Killed(rng.u32(1..300)),
        };
        let wanted = match changes {
            // It only goes up: the skew policy refuses to go down.
            true if benign && number < turn => first.clone(),
            true if benign => later.clone(),
            true => wanted(rng),
            false => goal.clone(),
        };
        let skew = SKEWS[rng.usize(0..SKEWS.len())];
        runs.push(Run { fate, wanted, skew });
    }
    let with_rival = rng.u32(0..4) == 0 && !(benign && changes);
    let rival = with_rival.then(|| rival(rng, &last));
    let skew = SKEWS[rng.usize(0..SKEWS.len())];
    let fate = Fate::Lives;
    runs.push(Run {
        fate,
        wanted: last.clone(),
        skew,
    });
    if rng.u32(0..4) == 0 {
        world.failing_jobs = rng.usize(1..3);
    }
    Schedule {
        plain: benign && !changes && world.failing_jobs == 0,
        runs,
        rival,
        policy,
        benign,
        last,
    }
}

/// The run of a second roller, and when it begins to wait for the Lease.
fn rival(rng: &mut Rng, wanted: &Version) -> (Duration, Run) {
    let run = Run {
        fate: Fate::Lives,
        wanted: wanted.clone(),
        skew: SKEWS[rng.usize(0..SKEWS.len())],
    };
    (seconds(rng.u64(0..60)), run)
}
