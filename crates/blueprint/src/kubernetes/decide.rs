//! What a node with an attempt under way needs now.

use std::collections::BTreeSet;
use std::time::Duration;

use super::action::{Action, NodeVersion, Start};
use super::annotation::{RollAnnotation, RolledAnnotation, job_name};
use super::attempt::Attempt;
use super::begin::{cordon, cordon_again};
use super::blockers::{Phase, blockers, some_of};
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
    let Some(attempt) = Attempt::on(inventory, node) else {
        return Vec::new();
    };
    let decider = Decider {
        inventory,
        goal,
        timers,
        node,
        roll: attempt.roll,
        attempt,
    };
    if let Some(decision) = decider.clear_earlier() {
        return vec![decision];
    }
    match attempt.job() {
        Some(job) => decider.after_start(job),
        None if attempt.has_reached_version() => vec![decider.return_to_service()],
        None => match decider.since_job_was_seen() {
            Some(gone_for) => vec![decider.after_lost_job(gone_for)],
            None => decider.before_start(),
        },
    }
}

/// Whether the attempt on `node` waits for the control plane, while nothing runs on the node: its goal was replaced after an
/// action on it had failed, so that it can neither go on nor be given back.
pub(crate) fn waits_for_control_plane(inventory: &Inventory, goal: &Goal, node: &Node) -> bool {
    let attempt = Attempt::on(inventory, node).filter(|_| !node.control_plane);
    let Some(attempt) = attempt else {
        return false;
    };
    let failed_before = match attempt.job() {
        None => !attempt.has_reached_version() && (attempt.roll.may_have_acted() || !node.ready),
        Some(job) => {
            let failed = matches!(job.state, JobState::Failed(_));
            failed && goal.before.failed_jobs.contains(&job.uid)
        }
    };
    let lacks = || blockers(inventory, goal, &[], node, Phase::Act);
    failed_before && attempt.is_quiet() && lacks().first().is_some_and(Blocker::may_pass)
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

/// What an attempt needs under a goal, by what this run has measured.
struct Decider<'a> {
    inventory: &'a Inventory,
    goal: &'a Goal,
    timers: &'a Timers,
    node: &'a Node,
    roll: &'a RollAnnotation,
    attempt: Attempt<'a>,
}

