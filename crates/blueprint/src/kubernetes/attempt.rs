//! An attempt on a node as it stands: its Job, what earlier attempts left on the node, and how far it is.

use super::annotation::RollAnnotation;
use super::inventory::{ActionJob, Inventory, JobState, Node, Pod};
use crate::planted::{Bug, planted};
use crate::timers::Stage;

/// The attempt under way on a node, in what was observed.
#[derive(Clone, Copy)]
pub(crate) struct Attempt<'a> {
    pub(crate) inventory: &'a Inventory,
    pub(crate) node: &'a Node,
    pub(crate) roll: &'a RollAnnotation,
}

impl<'a> Attempt<'a> {
    /// The attempt on `node`; none when it has none.
    pub(crate) fn on(inventory: &'a Inventory, node: &'a Node) -> Option<Self> {
        let roll = node.roll.as_ref()?;
        Some(Self {
            inventory,
            node,
            roll,
        })
    }

    /// Its Job.
    pub(crate) fn job(&self) -> Option<&'a ActionJob> {
        let mut jobs = self.inventory.jobs.iter();
        jobs.find(|job| self.owns(job))
    }

    /// Whether `job` belongs to it. Attempts have ids; an annotation and a Job of the first release have none, and belong together by
    /// blueprint.
    fn owns(&self, job: &ActionJob) -> bool {
        let roll = self.roll;
        let same =
            job.node == self.node.name && job.attempt == roll.attempt && !is_too_old(job, roll);
        same && (!roll.attempt.is_empty() || job.blueprint == roll.blueprint)
    }

    /// A Job of another attempt on the node that is not at its end, or failed.
    pub(crate) fn earlier_job(&self) -> Option<&'a ActionJob> {
        let jobs = self.inventory.jobs.iter();
        let others = jobs.filter(|job| {
            job.node == self.node.name && !self.owns(job) && job.state != JobState::Succeeded
        });
        others.min_by_key(|job| (matches!(job.state, JobState::Failed(_)), &job.name))
    }

    /// A pod of any action that runs on the node.
    pub(crate) fn running_action(&self) -> Option<&'a Pod> {
        let pods = self.inventory.pods_of(&self.node.name);
        pods.filter(|pod| pod.is_running_action())
            .min_by_key(|pod| pod.path())
    }

    /// Whether nothing of an earlier attempt, and no action, is on the node.
    pub(crate) fn is_quiet(&self) -> bool {
        self.earlier_job().is_none() && self.running_action().is_none()
    }

    /// Whether the node runs what the attempt brings.
    pub(crate) fn has_reached_version(&self) -> bool {
        self.roll.to.accepts(&self.node.version)
    }

    /// How far it is.
    fn stage(&self) -> Stage {
        match self.job().map(|job| &job.state) {
            _ if self.earlier_job().is_some() => Stage::Clearing,
            Some(JobState::Active) => Stage::Acting,
            _ if self.running_action().is_some() => Stage::Clearing,
            Some(JobState::Succeeded) => Stage::Returning,
            Some(JobState::Failed(_) | JobState::Terminating) => Stage::Clearing,
            None if self.has_reached_version() => Stage::Returning,
            None => Stage::Draining,
        }
    }

    fn stages(&self) -> impl Iterator<Item = Stage> + use<> {
        let seen = self.job().map(|_| Stage::ActionSeen);
        [self.stage()].into_iter().chain(seen)
    }
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

/// How far each attempt is.
pub(crate) fn stages(inventory: &Inventory) -> Vec<(String, String, Stage)> {
    let attempts = inventory
        .begun()
        .filter_map(|node| Attempt::on(inventory, node));
    let stages = attempts.flat_map(|attempt| {
        let (unit, id) = (&attempt.node.name, &attempt.roll.attempt);
        attempt
            .stages()
            .map(|stage| (unit.clone(), id.clone(), stage))
    });
    stages.collect()
}
