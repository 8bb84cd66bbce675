//! What the API server does with a write, and the properties that every write must keep.

use std::sync::Arc;
use std::time::Duration;

use trireme_blueprint::planted::{Bug, planted};
use trireme_blueprint::{
    Action, ActionJob, Goal, Inventory, JobState, NodeVersion, Pod, PodKind, RollAnnotation,
    job_name,
};
use trireme_executor::Answer;
use trireme_release::skew::{ApiServers, Component, allow_upgrade};

use crate::objects::{SimJob, SimPod};
use crate::world::{STALE, World};

/// From an observation to the write that follows from it; [`STALE`] comes on top.
const TO_ACT: Duration = Duration::from_secs(12);

/// A write, and what the roller that asks for it knows.
pub struct Request<'a> {
    pub run: u64,
    pub goal: &'a Goal,
    pub action: &'a Action,
    /// What the roller observed last, and when that was so.
    pub basis: &'a (Duration, Arc<Inventory>),
    /// The first observation of the run.
    pub first: &'a Inventory,
}

impl World {
    /// Asks whether a write would be made, and all that follows from it.
    pub fn dry_run(&mut self, action: &Action) -> Answer {
        let Action::Cordon { node, .. } = action else {
            return Answer::Accepted;
        };
        if !self.is_current(node) {
            return Answer::Outdated;
        }
        let pods = self.pods_on(&node.name);
        let pods: Vec<_> = pods
            .filter(|pod| Self::is_evictable(pod.pod.kind))
            .map(|pod| pod.pod.uid.clone())
            .collect();
        let answers = pods.iter().map(|uid| self.may_evict(uid).0);
        let bad = answers.filter(|answer| matches!(answer, Answer::NotNow(_) | Answer::Refused(_)));
        let mut bad: Vec<_> = bad.collect();
        bad.sort_by_key(|answer| matches!(answer, Answer::NotNow(_)));
        bad.into_iter().next().unwrap_or(Answer::Accepted)
    }

    /// Makes a write, or says why not.
    pub fn commit(&mut self, request: &Request<'_>) -> Answer {
        self.counts.writes += 1;
        if self.lease.epoch != request.goal.epoch {
            let (own, now) = (request.goal.epoch, self.lease.epoch);
            let detail = format!("{} of epoch {own} in epoch {now}", request.action);
            self.violate(
                "no write arrives after another roller has the Lease",
                detail,
            );
        }
        let answer = match request.action {
            Action::Cordon { node, annotation } => self.cordon(request, node, annotation),
            Action::Evict { node, pod } => self.evict(node, pod),
            Action::StartJob { node, attempt } => self.start_job(request, node, attempt),
            Action::DeleteJob { job, uid, .. } => self.delete_failed_job(job, uid),
            Action::Uncordon { node, annotation } => self.uncordon(request, node, Some(annotation)),
            Action::GiveBack { node } => self.uncordon(request, node, None),
        };
        self.note(|| {
            let (run, action) = (request.run, request.action);
            format!("roller {run}: {} {action}: {answer:?}", action.node())
        });
        self.publish();
        answer
    }

    fn is_current(&self, node: &NodeVersion) -> bool {
        let there = self.nodes.get(&node.name);
        there.is_some_and(|there| there.node.resource_version == node.resource_version)
    }

    /// What is decided is decided from something that was so a short time ago.
    fn check_age(&mut self, request: &Request<'_>) {
        let age = self.now().saturating_sub(request.basis.0);
        if age > STALE + TO_ACT {
            let detail = format!("{} after {} s", request.action, age.as_secs());
            self.violate("no write follows from an old observation", detail);
        }
    }

    fn cordon(&mut self, request: &Request<'_>, at: &NodeVersion, roll: &RollAnnotation) -> Answer {
        if !self.is_current(at) {
            return Answer::Outdated;
        }
        self.check_age(request);
        let name = &at.name;
        if self.nodes[name].foreign {
            self.violate("no node that a person cordoned is taken", name);
        }
        if !self.counts.attempts.insert(roll.attempt.clone()) {
            self.violate("an attempt is begun once", &roll.attempt);
        }
        if self.running_actions(name).count() > 0 {
            self.violate("no attempt begins while an action runs on the node", name);
        }
        if self.nodes[name].node.roll.is_none() {
            self.check_begin(request, name);
        }
        let node = self.nodes.get_mut(name).unwrap();
        node.node.schedulable = false;
        node.node.roll = Some(roll.clone());
        self.touch(name);
        Answer::Accepted
    }

