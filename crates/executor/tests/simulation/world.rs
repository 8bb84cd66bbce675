//! The state of a simulated cluster, its history, and what it noticed.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use fastrand::Rng;
use jiff::{SignedDuration, Timestamp};
use tokio::sync::Notify;
use tokio::time::Instant;
use trireme_blueprint::{DaemonSet, FORMAT, Inventory, JobState, PodKind};
use trireme_release::Version;

use crate::faults::Faults;
use crate::objects::{App, AppKind, Lease, SimBudget, SimJob, SimNode, SimPod, Spec};
use crate::people::Event;

/// An observation that is older than this is not given out.
pub const STALE: Duration = Duration::from_secs(20);
/// For so long what was there is remembered.
const REMEMBERED: Duration = Duration::from_secs(120);
/// The time of day at which every simulation begins.
const BEGINNING: i64 = 1_800_000_000;

/// A promise that was broken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    pub property: &'static str,
    pub detail: String,
}

/// What one roller asked for and what came of it, for the properties that look at a whole schedule.
#[derive(Default)]
pub struct Counts {
    /// Every attempt that was begun.
    pub attempts: BTreeSet<String>,
    /// Jobs that were started, by attempt, without those that a person deleted or that expired.
    pub jobs: BTreeMap<String, usize>,
    /// Every attempt whose Job was started, whatever became of it.
    pub started: BTreeSet<String>,
    /// When a roller was told last that a node is still its own.
    pub looks: BTreeMap<String, Duration>,
    /// Jobs by node.
    pub jobs_of_node: BTreeMap<String, usize>,
    /// Nodes that were given back without a Job.
    pub given_back: usize,
    pub writes: usize,
}

pub struct World {
    pub rng: Rng,
    pub began: Instant,
    pub revision: u64,
    pub server: Version,
    pub nodes: BTreeMap<String, SimNode>,
    pub apps: Vec<App>,
    pub pods: Vec<SimPod>,
    pub budgets: Vec<SimBudget>,
    pub jobs: Vec<SimJob>,
    pub lease: Lease,
    pub faults: Faults,
    pub events: Vec<(Duration, Event)>,
    /// How many more Jobs fail.
    pub failing_jobs: usize,
    /// After this long a Job that ended is removed.
    pub job_ttl: Option<Duration>,
    /// How long the disruption controller takes.
    pub budget_lag: Duration,
    pub budgets_at: Duration,
    pub history: VecDeque<(Duration, Arc<Inventory>)>,
    pub changed: bool,
    pub violation: Option<Violation>,
    pub counts: Counts,
    pub log: Option<Vec<String>>,
    pub notify: Arc<Notify>,
}

impl World {
    /// How long the simulation has lasted.
    pub fn now(&self) -> Duration {
        self.began.elapsed()
    }

    /// The time of day by a clock that is off by `skew` milliseconds.
    pub fn time_of_day(began: Instant, skew: i64) -> Timestamp {
        let elapsed = i64::try_from(began.elapsed().as_millis()).unwrap();
        let since = SignedDuration::from_millis(elapsed + skew);
        Timestamp::from_second(BEGINNING).unwrap() + since
    }

    /// The time of day by the API server: in whole seconds.
    pub fn server_time(&self) -> Timestamp {
        let exact = Self::time_of_day(self.began, 0);
        Timestamp::from_second(exact.as_second()).unwrap()
    }

    pub fn violate(&mut self, property: &'static str, detail: impl Into<String>) {
        let detail = detail.into();
        self.note(|| format!("VIOLATED: {property}: {detail}"));
        self.violation.get_or_insert(Violation { property, detail });
    }

    /// Notes a line for a replay.
    pub fn note(&mut self, line: impl FnOnce() -> String) {
        let now = self.now();
        if let Some(log) = &mut self.log {
            log.push(format!("{:9.3} {}", now.as_secs_f64(), line()));
        }
    }

