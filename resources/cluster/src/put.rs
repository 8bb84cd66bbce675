//! `put`: records what is wanted, and rolls.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;
use trireme_blueprint::{
    Blueprint, Identity, Inventory, ObservationLog, Wanted, roll_file, summarise,
};
use trireme_kubernetes::{ActionSpec, Cluster, Lease, LeaseWait, Mark, Pods, Record};
use trireme_protocol::{Fault, Outcome, StepContext};
use trireme_release as release;

use crate::act::action_spec;
use crate::check::{current, mark, rolled};
use crate::due::{DueRoll, Run, outcome};
use crate::evidence::{Evidence, EvidenceRepository};
use crate::interruption::{release, unless_interrupted};
use crate::proof::{self, Proofs};
use crate::wanted::{asked, images, version};
use crate::{Source, Version, cordoned};

/// What to bring the cluster to.
#[derive(Deserialize, JsonSchema, Default)]
#[serde(deny_unknown_fields)]
pub struct PutParams {
    /// The wanted version. Without it: `version_file`, then the version of the source, then the recorded one.
    pub version: Option<String>,
    /// A file with the wanted version, e.g. `release/version`.
    pub version_file: Option<String>,
    /// Artifacts of images, each with `repository` and `digest`. The act gets each under the name of its folder.
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
    step: &StepContext,
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
    step: &StepContext,
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
    let run = Run {
        step,
        source,
        cluster: &cluster,
        lease: &lease,
    };
    let mut evidence = None;
    let put = Put { run, proofs };
    let done = put.carry_out(params, dir, named, &mut evidence).await;
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

async fn take(step: &StepContext, cluster: &Cluster) -> anyhow::Result<Lease> {
    let waiting = |what: LeaseWait<'_>, patience: Duration| {
        let seconds = patience.as_secs();
        let message = match what {
            LeaseWait::Held(holder) => {
                format!("held by {holder}; watching for {seconds} s whether it is renewed")
            }
            LeaseWait::Deleted => format!(
                "it was deleted; waiting {seconds} s, so that a run that held it stops before this one begins"
            ),
        };
        step.info("lease", message);
    };
    Ok(Lease::take(cluster, waiting).await?)
}

/// What a put has to do.
enum Begun {
    /// Nothing.
    Nothing(Box<Outcome<Version>>),
    /// This, which is recorded.
    Roll(Box<DueRoll>),
}

/// Decides what a put has to do.
struct Put<'a> {
    run: Run<'a>,
    proofs: Proofs<'a>,
}

impl Put<'_> {
    async fn carry_out(
        &self,
        params: &PutParams,
        dir: &Path,
        named: BTreeMap<String, String>,
        evidence: &mut Option<Evidence>,
    ) -> anyhow::Result<Outcome<Version>> {
        let begin = Box::pin(self.begin(params, dir, named));
        match unless_interrupted(self.run.step, begin).await? {
            Begun::Nothing(outcome) => Ok(*outcome),
            Begun::Roll(due) => due.carry_out(self.run, evidence).await,
        }
    }

    /// Decides what is to do, and records it.
    async fn begin(
        &self,
        params: &PutParams,
        dir: &Path,
        named: BTreeMap<String, String>,
    ) -> anyhow::Result<Begun> {
        let mut record = self.run.cluster.record().await?;
        let asked = asked(params, dir).await?;
        let wanted = self.wanted(asked, named, &record)?;
        let inventory = self.run.cluster.inventory(Pods::None).await?;
        let now = self.run.step.now().to_string();
        let known = current(self.run.source, &record, &inventory, &wanted, &now);
        let is_done = |mark: &Mark| {
            let finished = record.finished.as_ref();
            finished == Some(mark) && !inventory.differs_from(&wanted.version)
        };
        if let Some(mark) = known.as_ref().filter(|mark| is_done(mark)) {
            let goal = self.run.goal(mark);
            let file = roll_file(
                inventory.nodes.values(),
                &goal,
                &mark.from,
                &ObservationLog::default(),
                self.run.ending(None),
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
        record.epoch = self.run.lease.epoch();
        record.begun = Some(mark.clone());
        record.log = record.log.filter(|log| log.blueprint == mark.blueprint);
        self.run.cluster.store(&mut record).await?;
        Ok(Begun::Roll(Box::new(DueRoll {
            record,
            mark,
            action,
            plan,
            nodes: inventory.nodes,
        })))
    }

    /// The id of the roll that was begun and is not finished, or a new id.
    fn roll_id(&self, record: &Record) -> String {
        let begun = record.begun.as_ref();
        let nanosecond = self.run.step.now().subsec_nanosecond();
        let new = || format!("{}-{nanosecond:x}", self.run.lease.epoch());
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
            self.run.step.info("plan", line);
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
        let message = format!("nothing to do: every node runs {version}");
        self.run.step.done("cluster", message);
        if wanted.images != rolled(mark).images {
            let message = "the images have changed. Images alone start no roll; the next node whose version differs gets them";
            self.run.step.info("cluster", message);
        }
        if record.wanted.as_ref() != Some(&wanted) {
            self.action(&wanted)?;
            record.wanted = Some(wanted);
            record.epoch = self.run.lease.epoch();
            self.run.cluster.store(&mut record).await?;
        }
        Ok(outcome(mark, done))
    }

    /// The roll of a cluster that was never rolled and runs what is wanted. No image acts, so that it has none.
    fn up_to_date(&self, inventory: &Inventory, wanted: &Wanted, now: &str) -> Mark {
        let wanted = Wanted {
            version: wanted.version.clone(),
            images: BTreeMap::new(),
        };
        let identity = Identity::new(inventory, &wanted, &self.run.source.policy(), None);
        mark(identity, now)
    }

    /// The target state: the version that was asked for (or the one in the source or the record), and its images.
    fn wanted(
        &self,
        asked: Option<release::Version>,
        named: BTreeMap<String, String>,
        record: &Record,
    ) -> anyhow::Result<Wanted> {
        let version = version(asked, self.run.source, record)?;
        if !named.is_empty() {
            // They are proven already.
            return Ok(Wanted {
                version,
                images: named,
            });
        }
        let images = images(self.run.source, record, &version);
        for (name, reference) in &images {
            self.proofs.verify(name, reference)?;
        }
        Ok(Wanted { version, images })
    }

    fn action(&self, wanted: &Wanted) -> Result<ActionSpec, Fault> {
        let act = self.run.source.act.as_ref();
        let act = act
            .ok_or_else(|| Fault::config("a put needs `act` in the source: what acts on a node"))?;
        action_spec(act, wanted, &self.proofs)
    }
}