    /// Order, limits and budgets, each counted here and not by the code under test.
    fn check_begin(&mut self, request: &Request<'_>, name: &str) {
        let (goal, basis) = (request.goal, &request.basis.1);
        let own = self.nodes[name].node.clone();
        let begun = self.nodes.values().filter(|other| {
            let parked = own.control_plane && self.is_parked(&other.node.name);
            other.node.roll.is_some() && !parked
        });
        let begun: Vec<_> = begun.map(|other| other.node.clone()).collect();
        if own.control_plane && !begun.is_empty() {
            self.violate("the control plane goes alone", name);
        }
        let mut planes = self.nodes.values().filter(|other| other.node.control_plane);
        let plane_is_due = planes.any(|other| !goal.wanted.version.accepts(&other.node.version));
        if !own.control_plane && plane_is_due {
            self.violate("the control plane goes first", name);
        }
        let group = |other: &trireme_blueprint::Node| {
            !other.control_plane && other.zone == own.zone && other.name != own.name
        };
        if begun
            .iter()
            .any(|other| !own.control_plane && !group(other))
        {
            self.violate("one zone at a time", name);
        }
        let away = basis.nodes.values().filter(|other| group(other));
        let away = away
            .filter(|other| !(other.ready && other.schedulable))
            .count();
        let size = basis.nodes.values().filter(|other| group(other)).count() + 1;
        let limit = goal.policy.max_unavailable.of(size);
        if !own.control_plane && (away + 1 > limit || begun.len() + 1 > limit) {
            let detail = format!("{name}: {away} away, {} begun, limit {limit}", begun.len());
            self.violate("the limit of a group holds", detail);
        }
        let finished = basis.nodes.values().filter(|other| {
            let rolled = other.rolled.as_ref();
            let ours = rolled.is_some_and(|r| r.roll == goal.roll && r.blueprint == goal.blueprint);
            ours && !other.control_plane && goal.wanted.version.accepts(&other.version)
        });
        if !own.control_plane && finished.count() < goal.policy.canary as usize && !begun.is_empty()
        {
            self.violate("a canary goes alone", name);
        }
        self.check_budgets(request, name);
    }

    fn check_budgets(&mut self, request: &Request<'_>, name: &str) {
        let basis = &request.basis.1;
        let lacking = |budget: &trireme_blueprint::Budget| {
            budget.expected > 0 && (!budget.observed || budget.current < budget.desired)
        };
        for budget in basis.budgets.iter().filter(|budget| lacking(budget)) {
            let before = request.first.budgets.iter();
            let mut before = before.filter(|other| other.title() == budget.title());
            let was_so = before.any(lacking);
            let mut pods = basis.pods_of(name).filter(|pod| pod.must_leave());
            let touched = pods.any(|pod| pod.budgets.contains(&budget.name));
            if touched || !was_so {
                let detail = format!(
                    "{name}: {} {}/{}",
                    budget.name, budget.current, budget.desired
                );
                self.violate("no node is begun while a budget is not satisfied", detail);
            }
        }
    }

    fn evict(&mut self, node: &str, pod: &Pod) -> Answer {
        let roll = self
            .nodes
            .get(node)
            .and_then(|node| node.node.roll.as_ref());
        if roll.is_none() {
            self.violate("only a node that was begun is drained", node);
        }
        let there = self.pods.iter().any(|other| other.pod.uid == pod.uid);
        if !there {
            return Answer::Outdated;
        }
        let (answer, counted) = self.may_evict(&pod.uid);
        if answer == Answer::Accepted {
            for name in counted {
                self.take_from_budget(name);
            }
            self.end_pod(&pod.uid);
        }
        answer
    }

    fn take_from_budget(&mut self, index: usize) {
        let (_, desired, current) = self.counted(index);
        let budget = &mut self.budgets[index];
        budget.budget.allowed -= 1;
        budget.disrupted += 1;
        let title = budget.budget.title();
        self.changed = true;
        if self.budget_lag.is_zero() && current == desired {
            self.violate("no eviction breaks a budget", title);
        }
    }

