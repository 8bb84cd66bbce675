//! A roll that is due: carried out, its evidence made, and its end recorded.

use std::collections::BTreeMap;

use jiff::Timestamp;
use tokio::time::timeout;
use trireme_blueprint::{
    Before, Ending, Goal, Inventory, Node, ObservationLog, StopReason, Window, roll_file,
};
use trireme_executor::interruption::last_look_limit;
use trireme_executor::{Cause, Fence, Roll, RollError, roll};
use trireme_kubernetes::{ActionSpec, Cluster, KubernetesPlatform, Lease, Mark, Record};
use trireme_protocol::{Fault, Outcome, StepContext};

use crate::check::rolled;
use crate::ending::ending;
use crate::evidence::Evidence;
use crate::interruption::{release, unless_interrupted};
use crate::{Source, Version};

/// One run of a put, which holds the Lease.
#[derive(Clone, Copy)]
pub(crate) struct Run<'a> {
    pub(crate) step: &'a StepContext,
    pub(crate) source: &'a Source,
    pub(crate) cluster: &'a Cluster,
    pub(crate) lease: &'a Lease,
}

impl Run<'_> {
    /// What this run pursues.
    pub(crate) fn goal(&self, mark: &Mark) -> Goal {
        Goal {
            blueprint: mark.blueprint.clone(),
            roll: mark.roll.clone(),
            epoch: self.lease.epoch(),
            wanted: rolled(mark),
            policy: self.source.policy(),
            window: Window::Open,
            before: Before::default(),
        }
    }

    /// How the roll ended, now: as `error` says, else well.
    pub(crate) fn ending(&self, error: Option<&RollError>) -> Ending {
        ending(error, self.lease, self.step.now())
    }

    /// Adds to a failed Job how its container ended, as far as that can be read.
    async fn explain(&self, error: &mut RollError) {
        let Cause::Stopped { reason, .. } = error.cause.as_mut() else {
            return;
        };
        let StopReason::JobFailed { job, why } = reason else {
            return;
        };
        let ended = self.cluster.failed_containers(job);
        let limit = last_look_limit(self.step.cancellation());
        if let Ok(Ok(Some(ended))) = timeout(limit, ended).await {
            *why += &format!("; {ended}");
        }
    }
}

/// A roll that is due, and recorded.
pub(crate) struct DueRoll {
    pub(crate) record: Record,
    pub(crate) mark: Mark,
    pub(crate) action: ActionSpec,
    /// What was planned, as it was told.
    pub(crate) plan: String,
    /// The nodes as they were observed last.
    pub(crate) nodes: BTreeMap<String, Node>,
}

impl DueRoll {
    /// Rolls, and records how that ended. `evidence` is what was done, however it ended.
    pub(crate) async fn carry_out(
        mut self,
        run: Run<'_>,
        evidence: &mut Option<Evidence>,
    ) -> anyhow::Result<Outcome<Version>> {
        let log = self.record.log.clone();
        let mut log = log.unwrap_or_else(|| ObservationLog::of(&self.mark.blueprint));
        let goal = run.goal(&self.mark);
        let mut rolled = self.roll(run, goal.clone(), &mut log).await;
        if let Err(error) = &mut rolled {
            run.explain(error).await;
        }
        let ending = run.ending(rolled.as_ref().err());
        let roll = roll_file(self.nodes.values(), &goal, &self.mark.from, &log, ending);
        let done = roll.nodes_done();
        *evidence = Some(Evidence {
            roll,
            plan: std::mem::take(&mut self.plan),
        });
        match rolled {
            Ok(()) => {
                let finish = Box::pin(self.finish(run, log, done));
                unless_interrupted(run.step, finish).await
            }
            Err(error) => {
                self.keep(run, log, &error).await;
                Err(told(error))
            }
        }
    }

    async fn roll(
        &mut self,
        run: Run<'_>,
        goal: Goal,
        log: &mut ObservationLog,
    ) -> Result<(), RollError> {
        let platform = KubernetesPlatform::start(run.cluster, run.lease, &self.action);
        let order = Roll {
            platform: &platform,
            clock: &Timestamp::now,
            cancellation: run.step.cancellation(),
        };
        let fence = Fence::new(run.lease.renewed_at());
        let nodes = &mut self.nodes;
        let mut observed = |inventory: &Inventory, at: Timestamp| {
            log.observe(&inventory.budgets, at);
            nodes.clone_from(&inventory.nodes);
        };
        roll(&order, goal, fence, &mut observed).await?;
        Ok(())
    }

    /// Keeps what was seen of the budgets, for the run that goes on.
    async fn keep(mut self, run: Run<'_>, log: ObservationLog, error: &RollError) {
        // Not to an API that was away, and not when another roller has the Lease.
        let away = matches!(*error.cause, Cause::Platform(_) | Cause::Unrenewed(_));
        if away || log.watched.is_empty() {
            return;
        }
        self.record.log = Some(log);
        let store = Box::pin(run.cluster.store(&mut self.record));
        if let Err(why) = release(run.step, store).await {
            let lost = "what was observed of the budgets is lost, and the evidence will say so";
            run.step.warn("cluster", format!("{lost}: {why}"));
        }
    }

    async fn finish(
        self,
        run: Run<'_>,
        log: ObservationLog,
        done: usize,
    ) -> anyhow::Result<Outcome<Version>> {
        let Self {
            mut record,
            mut mark,
            ..
        } = self;
        mark.finished_at = Some(run.step.now());
        record.begun = None;
        record.finished = Some(mark.clone());
        record.finished_log = Some(log);
        record.first_evidence = None;
        record.log = None;
        run.cluster.store(&mut record).await?;
        Ok(outcome(&mark, done))
    }
}

/// An interruption has an exit code of its own.
fn told(error: RollError) -> anyhow::Error {
    match *error.cause {
        Cause::Interrupted => Fault::interrupted(error.to_string())
            .with_source(error)
            .into(),
        _ => error.into(),
    }
}

pub(crate) fn outcome(mark: &Mark, done: usize) -> Outcome<Version> {
    Outcome::new(Version::from(mark))
        .with("from", mark.from.to_string())
        .with("to", mark.to.to_string())
        .with("nodes", done.to_string())
}
