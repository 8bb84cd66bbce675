//! What a node with an attempt under way needs now.

use std::collections::BTreeSet;
use std::time::Duration;

use super::action::{Action, NodeVersion};
use super::annotation::{RollAnnotation, RolledAnnotation, attempt_id};
use super::blockers::{Phase, blockers, some_of, unready_before};
use super::inventory::{ActionJob, Inventory, JobState, Node, Pod};
use crate::blocker::Blocker;
use crate::decision::{Decision, Stop, StopReason, Wait, WaitReason};
use crate::goal::{Before, Goal};
use crate::planted::{Bug, planted};
use crate::timers::{Stage, Timers};

type NodeDecision = Decision<Action>;

/// What `node`, which carries our annotation, needs: one decision, or an action and what is waited for beside it.
pub(crate) fn decide(
    inventory: &Inventory,
    goal: &Goal,
    timers: &Timers,
    node: &Node,
) -> Vec<NodeDecision> {
    let Some(roll) = &node.roll else {
        return Vec::new();
    };
    let attempt = Attempt {
        inventory,
        goal,
        timers,
        node,
        roll,
    };
    if let Some(decision) = attempt.clear_earlier() {
        return vec![decision];
    }
    match attempt.job() {
        Some(job) => attempt.after_start(job),
        None if roll.to.accepts(&node.version) => vec![attempt.return_to_service()],
        None => attempt.before_start(),
    }
}

/// Whether the attempt on `node` waits for the control plane, while nothing runs on the node: its goal was replaced after an
/// action on it had failed, so that it can neither go on nor be given back.
pub(crate) fn waits_for_control_plane(inventory: &Inventory, goal: &Goal, node: &Node) -> bool {
    let Some(roll) = node.roll.as_ref().filter(|_| !node.control_plane) else {
        return false;
    };
    let mut jobs = inventory.jobs.iter();
    let failed_before = match jobs.find(|job| is_of(job, node, roll)) {
        None => !roll.to.accepts(&node.version) && (roll.acted || !node.ready),
        Some(job) => {
            let failed = matches!(job.state, JobState::Failed(_));
            failed && goal.before.failed_jobs.contains(&job.uid)
        }
    };
    let is_quiet =
        earlier_job(inventory, node, roll).is_none() && running_action(inventory, node).is_none();
    let lacks = || blockers(inventory, goal, &[], node, Phase::Act);
    failed_before && is_quiet && lacks().first().is_some_and(Blocker::may_pass)
}

/// How far each attempt is.
pub(crate) fn stages(inventory: &Inventory) -> Vec<(String, String, Stage)> {
    let stage = |node: &Node| {
        let roll = node.roll.as_ref()?;
        let job = inventory.jobs.iter().find(|job| is_of(job, node, roll));
        let stage = match job.map(|job| &job.state) {
            _ if earlier_job(inventory, node, roll).is_some() => Stage::Clearing,
            Some(JobState::Active) => Stage::Acting,
            _ if running_action(inventory, node).is_some() => Stage::Clearing,
            Some(JobState::Succeeded) => Stage::Returning,
            Some(JobState::Failed(_) | JobState::Terminating) => Stage::Clearing,
            None if roll.to.accepts(&node.version) => Stage::Returning,
            None => Stage::Draining,
        };
        Some((node.name.clone(), roll.attempt.clone(), stage))
    };
    inventory.begun().filter_map(stage).collect()
}

/// What is so before this run does anything.
pub(crate) fn before(inventory: &Inventory, goal: &Goal) -> Before {
    let failed = inventory.jobs.iter();
    let failed = failed.filter(|job| matches!(job.state, JobState::Failed(_)));
    let under_way = |node: &Node| node.roll.is_some() || goal.finished(node).is_some();
    let budgets = inventory.budgets.iter();
    let unsatisfied = budgets.filter(|budget| !budget.is_satisfied());
    let unsatisfied: BTreeSet<_> = unsatisfied.map(super::Budget::title).collect();
    Before {
        failed_jobs: failed.map(|job| job.uid.clone()).collect(),
        unsatisfied_budgets: (!inventory.nodes.values().any(under_way)).then_some(unsatisfied),
    }
}

