//! `put`: records what is wanted, and rolls.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Deserialize;
use tokio::time::timeout;
use trireme_blueprint::{
    Before, Blueprint, Goal, Identity, Inventory, Node, ObservationLog, StopReason, Wanted, Window,
    roll_file, summarise,
};
use trireme_executor::interruption::last_look_limit;
use trireme_executor::{Cause, Fence, Roll, RollError, roll};
use trireme_kubernetes::{ActionSpec, Cluster, KubernetesPlatform, Lease, Mark, Pods, Record};
use trireme_protocol::{Fault, Outcome, Step};
use trireme_release as release;

use crate::act::action_spec;
use crate::check::{current, mark, rolled};
use crate::ending::ending;
use crate::evidence::{Evidence, EvidenceRepository};
use crate::interruption::{release, unless_interrupted};
use crate::proof::{self, Proofs};
use crate::wanted::{asked, images, version};
use crate::{Source, Version, cordoned};

/// What to bring the cluster to.
#[derive(Deserialize, JsonSchema, Default)]
#[serde(deny_unknown_fields)]
pub struct PutParams {
    /// The wanted version; else `version_file`, else that of the source, else the recorded one.
    pub version: Option<String>,
    /// A file with the wanted version, e.g. `release/version`.
    pub version_file: Option<String>,
    /// Artifacts of images (each with `repository` and `digest`), by whose folder name the act knows them.
    #[serde(default)]
    pub images: Vec<String>,
    /// Artifacts with a `verdict.json` for their digests.
    #[serde(default)]
    pub verdicts: Vec<String>,
    /// Artifacts with a `signature.json` for their digests.
    #[serde(default)]
    pub signatures: Vec<String>,
}

/// Records what is wanted, rolls, and records that it was done. However it ends, the nodes that are left cordoned are named.
pub(crate) async fn put(
    step: &Step,
    source: &Source,
    params: &PutParams,
    dir: &Path,
) -> anyhow::Result<Outcome<Version>> {
    let done = Box::pin(with_lease(step, source, params, dir)).await;
    if let Err(error) = &done {
        cordoned::tell(step, source, error).await;
    }
    done
}

async fn with_lease(
    step: &Step,
    source: &Source,
    params: &PutParams,
    dir: &Path,
) -> anyhow::Result<Outcome<Version>> {
    let proofs = Proofs::read(dir, params, &source.require, step.now()).await?;
    let named = proof::images(dir, &params.images).await?;
    // Before anything is written to the cluster.
    for (name, reference) in &named {
        proofs.verify(name, reference)?;
    }
    let repository = EvidenceRepository::open(source)?;
    let cluster = source.connect().await?;
    let lease = unless_interrupted(step, Box::pin(take(step, &cluster))).await?;
    let put = Put {
        step,
        source,
        cluster: &cluster,
        lease: &lease,
        proofs,
    };
    let mut evidence = None;
    let done = put.run(params, dir, named, &mut evidence).await;
    if let Err(why) = release(step, Box::pin(lease.release())).await {
        step.warn("lease", format!("it could not be released: {why}"));
    }
    // The next run need not wait for the registry.
    let stored = match (repository, evidence) {
        (Some(repository), Some(evidence)) => repository.store(step, &evidence).await,
        _ => None,
    };
    done.map(|outcome| match stored {
        Some(reference) => outcome.with("evidence", reference),
        None => outcome,
    })
}

async fn take(step: &Step, cluster: &Cluster) -> anyhow::Result<Lease> {
    let waiting = |other: &str, patience: Duration| {
        let seconds = patience.as_secs();
        step.info(
            "lease",
            format!("held by {other}; watching for {seconds} s whether it is renewed"),
        );
    };
    Ok(Lease::take(cluster, waiting).await?)
}

/// What a put has to do.
enum Begun {
    /// Nothing.
    Nothing(Box<Outcome<Version>>),
    /// This, which is recorded.
    Roll(Box<Due>),
}

/// A roll that is due, and recorded.
struct Due {
    record: Record,
    mark: Mark,
    action: ActionSpec,
    /// What was planned, as it was told.
    plan: String,
    /// The nodes as they were before.
    nodes: BTreeMap<String, Node>,
}

struct Put<'a> {
    step: &'a Step,
    source: &'a Source,
    cluster: &'a Cluster,
    lease: &'a Lease,
    proofs: Proofs<'a>,
}