    /// Raises the version of a node.
    pub fn touch(&mut self, node: &str) {
        self.revision += 1;
        self.changed = true;
        let revision = self.revision.to_string();
        if let Some(node) = self.nodes.get_mut(node) {
            node.node.resource_version = revision;
        }
    }

    /// A new name for something.
    pub fn fresh(&mut self) -> String {
        self.revision += 1;
        format!("u{}", self.revision)
    }

    /// After a change: keeps what is there now, checks it and tells whoever waits.
    pub fn publish(&mut self) {
        if !std::mem::take(&mut self.changed) {
            return;
        }
        self.check_state();
        let now = self.now();
        let inventory = Arc::new(self.inventory());
        if self.history.back().is_some_and(|(at, _)| *at == now) {
            self.history.pop_back();
        }
        self.history.push_back((now, inventory));
        while self.history.len() > 1 && self.history[1].0 + REMEMBERED < now {
            self.history.pop_front();
        }
        self.notify.notify_waiters();
    }

    /// What was there `lag` ago, and since when.
    pub fn as_of(&self, lag: Duration) -> (Duration, Arc<Inventory>) {
        let then = self.now().saturating_sub(lag);
        let known = self.history.iter().rev().find(|(at, _)| *at <= then);
        known.or(self.history.front()).cloned().expect("published")
    }

    fn inventory(&self) -> Inventory {
        let mut pods: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for name in self.nodes.keys() {
            pods.insert(name.clone(), Vec::new());
        }
        for pod in &self.pods {
            if let Some(of_node) = pod.node.as_ref().and_then(|node| pods.get_mut(node)) {
                of_node.push(pod.pod.clone());
            }
        }
        let nodes = self.nodes.iter();
        Inventory {
            format: FORMAT,
            observed_at: Self::time_of_day(self.began, 0),
            server: self.oldest_server(),
            nodes: nodes
                .map(|(name, node)| (name.clone(), node.node.clone()))
                .collect(),
            pods,
            budgets: self
                .budgets
                .iter()
                .map(|budget| budget.budget.clone())
                .collect(),
            daemon_sets: self.daemon_sets(),
            jobs: self.jobs.iter().map(|job| job.job.clone()).collect(),
        }
    }

    fn daemon_sets(&self) -> Vec<DaemonSet> {
        let apps = self.apps.iter().enumerate();
        let apps = apps.filter(|(_, app)| app.kind == AppKind::DaemonSet);
        apps.map(|(index, app)| DaemonSet {
            namespace: "shop".into(),
            name: app.name.clone(),
            desired: i32::try_from(self.nodes.len()).unwrap(),
            current: i32::try_from(self.pods_of_app(index).count()).unwrap(),
            observed: true,
        })
        .collect()
    }

    /// The oldest API server.
    pub fn oldest_server(&self) -> Version {
        let planes = self.nodes.values().filter(|node| node.node.control_plane);
        let oldest = planes.map(|node| node.node.version.release()).min();
        oldest.unwrap_or_else(|| self.server.clone())
    }

    pub fn pods_of_app(&self, app: usize) -> impl Iterator<Item = &SimPod> {
        self.pods.iter().filter(move |pod| pod.app == Some(app))
    }

    pub fn pods_on<'a>(&'a self, node: &'a str) -> impl Iterator<Item = &'a SimPod> {
        self.pods
            .iter()
            .filter(move |pod| pod.node.as_deref() == Some(node))
    }

    pub fn running_actions<'a>(&'a self, node: &'a str) -> impl Iterator<Item = &'a SimPod> {
        self.pods_on(node).filter(|pod| pod.pod.is_running_action())
    }

    /// What the disruption controller does (`updatePdbStatus`).
    pub fn count_budgets(&mut self) {
        for index in 0..self.budgets.len() {
            let (expected, desired, current) = self.counted(index);
            let budget = &mut self.budgets[index];
            budget.disrupted = 0;
            let status = &mut budget.budget;
            let allowed = if expected > 0 {
                (current - desired).max(0)
            } else {
                0
            };
            let before = (
                status.expected,
                status.desired,
                status.current,
                status.allowed,
            );
            if before != (expected, desired, current, allowed) || !status.observed {
                self.changed = true;
            }
            (status.expected, status.desired) = (expected, desired);
            (status.current, status.allowed) = (current, allowed);
            status.observed = true;
        }
    }

