//! What the API server does with a write.

use std::sync::Arc;
use std::time::Duration;

use trireme_blueprint::planted::{Bug, planted};
use trireme_blueprint::{
    Action, ActionJob, Goal, Inventory, JobState, NodeVersion, Pod, PodKind, RollAnnotation, Start,
    job_name,
};
use trireme_executor::Answer;

use crate::objects::{SimJob, SimPod};
use crate::world::World;

/// A write is waited for so long at most.
const WRITE: Duration = Duration::from_secs(8);

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

    /// What goes before a write that cannot name a version of its node: a look at the node, or the patch that says that its Job is
    /// started.
    pub fn prepare(&mut self, request: &Request<'_>) -> Answer {
        let ours = match request.action {
            Action::Evict { node, attempt, .. } => {
                planted(Bug::NodeNotAsked) || self.is_cordoned_by(node, attempt)
            }
            Action::DeleteJob { node, attempt, .. } => {
                planted(Bug::BackgroundDelete) || self.is_cordoned_by(node, attempt)
            }
            Action::StartJob {
                node, annotation, ..
            } => return self.mark_started(request, node, annotation),
            Action::Cordon { .. } | Action::Uncordon { .. } | Action::GiveBack { .. } => true,
        };
        if !ours {
            return Answer::Outdated;
        }
        if !planted(Bug::NodeNotAsked) {
            let (node, now) = (request.action.node().to_owned(), self.now());
            self.counts.looks.insert(node, now);
        }
        Answer::Accepted
    }

    /// Whether `attempt` has cordoned the node, and nobody has given it back.
    fn is_cordoned_by(&self, node: &str, attempt: &str) -> bool {
        let node = self.nodes.get(node).map(|node| &node.node);
        node.is_some_and(|node| {
            let roll = node.roll.as_ref();
            !node.schedulable && roll.is_some_and(|roll| roll.attempt == attempt)
        })
    }

    fn mark_started(
        &mut self,
        request: &Request<'_>,
        at: &NodeVersion,
        roll: &RollAnnotation,
    ) -> Answer {
        if !self.is_current(at) {
            return Answer::Outdated;
        }
        // Watches of two kinds are not of one time, so that pods are listed once more.
        if self.faults.mixed && self.pods_on(&at.name).any(|pod| pod.pod.must_leave()) {
            return Answer::Outdated;
        }
        self.check_epoch(request);
        if !self.is_cordoned_by(&at.name, &roll.attempt) {
            self.violate("a Job belongs to the attempt on its node", &at.name);
        }
        if planted(Bug::StartNotRecorded) {
            return Answer::Accepted;
        }
        self.nodes.get_mut(&at.name).unwrap().node.roll = Some(roll.clone());
        self.touch(&at.name);
        self.publish();
        Answer::Accepted
    }

    /// Makes a write, or says why not.
    pub fn commit(&mut self, request: &Request<'_>) -> Answer {
        self.counts.writes += 1;
        self.check_epoch(request);
        let answer = match request.action {
            Action::Cordon { node, annotation } => self.cordon(request, node, annotation),
            Action::Evict { node, attempt, pod } => self.evict(node, attempt, pod),
            Action::StartJob {
                node,
                annotation,
                start,
            } => {
                let attempt = &annotation.attempt;
                if *start == Start::First && self.counts.started.contains(attempt) {
                    self.violate(
                        "a Job that is gone does not look as if it never ran",
                        attempt,
                    );
                }
                self.start_job(request, &node.name, attempt)
            }
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

    fn cordon(&mut self, request: &Request<'_>, at: &NodeVersion, roll: &RollAnnotation) -> Answer {
        if !self.is_current(at) {
            return Answer::Outdated;
        }
        self.check_age(request);
        let name = &at.name;
        if self.nodes[name].foreign {
            self.violate("no node that a person cordoned is taken", name);
        }
        let now = self.nodes[name].node.roll.as_ref();
        let again = now.is_some_and(|now| now.attempt == roll.attempt);
        if !again && !self.counts.attempts.insert(roll.attempt.clone()) {
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

    fn evict(&mut self, node: &str, attempt: &str, pod: &Pod) -> Answer {
        let roll = self
            .nodes
            .get(node)
            .and_then(|node| node.node.roll.as_ref());
        if roll.is_none() {
            self.violate("only a node that was begun is drained", node);
        }
        // A person may take the node back between the last look at it and the eviction.
        let looked_at = self.counts.looks.get(node);
        let unseen = looked_at.is_none_or(|at| self.now().saturating_sub(*at) > WRITE);
        if !self.is_cordoned_by(node, attempt) && unseen {
            self.violate("no pod is evicted from a node that was taken back", node);
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
        self.check_age(request);
        self.check_start(request, node, attempt);
        let (uid, now) = (self.fresh(), self.now());
        self.counts.started.insert(attempt.to_owned());
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