/// The patch that begins an attempt on `node`, or a new one. What is known of the node since it was first cordoned stays.
pub(crate) fn cordon(inventory: &Inventory, goal: &Goal, timers: &Timers, node: &Node) -> Action {
    let earlier = node.roll.as_ref();
    let now = timers.now().wall;
    let annotation = RollAnnotation {
        blueprint: goal.blueprint.clone(),
        attempt: attempt_id(node),
        roll: goal.roll.clone(),
        epoch: goal.epoch,
        from: earlier.map_or(&node.version, |roll| &roll.from).clone(),
        to: goal.wanted.version.clone(),
        cordoned_at: earlier.map_or(now, |roll| roll.cordoned_at),
        clock: earlier.map_or(goal.epoch, |roll| roll.clock),
        acted: earlier.is_some_and(|roll| roll.acted || has_job(inventory, node)),
        unready_before: earlier.map_or_else(
            || unready_before(inventory, node),
            |roll| roll.unready_before.clone(),
        ),
    };
    Action::Cordon {
        node: NodeVersion::from(node),
        annotation: Box::new(annotation),
    }
}

/// Whether a Job has acted on `node` since it was cordoned, or may have.
fn has_job(inventory: &Inventory, node: &Node) -> bool {
    let roll = node.roll.as_ref();
    let mut jobs = inventory.jobs.iter();
    jobs.any(|job| roll.is_some_and(|roll| is_of(job, node, roll)))
}

/// Whether `job` belongs to the attempt `roll` on `node`. Attempts have ids; an annotation and a Job of the first release
/// have none, and belong together by blueprint.
fn is_of(job: &ActionJob, node: &Node, roll: &RollAnnotation) -> bool {
    let same = job.node == node.name && job.attempt == roll.attempt && !is_too_old(job, roll);
    same && (!roll.attempt.is_empty() || job.blueprint == roll.blueprint)
}

/// A planted bug: two clocks are compared, or whole seconds with fractions.
fn is_too_old(job: &ActionJob, roll: &RollAnnotation) -> bool {
    let Some(created_at) = job.created_at else {
        return false;
    };
    let cordoned_at = roll.cordoned_at;
    (planted(Bug::TwoClocks) && created_at.as_second() < cordoned_at.as_second())
        || (planted(Bug::SecondsFloored) && created_at < cordoned_at)
}

/// A Job of another attempt on `node` that is not at its end, or failed.
fn earlier_job<'a>(
    inventory: &'a Inventory,
    node: &Node,
    roll: &RollAnnotation,
) -> Option<&'a ActionJob> {
    let jobs = inventory.jobs.iter();
    let others = jobs.filter(|job| {
        job.node == node.name && !is_of(job, node, roll) && job.state != JobState::Succeeded
    });
    others.min_by_key(|job| (matches!(job.state, JobState::Failed(_)), &job.name))
}

/// A pod of any action that runs on `node`.
fn running_action<'a>(inventory: &'a Inventory, node: &Node) -> Option<&'a Pod> {
    let pods = inventory.pods_of(&node.name);
    pods.filter(|pod| pod.is_running_action())
        .min_by_key(|pod| pod.path())
}

struct Attempt<'a> {
    inventory: &'a Inventory,
    goal: &'a Goal,
    timers: &'a Timers,
    node: &'a Node,
    roll: &'a RollAnnotation,
}