impl Decider<'_> {
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

    /// How long ago this run saw the Job of the attempt for the last time; none when it never did.
    fn since_job_was_seen(&self) -> Option<Duration> {
        let (node, attempt) = (&self.node.name, &self.roll.attempt);
        self.timers.since_seen(node, attempt, Stage::ActionSeen)
    }

    /// One action on a node at a time: what an earlier attempt left has to end first. An Active Job is never deleted.
    fn clear_earlier(&self) -> Option<NodeDecision> {
        if planted(Bug::BackgroundDelete) {
            return self.delete_earlier();
        }
        if let Some(job) = self.attempt.earlier_job() {
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
        let job = self.attempt.job();
        let active = job.is_some_and(|job| job.state == JobState::Active);
        let pod = self.attempt.running_action().filter(|_| !active)?;
        Some(self.wait_for_earlier(
            WaitReason::ActionPod(pod.path()),
            format!("pod {} of an earlier action", pod.path()),
        ))
    }

    /// A planted bug: the Job goes, whatever it does, and what it left on the node is not waited for.
    fn delete_earlier(&self) -> Option<NodeDecision> {
        let job = self.attempt.earlier_job()?;
        Some(self.delete(job))
    }

    fn delete(&self, job: &ActionJob) -> NodeDecision {
        Decision::Do(Action::DeleteJob {
            node: self.node.name.clone(),
            attempt: self.roll.attempt.clone(),
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

    /// The Job of the attempt was seen by this run and is gone (a person or a cleaner deleted it). What it did is not known: it is not
    /// started again by itself, and the node is not given back before it reports what it should run.
    fn after_lost_job(&self, gone_for: Duration) -> NodeDecision {
        let job = job_name(&self.node.name, &self.roll.attempt);
        let lacks = blockers(self.inventory, self.goal, &[], self.node, Phase::Return);
        let Some(lacks) = lacks.into_iter().next() else {
            return self.return_to_service();
        };
        let limit = self.goal.policy.node_timeout;
        if gone_for < limit {
            return self.wait(WaitReason::JobGone { job, lacks });
        }
        let (seconds, lacks) = (limit.as_secs(), lacks.to_string());
        let gone = StopReason::JobGone {
            job,
            seconds,
            lacks,
        };
        self.stop(gone, None)
    }

    /// No Job of the attempt is there: may the node go on, is it empty, then start the Job.
    fn before_start(&self) -> Vec<NodeDecision> {
        let blocker = blockers(self.inventory, self.goal, &[], self.node, Phase::Act);
        if let Some(blocker) = blocker.into_iter().next() {
            return vec![self.give_back(blocker)];
        }
        let other_goal = self.roll.blueprint != self.goal.blueprint || self.roll.attempt.is_empty();
        if other_goal {
            return vec![Decision::Do(self.attempt_anew())];
        }
        if self.node.schedulable {
            return vec![self.cordon_again()];
        }
        self.drain()
    }

    /// Something has uncordoned the node. It is cordoned again, but not for longer than a drain may take.
    fn cordon_again(&self) -> NodeDecision {
        let limit = self.goal.policy.drain_timeout;
        if self.spent(Stage::Draining) < limit {
            return Decision::Do(cordon_again(self.goal, self.node, self.roll));
        }
        let seconds = limit.as_secs();
        self.stop(StopReason::Uncordoned { seconds }, self.last_give_back())
    }

    /// The last write to a node on which nothing was done.
    fn last_give_back(&self) -> Option<Action> {
        let back = Action::GiveBack {
            node: NodeVersion::from(self.node),
        };
        (!self.roll.may_have_acted()).then_some(back)
    }

    fn attempt_anew(&self) -> Action {
        cordon(self.inventory, self.goal, self.timers, self.node)
    }

    /// A node that may not go on goes back into service, if nothing was done on it.
    fn give_back(&self, blocker: Blocker) -> NodeDecision {
        if self.roll.may_have_acted() || !self.node.ready {
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
            return vec![Decision::Do(self.start_job())];
        }
        if self.spent(Stage::Draining) >= self.goal.policy.drain_timeout {
            return vec![self.drain_timeout(&pods)];
        }
        let wait = self.wait(WaitReason::PodsLeaving(pods.len()));
        let staying = pods.into_iter().filter(|pod| !pod.terminating);
        let evict = staying.map(|pod| {
            Decision::Do(Action::Evict {
                node: name.clone(),
                attempt: self.roll.attempt.clone(),
                pod: Box::new(pod.clone()),
            })
        });
        evict.chain([wait]).collect()
    }

    fn start_job(&self) -> Action {
        let start = match self.roll.started {
            false => Start::First,
            true if self.roll.epoch == self.goal.epoch => Start::Repeated,
            true => Start::AfterLost,
        };
        let annotation = RollAnnotation {
            started: true,
            epoch: self.goal.epoch,
            ..self.roll.clone()
        };
        Action::StartJob {
            node: NodeVersion::from(self.node),
            annotation: Box::new(annotation),
            start,
        }
    }

    fn drain_timeout(&self, pods: &[&Pod]) -> NodeDecision {
        let mut names: Vec<_> = pods.iter().map(|pod| pod.path()).collect();
        names.sort();
        let reason = StopReason::DrainTimeout {
            seconds: self.goal.policy.drain_timeout.as_secs(),
            pods: some_of(&names),
        };
        self.stop(reason, self.last_give_back())
    }

    /// The Job has begun.
    fn after_start(&self, job: &ActionJob) -> Vec<NodeDecision> {
        let name = job.name.clone();
        vec![match &job.state {
            JobState::Succeeded => self.return_to_service(),
            JobState::Terminating => {
                let what = format!("Job {name}, which is being deleted,");
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