    /// Expected, desired and healthy pods of a budget.
    pub fn counted(&self, budget: usize) -> (i32, i32, i32) {
        let budget = &self.budgets[budget];
        let Some(app) = budget.app else {
            return match budget.spec {
                Spec::MinAvailable(count) => (0, count, 0),
                _ => (0, 0, 0),
            };
        };
        let count = |pods: usize| i32::try_from(pods).unwrap();
        let existing = count(self.pods_of_app(app).count());
        let healthy = self.pods_of_app(app);
        let healthy =
            healthy.filter(|pod| pod.node.is_some() && pod.pod.ready && !pod.pod.terminating);
        let healthy = count(healthy.count());
        let scale = count(self.apps[app].replicas);
        let percent = |percent: i32| (scale * percent + 99) / 100;
        let (expected, desired) = match budget.spec {
            Spec::MinAvailable(count) => (existing, count),
            Spec::MinAvailablePercent(share) => (scale, percent(share)),
            Spec::MaxUnavailable(count) => (scale, (scale - count).max(0)),
            Spec::MaxUnavailablePercent(share) => (scale, (scale - percent(share)).max(0)),
        };
        (expected, desired, healthy)
    }

    /// Whether an action on a worker has failed and nothing runs on it: it may wait for the control plane.
    pub fn is_parked(&self, name: &str) -> bool {
        let node = &self.nodes[name].node;
        let Some(roll) = node.roll.as_ref().filter(|_| !node.control_plane) else {
            return false;
        };
        let mut jobs = self.jobs.iter();
        let of_attempt = jobs.find(|job| job.job.attempt == roll.attempt);
        let failed = of_attempt.is_some_and(|job| matches!(job.job.state, JobState::Failed(_)));
        let acted = of_attempt.is_none() && roll.may_have_acted();
        (failed || acted) && self.running_actions(name).count() == 0
    }

    /// What must hold at every instant.
    fn check_state(&mut self) {
        let mut found = Vec::new();
        let mut begun: Vec<&SimNode> = Vec::new();
        for (name, node) in &self.nodes {
            let is_begun = node.node.roll.is_some() && !self.is_parked(name);
            begun.extend(Some(node).filter(|_| is_begun));
            if !node.node.schedulable && !node.foreign && node.node.roll.is_none() {
                found.push((
                    "a cordon of ours is accounted for by the annotation",
                    name.clone(),
                ));
            }
            let actions = self.running_actions(name).count();
            if actions > 1 {
                found.push(("one action pod on a node", format!("{actions} on {name}")));
            }
            let staying = self.pods_on(name).find(|pod| pod.pod.must_leave());
            if let Some(staying) = staying.filter(|_| actions > 0) {
                let detail = format!("{} on {name}", staying.pod.path());
                found.push(("no action while a pod that must leave is there", detail));
            }
        }
        let planes = begun.iter().filter(|node| node.node.control_plane).count();
        if planes > 1 || (planes == 1 && begun.len() > 1) {
            found.push((
                "the control plane goes alone",
                format!("{} begun", begun.len()),
            ));
        }
        for job in self
            .jobs
            .iter()
            .filter(|job| job.job.state == JobState::Active)
        {
            let roll = self.nodes[&job.job.node].node.roll.as_ref();
            if roll.is_none_or(|roll| roll.attempt != job.job.attempt) {
                found.push((
                    "an active Job belongs to the attempt on its node",
                    job.job.name.clone(),
                ));
            }
        }
        for (property, detail) in found {
            self.violate(property, detail);
        }
    }

    /// Whether `pod` is one that a drain asks to leave.
    pub fn is_evictable(kind: PodKind) -> bool {
        matches!(kind, PodKind::Managed | PodKind::Unmanaged)
    }
}