impl Put<'_> {
    async fn run(
        &self,
        params: &PutParams,
        dir: &Path,
        named: BTreeMap<String, String>,
        evidence: &mut Option<Evidence>,
    ) -> anyhow::Result<Outcome<Version>> {
        let begin = Box::pin(self.begin(params, dir, named));
        let begun = unless_interrupted(self.step, begin).await?;
        let due = match begun {
            Begun::Nothing(outcome) => return Ok(*outcome),
            Begun::Roll(due) => *due,
        };
        let log = due.record.log.clone();
        let mut log = log.unwrap_or_else(|| ObservationLog::of(&due.mark.blueprint));
        let goal = self.goal(&due.mark);
        let mut nodes = due.nodes;
        let rolled = self.roll(goal.clone(), &due.action, &mut log, &mut nodes);
        match rolled.await {
            Ok(inventory) => {
                let ending = ending(None, self.lease, self.step.now());
                let nodes = inventory.nodes.values();
                let roll = roll_file(nodes, &goal, &due.mark.from, &log, ending);
                let done = roll.nodes_done();
                *evidence = Some(Evidence {
                    roll,
                    plan: due.plan,
                });
                let finish = Box::pin(self.finish(due.record, due.mark, log, done));
                unless_interrupted(self.step, finish).await
            }
            Err(mut error) => {
                self.explain(&mut error).await;
                let ending = ending(Some(&error), self.lease, self.step.now());
                let roll = roll_file(nodes.values(), &goal, &due.mark.from, &log, ending);
                *evidence = Some(Evidence {
                    roll,
                    plan: due.plan,
                });
                self.keep(due.record, log, &error).await;
                Err(told(error))
            }
        }
    }

    /// Decides what is to do, and records it.
    async fn begin(
        &self,
        params: &PutParams,
        dir: &Path,
        named: BTreeMap<String, String>,
    ) -> anyhow::Result<Begun> {
        let mut record = self.cluster.record().await?;
        let asked = asked(params, dir).await?;
        let wanted = self.wanted(asked, named, &record)?;
        let inventory = self.cluster.inventory(Pods::None).await?;
        let now = self.step.now().to_string();
        let known = current(self.source, &record, &inventory, &wanted, &now);
        let is_done = |mark: &Mark| {
            let finished = record.finished.as_ref();
            finished == Some(mark) && !inventory.differs_from(&wanted.version)
        };
        if let Some(mark) = known.as_ref().filter(|mark| is_done(mark)) {
            let goal = self.goal(mark);
            let file = roll_file(
                inventory.nodes.values(),
                &goal,
                &mark.from,
                &ObservationLog::default(),
                ending(None, self.lease, self.step.now()),
            );
            let done = file.nodes_done();
            let outcome = self.nothing(record.clone(), mark, wanted, done).await?;
            return Ok(Begun::Nothing(Box::new(outcome)));
        }
        let mark = known.unwrap_or_else(|| self.up_to_date(&inventory, &wanted, &now));
        let mark = Mark {
            roll: self.roll_id(&record),
            ..mark
        };
        // What cannot act must not be recorded as wanted either.
        let action = self.action(&wanted)?;
        let plan = self.tell_plan(&record, &mark, &inventory);
        record.wanted = Some(wanted);
        record.begun = Some(mark.clone());
        record.log = record.log.filter(|log| log.blueprint == mark.blueprint);
        self.cluster.store(&mut record).await?;
        Ok(Begun::Roll(Box::new(Due {
            record,
            mark,
            action,
            plan,
            nodes: inventory.nodes,
        })))
    }

    /// The id of the roll: that of the one that was begun and is not finished, or a new one.
    fn roll_id(&self, record: &Record) -> String {
        let begun = record.begun.as_ref();
        let nanosecond = self.step.now().subsec_nanosecond();
        let new = || format!("{}-{nanosecond:x}", self.lease.epoch());
        begun.map_or_else(new, |mark| mark.roll.clone())
    }

    /// Says what is going to happen, before it happens. Gives the same as text.
    fn tell_plan(&self, record: &Record, mark: &Mark, inventory: &Inventory) -> String {
        let Some(identity) = mark.identity.clone() else {
            return String::new();
        };
        let blueprint = Blueprint::new(inventory, identity);
        let (done, all) = blueprint.done();
        let (from, to) = (&mark.from, &mark.to);
        let mut lines = vec![format!(
            "Kubernetes {from} to {to}, {done} of {all} nodes are done"
        )];
        lines.extend(summarise(&blueprint));
        if let Some(begun) = &record.begun {
            let message = format!("continues the roll that was begun at {}", begun.since);
            lines.push(message);
        }
        for line in &lines {
            self.step.info("plan", line);
        }
        lines.join("\n") + "\n"
    }

    /// Every node runs what is wanted, and that was done before. A node does not say which images it runs, so that other images
    /// alone roll nothing; they are recorded for the next node that differs.
    async fn nothing(
        &self,
        mut record: Record,
        mark: &Mark,
        wanted: Wanted,
        done: usize,
    ) -> anyhow::Result<Outcome<Version>> {
        let version = &wanted.version;
        let message = format!("nothing is to do: every node runs {version}");
        self.step.done("cluster", message);
        if wanted.images != rolled(mark).images {
            let message = "the images are not those that acted on its nodes; that alone rolls nothing, they act when a node differs next";
            self.step.info("cluster", message);
        }
        if record.wanted.as_ref() != Some(&wanted) {
            self.action(&wanted)?;
            record.wanted = Some(wanted);
            self.cluster.store(&mut record).await?;
        }
        Ok(outcome(mark, done))
    }

    /// The roll of a cluster that was never rolled and runs what is wanted. No image acts, so that it has none.
    fn up_to_date(&self, inventory: &Inventory, wanted: &Wanted, now: &str) -> Mark {
        let wanted = Wanted {
            version: wanted.version.clone(),
            images: BTreeMap::new(),
        };
        let identity = Identity::new(inventory, &wanted, &self.source.policy(), None);
        mark(identity, now)
    }

    /// Keeps what was seen of the budgets, for the run that goes on.
    async fn keep(&self, mut record: Record, log: ObservationLog, error: &RollError) {
        // Not to an API that was away, and not when another roller has the Lease.
        let away = matches!(*error.cause, Cause::Platform(_) | Cause::Unrenewed(_));
        if away || log.watched.is_empty() {
            return;
        }
        record.log = Some(log);
        let store = Box::pin(self.cluster.store(&mut record));
        if let Err(why) = release(self.step, store).await {
            let lost = "what was observed of the budgets is lost, and the evidence will say so";
            self.step.warn("cluster", format!("{lost}: {why}"));
        }
    }

    async fn finish(
        &self,
        mut record: Record,
        mut mark: Mark,
        log: ObservationLog,
        done: usize,
    ) -> anyhow::Result<Outcome<Version>> {
        mark.finished_at = Some(self.step.now());
        record.begun = None;
        record.finished = Some(mark.clone());
        record.finished_log = Some(log);
        record.first_evidence = None;
        record.log = None;
        self.cluster.store(&mut record).await?;
        Ok(outcome(&mark, done))
    }

    /// The target state: the version that was asked for, else that of the source or the record, and its images.
    fn wanted(
        &self,
        asked: Option<release::Version>,
        named: BTreeMap<String, String>,
        record: &Record,
    ) -> anyhow::Result<Wanted> {
        let version = version(asked, self.source, record)?;
        if !named.is_empty() {
            // They are proven already.
            return Ok(Wanted {
                version,
                images: named,
            });
        }
        let images = images(self.source, record, &version);
        for (name, reference) in &images {
            self.proofs.verify(name, reference)?;
        }
        Ok(Wanted { version, images })
    }

    fn action(&self, wanted: &Wanted) -> Result<ActionSpec, Fault> {
        let act = self.source.act.as_ref();
        let act = act
            .ok_or_else(|| Fault::config("a put needs `act` in the source: what acts on a node"))?;
        action_spec(act, wanted, &self.proofs)
    }

    fn goal(&self, mark: &Mark) -> Goal {
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

    async fn roll(
        &self,
        goal: Goal,
        action: &ActionSpec,
        log: &mut ObservationLog,
        nodes: &mut BTreeMap<String, Node>,
    ) -> Result<Inventory, RollError> {
        let platform = KubernetesPlatform::start(self.cluster, self.lease, action);
        let order = Roll {
            platform: &platform,
            clock: &Timestamp::now,
            cancellation: self.step.cancellation(),
        };
        let fence = Fence::new(self.lease.renewed_at());
        let mut observed = |inventory: &Inventory, at: Timestamp| {
            log.observe(&inventory.budgets, at);
            nodes.clone_from(&inventory.nodes);
        };
        roll(&order, goal, fence, &mut observed).await
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

/// An interruption has an exit code of its own.
fn told(error: RollError) -> anyhow::Error {
    match *error.cause {
        Cause::Interrupted => Fault::interrupted(error.to_string()).because(error).into(),
        _ => error.into(),
    }
}

fn outcome(mark: &Mark, done: usize) -> Outcome<Version> {
    Outcome::new(Version::from(mark))
        .with("from", mark.from.to_string())
        .with("to", mark.to.to_string())
        .with("nodes", done.to_string())
}