    /// What the API server decides about an eviction (`eviction.go`), and the budgets that it takes from.
    fn may_evict(&self, uid: &str) -> (Answer, Vec<usize>) {
        let pod = self.pods.iter().find(|pod| pod.pod.uid == *uid);
        let Some(pod) = pod else {
            return (Answer::Outdated, Vec::new());
        };
        if pod.pod.terminating || pod.pod.ended || pod.node.is_none() {
            return (Answer::Accepted, Vec::new());
        }
        let selects = |index: &usize| pod.app.is_some() && self.budgets[*index].app == pod.app;
        let of_pod: Vec<_> = (0..self.budgets.len()).filter(selects).collect();
        match of_pod.as_slice() {
            [] => (Answer::Accepted, Vec::new()),
            [index] => {
                let status = &self.budgets[*index].budget;
                let healthy_enough = status.current >= status.desired && status.desired > 0;
                if !pod.pod.ready && status.observed && healthy_enough {
                    return (Answer::Accepted, Vec::new());
                }
                if !status.observed || status.allowed <= 0 {
                    let reason = format!("budget {} allows none", status.title());
                    return (Answer::NotNow(reason), Vec::new());
                }
                (Answer::Accepted, of_pod)
            }
            _ => {
                let reason = "more than one PodDisruptionBudget".to_owned();
                (Answer::Refused(reason), Vec::new())
            }
        }
    }

    fn start_job(&mut self, request: &Request<'_>, node: &str, attempt: &str) -> Answer {
        let name = job_name(node, attempt);
        if self.jobs.iter().any(|job| job.job.name == name) {
            return Answer::Outdated;
        }
        // As the adapter of Kubernetes: watches of two kinds are not of one time, so that pods are listed once more.
        if self.faults.mixed && self.pods_on(node).any(|pod| pod.pod.must_leave()) {
            return Answer::Outdated;
        }
        self.check_age(request);
        self.check_start(request, node, attempt);
        let (uid, now) = (self.fresh(), self.now());
        *self.counts.jobs.entry(attempt.to_owned()).or_default() += 1;
        *self.counts.jobs_of_node.entry(node.to_owned()).or_default() += 1;
        if self.counts.jobs[attempt] > 1 {
            self.violate("one Job an attempt", &name);
        }
        let fails = self.failing_jobs > 0 && self.rng.bool();
        self.failing_jobs -= usize::from(fails);
        let seconds = self.rng.u64(1..20);
        self.jobs.push(SimJob {
            job: ActionJob {
                name: name.clone(),
                uid: uid.clone(),
                node: node.to_owned(),
                attempt: attempt.to_owned(),
                blueprint: request.goal.blueprint.clone(),
                created_at: Some(self.server_time()),
                state: JobState::Active,
            },
            to: request.goal.wanted.version.clone(),
            ends_at: now + Duration::from_secs(seconds),
            fails,
            lingers: Duration::from_secs(self.rng.u64(0..20)),
            ended_at: None,
        });
        self.pods.push(action_pod(node, &name, uid));
        self.changed = true;
        Answer::Accepted
    }

    fn check_start(&mut self, request: &Request<'_>, name: &str, attempt: &str) {
        let (node, to) = (&self.nodes[name].node, &request.goal.wanted.version);
        let (from, to) = (node.version.release(), to.release());
        let server = self.oldest_server();
        let legal = match node.control_plane {
            true => allow_upgrade(&server.clone().min(to.clone()), &to).is_ok(),
            false => ApiServers::single(server)
                .allow(Component::Kubelet, &to)
                .is_ok(),
        };
        let planes = self.nodes.values().map(|node| &node.node);
        let mut planes = planes.filter(|other| other.control_plane);
        let wanted = &request.goal.wanted.version;
        let plane_is_due = planes.any(|other| !wanted.accepts(&other.version));
        let (plane, roll) = (node.control_plane, node.roll.clone());
        if !legal || to < from {
            self.violate(
                "the version skew is legal before every Job",
                format!("{name} to {to}"),
            );
        }
        if !plane && plane_is_due {
            self.violate("the control plane goes first", format!("Job on {name}"));
        }
        if roll
            .as_ref()
            .is_none_or(|roll| roll.attempt != attempt || roll.to != *wanted)
        {
            self.violate("a Job belongs to the attempt on its node", name);
        }
        if self.running_actions(name).count() > 0 {
            self.violate("one action pod on a node", name);
        }
    }