impl Attempt<'_> {
    fn wait(&self, reason: WaitReason) -> NodeDecision {
        Decision::Wait(Wait {
            object: self.node.title(),
            reason,
        })
    }

    fn stop(&self, reason: StopReason, last: Option<Action>) -> NodeDecision {
        Decision::Stop(Stop {
            object: self.node.title(),
            reason,
            last,
        })
    }

    fn spent(&self, stage: Stage) -> Duration {
        self.timers
            .spent(&self.node.name, &self.roll.attempt, stage)
    }

    fn job(&self) -> Option<&ActionJob> {
        let mut jobs = self.inventory.jobs.iter();
        jobs.find(|job| is_of(job, self.node, self.roll))
    }

    /// One action on a node at a time: what an earlier attempt left has to end first. An Active Job is never deleted.
    fn clear_earlier(&self) -> Option<NodeDecision> {
        if planted(Bug::BackgroundDelete) {
            return self.delete_earlier();
        }
        if let Some(job) = earlier_job(self.inventory, self.node, self.roll) {
            return Some(match job.state {
                JobState::Failed(_) => self.delete(job),
                // With these bugs an own Job counts as one that an earlier roll left behind.
                _ if planted(Bug::TwoClocks) || planted(Bug::SecondsFloored) => self.delete(job),
                _ => self.wait_for_earlier(
                    WaitReason::EarlierJob(job.name.clone()),
                    format!("Job {} of an earlier attempt", job.name),
                ),
            });
        }
        let active = self.job().is_some_and(|job| job.state == JobState::Active);
        let pod = running_action(self.inventory, self.node).filter(|_| !active)?;
        Some(self.wait_for_earlier(
            WaitReason::ActionPod(pod.path()),
            format!("pod {} of an earlier action", pod.path()),
        ))
    }

    /// A planted bug: the Job goes, whatever it does, and what it left on the node is not waited for.
    fn delete_earlier(&self) -> Option<NodeDecision> {
        let job = earlier_job(self.inventory, self.node, self.roll)?;
        Some(self.delete(job))
    }

    fn delete(&self, job: &ActionJob) -> NodeDecision {
        Decision::Do(Action::DeleteJob {
            node: self.node.name.clone(),
            job: job.name.clone(),
            uid: job.uid.clone(),
        })
    }

    fn wait_for_earlier(&self, reason: WaitReason, what: String) -> NodeDecision {
        let limit = self.goal.policy.act_timeout;
        if self.spent(Stage::Clearing) < limit {
            return self.wait(reason);
        }
        let seconds = limit.as_secs();
        self.stop(StopReason::EarlierTimeout { what, seconds }, None)
    }

    /// Nothing was done on the node yet: may it go on, is it empty, then start the Job.
    fn before_start(&self) -> Vec<NodeDecision> {
        let blocker = blockers(self.inventory, self.goal, &[], self.node, Phase::Act);
        if let Some(blocker) = blocker.into_iter().next() {
            return vec![self.give_back(blocker)];
        }
        let other_goal = self.roll.blueprint != self.goal.blueprint || self.roll.attempt.is_empty();
        if other_goal || self.node.schedulable {
            return vec![Decision::Do(self.attempt_anew())];
        }
        self.drain()
    }

    fn attempt_anew(&self) -> Action {
        cordon(self.inventory, self.goal, self.timers, self.node)
    }

    /// A node that may not go on goes back into service, if nothing was done on it.
    fn give_back(&self, blocker: Blocker) -> NodeDecision {
        if self.roll.acted || !self.node.ready {
            return self.wait_or_stop(blocker);
        }
        Decision::Do(Action::GiveBack {
            node: NodeVersion::from(self.node),
        })
    }

    fn drain(&self) -> Vec<NodeDecision> {
        let name = &self.node.name;
        if !self.inventory.pods.contains_key(name) {
            let unknown = Blocker::PodsUnknown { node: name.clone() };
            return vec![self.wait(WaitReason::Blocked(unknown))];
        }
        let pods: Vec<_> = self.inventory.pods_to_evict(name).collect();
        if pods.is_empty() {
            let attempt = self.roll.attempt.clone();
            return vec![Decision::Do(Action::StartJob {
                node: name.clone(),
                attempt,
            })];
        }
        if self.spent(Stage::Draining) >= self.goal.policy.drain_timeout {
            return vec![self.drain_timeout(&pods)];
        }
        let wait = self.wait(WaitReason::PodsLeaving(pods.len()));
        let staying = pods.into_iter().filter(|pod| !pod.terminating);
        let evict = staying.map(|pod| {
            let (node, pod) = (name.clone(), Box::new(pod.clone()));
            Decision::Do(Action::Evict { node, pod })
        });
        evict.chain([wait]).collect()
    }

    fn drain_timeout(&self, pods: &[&Pod]) -> NodeDecision {
        let mut names: Vec<_> = pods.iter().map(|pod| pod.path()).collect();
        names.sort();
        let reason = StopReason::DrainTimeout {
            seconds: self.goal.policy.drain_timeout.as_secs(),
            pods: some_of(&names),
        };
        let back = Action::GiveBack {
            node: NodeVersion::from(self.node),
        };
        self.stop(reason, (!self.roll.acted).then_some(back))
    }

    /// The Job has begun.
    fn after_start(&self, job: &ActionJob) -> Vec<NodeDecision> {
        let name = job.name.clone();
        vec![match &job.state {
            JobState::Succeeded => self.return_to_service(),
            JobState::Terminating => {
                let what = format!("Job {name}, which somebody deletes,");
                self.wait_for_earlier(WaitReason::EarlierJob(name), what)
            }
            // A person has seen that it failed and asks again.
            JobState::Failed(_) if self.goal.before.failed_jobs.contains(&job.uid) => {
                self.try_again()
            }
            JobState::Failed(why) => {
                let why = why.clone();
                self.stop(StopReason::JobFailed { job: name, why }, None)
            }
            JobState::Active if self.spent(Stage::Acting) >= self.goal.policy.act_timeout => {
                let seconds = self.goal.policy.act_timeout.as_secs();
                self.stop(StopReason::JobTimeout { job: name, seconds }, None)
            }
            JobState::Active => self.wait(WaitReason::JobRunning(name)),
        }]
    }

    /// A new attempt after one that failed; the questions of the first are asked again.
    fn try_again(&self) -> NodeDecision {
        let blocker = blockers(self.inventory, self.goal, &[], self.node, Phase::Act);
        match blocker.into_iter().next() {
            Some(blocker) => self.wait_or_stop(blocker),
            None => Decision::Do(self.attempt_anew()),
        }
    }

    /// A node that can be neither finished nor given back waits for the control plane, if that helps.
    fn wait_or_stop(&self, blocker: Blocker) -> NodeDecision {
        match blocker.may_pass() {
            true => self.wait(WaitReason::Blocked(blocker)),
            false => self.stop(StopReason::Blocked(blocker), None),
        }
    }

    /// The Job is done: wait for a node that is Ready, new and healthy, then give it back.
    fn return_to_service(&self) -> NodeDecision {
        let lacks = blockers(self.inventory, self.goal, &[], self.node, Phase::Return);
        let Some(blocker) = lacks.into_iter().next() else {
            return Decision::Do(Action::Uncordon {
                node: NodeVersion::from(self.node),
                annotation: Box::new(self.rolled()),
            });
        };
        let limit = self.goal.policy.node_timeout;
        if self.spent(Stage::Returning) < limit {
            return self.wait(WaitReason::Blocked(blocker));
        }
        let (seconds, lacks) = (limit.as_secs(), blocker.to_string());
        self.stop(StopReason::ReturnTimeout { seconds, lacks }, None)
    }

    /// What is written on a node that goes back into service. The times are those at which this run saw it come there.
    fn rolled(&self) -> RolledAnnotation {
        let entered = |stage| {
            let entered = self
                .timers
                .entered(&self.node.name, &self.roll.attempt, stage);
            entered.map(|moment| moment.wall)
        };
        let now = self.timers.now().wall;
        let acted_at = entered(Stage::Returning).unwrap_or(now);
        RolledAnnotation {
            blueprint: self.roll.blueprint.clone(),
            attempt: self.roll.attempt.clone(),
            roll: self.roll.roll.clone(),
            epoch: self.goal.epoch,
            one_clock: self.roll.clock == self.goal.epoch,
            from: self.roll.from.clone(),
            to: self.node.version.clone(),
            cordoned_at: self.roll.cordoned_at,
            drained_at: entered(Stage::Acting).unwrap_or(acted_at),
            acted_at,
            ready_at: now,
            uncordoned_at: now,
        }
    }
}

/// A planted bug: whether the Job of the attempt that would be begun on `node` is there.
pub(crate) fn has_job_of_next(inventory: &Inventory, node: &Node) -> bool {
    let mut jobs = inventory.jobs.iter();
    jobs.any(|job| job.node == node.name && job.state == JobState::Active)
}

/// A planted bug: the Job of the attempt that would be begun on `node`.
pub(crate) fn start_of_next(node: &Node) -> Action {
    Action::StartJob {
        node: node.name.clone(),
        attempt: attempt_id(node),
    }
}