    /// Deletes a failed Job, in the foreground. With the planted bug in the background: its pod stays for a while.
    fn delete_failed_job(&mut self, name: &str, uid: &str) -> Answer {
        let mut jobs = self.jobs.iter();
        let Some(job) = jobs.find(|job| job.job.name == name && job.job.uid == uid) else {
            return Answer::Outdated;
        };
        if job.job.state == JobState::Active {
            self.violate("an active Job is never deleted", name);
        }
        let attempt = self.jobs.iter().find(|job| job.job.uid == uid);
        let attempt = attempt.map(|job| job.job.attempt.clone()).unwrap();
        let started = self.counts.jobs.get(&attempt).copied();
        self.delete_job(uid);
        // It is ours: the attempt gets no second one.
        if let Some(started) = started {
            self.counts.jobs.insert(attempt, started);
        }
        if planted(Bug::BackgroundDelete) {
            self.jobs.retain(|job| job.job.uid != uid);
        }
        Answer::Accepted
    }

    /// Gives a node back: with what an attempt has reached, or without an act.
    fn uncordon(
        &mut self,
        request: &Request<'_>,
        at: &NodeVersion,
        rolled: Option<&trireme_blueprint::RolledAnnotation>,
    ) -> Answer {
        if !self.is_current(at) {
            return Answer::Outdated;
        }
        self.check_age(request);
        let name = &at.name;
        if self.nodes[name].foreign {
            self.violate("no foreign cordon is removed", name);
        }
        if self.running_actions(name).count() > 0 {
            self.violate("no node is given back while an action runs on it", name);
        }
        match rolled {
            Some(_) => self.check_return(name),
            None => self.check_give_back(name),
        }
        let node = self.nodes.get_mut(name).unwrap();
        node.node.schedulable = true;
        node.node.roll = None;
        if let Some(rolled) = rolled {
            node.node.rolled = Some(rolled.clone());
        }
        self.touch(name);
        Answer::Accepted
    }

    fn check_give_back(&mut self, name: &str) {
        self.counts.given_back += 1;
        let roll = self.nodes[name].node.roll.clone();
        let attempt = roll.map(|roll| roll.attempt).unwrap_or_default();
        if self.jobs.iter().any(|job| job.job.attempt == attempt) {
            self.violate(
                "only a node on which nothing was done is given back as it is",
                name,
            );
        }
    }

    fn check_return(&mut self, name: &str) {
        let node = self.nodes[name].node.clone();
        let server = self.oldest_server();
        let kubelet = node.version.release();
        let legal = ApiServers::single(server).allow(Component::Kubelet, &kubelet);
        if !node.control_plane && legal.is_err() {
            self.violate("the version skew is legal when a node is given back", name);
        }
        let Some(roll) = &node.roll else {
            self.violate("only a node that was begun is given back", name);
            return;
        };
        let since = self.now().saturating_sub(STALE + TO_ACT);
        let healthy = |inventory: &Inventory| {
            let mut pods = inventory.pods_of(name);
            inventory.nodes[name].ready
                && !pods.any(|pod| {
                    let known = roll.unready_before.contains(&pod.belongs_to());
                    pod.should_be_ready() && !pod.ready && !known
                })
        };
        // What was there at `since` is the last entry before it.
        let mut recent = self.history.iter().rev();
        let mut was_healthy = false;
        for (at, inventory) in recent.by_ref() {
            was_healthy |= healthy(inventory);
            if *at <= since || was_healthy {
                break;
            }
        }
        if !was_healthy {
            self.violate("a node is given back healthy", name);
        }
    }
}

fn action_pod(node: &str, job: &str, uid: String) -> SimPod {
    let pod = Pod {
        namespace: "trireme".into(),
        name: format!("{job}-pod"),
        uid: format!("{uid}-pod"),
        owner: None,
        kind: PodKind::Action,
        ready: true,
        ended: false,
        terminating: false,
        finalizers: Vec::new(),
        budgets: Vec::new(),
    };
    SimPod {
        pod,
        app: None,
        node: Some(node.to_owned()),
        ready_at: None,
        stops_at: None,
        released_at: None,
        job: Some(uid),
    }
}
