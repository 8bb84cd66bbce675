//! `put`: records what is wanted, and rolls.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Deserialize;
use trireme_blueprint::{Evidence, Goal, Identity, Inventory, Journal, Wanted};
use trireme_executor::{ActSpec, Cause, Roll, RollError, roll};
use trireme_kubernetes::{Cluster, Lease, Mark, Pods, Record};
use trireme_protocol::{Fault, Outcome, Step, build};

use crate::act::act_spec;
use crate::check::{current, mark, rolled};
use crate::interruption::{put_away, unless_interrupted};
use crate::proof::{self, Proofs};
use crate::voice::Spoken;
use crate::wanted::{images, parse};
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
    let proofs = Proofs::read(dir, params, &source.require).await?;
    let named = proof::images(dir, &params.images).await?;
    // Before anything is written to the cluster.
    for (name, reference) in &named {
        proofs.hold(name, reference)?;
    }
    let cluster = source.connect().await?;
    let mut lease = unless_interrupted(step, take(step, &cluster)).await?;
    let done = Put {
        step,
        source,
        cluster: &cluster,
        proofs,
    }
    .run(params, dir, named, &mut lease)
    .await;
    if let Err(why) = put_away(step, Box::pin(lease.release())).await {
        step.warn("lease", format!("could not be given back: {why}"));
    }
    done
}

async fn take(step: &Step, cluster: &Cluster) -> anyhow::Result<Lease> {
    let waiting = |other: &str, patience: Duration| {
        let seconds = patience.as_secs();
        step.info(
            "lease",
            format!("held by {other}; watching for {seconds} s whether it is alive"),
        );
    };
    Ok(Lease::take(cluster, &holder(), waiting).await?)
}

/// Who we are, for other rollers: unlike any other process.
fn holder() -> String {
    let host = std::env::var("HOSTNAME").unwrap_or_else(|_| "trireme".into());
    let began = jiff::Timestamp::now().as_nanosecond();
    format!("{host}-{}-{began}", std::process::id())
}

/// What a put has to do.
enum Begun {
    /// Nothing.
    Nothing(Box<Outcome<Version>>),
    /// This, which is recorded.
    Roll(Box<(Record, Mark, ActSpec)>),
}

struct Put<'a> {
    step: &'a Step,
    source: &'a Source,
    cluster: &'a Cluster,
    proofs: Proofs<'a>,
}

impl Put<'_> {
    async fn run(
        &self,
        params: &PutParams,
        dir: &Path,
        named: BTreeMap<String, String>,
        lease: &mut Lease,
    ) -> anyhow::Result<Outcome<Version>> {
        let begin = Box::pin(self.begin(params, dir, named));
        let begun = unless_interrupted(self.step, begin).await?;
        let (record, mark, act) = match begun {
            Begun::Nothing(outcome) => return Ok(*outcome),
            Begun::Roll(due) => *due,
        };
        let before = record.finished.as_ref().and_then(|mark| mark.finished_at);
        let journal = record.journal.clone();
        let mut journal = journal.unwrap_or_else(|| Journal::of(&mark.blueprint));
        match self.roll(&mark, &act, before, lease, &mut journal).await {
            Ok(evidence) => {
                let finish = Box::pin(self.finish(record, mark, evidence));
                unless_interrupted(self.step, finish).await
            }
            Err(error) => {
                self.keep(record, journal, &error).await;
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
        let wanted = self.wanted(params, dir, named, &record).await?;
        let inventory = self.cluster.inventory(Pods::None).await?;
        let now = self.step.now().to_string();
        let known = current(self.source, &record, &inventory, &wanted, &now);
        let is_done = |mark: &Mark| {
            let finished = record.finished.as_ref();
            finished == Some(mark) && !inventory.differs_from(&wanted.version)
        };
        if let Some(mark) = known.as_ref().filter(|mark| is_done(mark)) {
            let outcome = self.nothing(record.clone(), mark, wanted).await?;
            return Ok(Begun::Nothing(Box::new(outcome)));
        }
        let mark = known.unwrap_or_else(|| self.there_already(&inventory, &wanted, &now));
        // What cannot act must not be recorded as wanted either.
        let act = self.act(&wanted)?;
        record.wanted = Some(wanted);
        record.begun = Some(mark.clone());
        record.journal = record
            .journal
            .filter(|journal| journal.blueprint == mark.blueprint);
        self.cluster.store(&mut record).await?;
        Ok(Begun::Roll(Box::new((record, mark, act))))
    }

    /// Every node runs what is wanted, and that was done before. A node does not say which images it runs, so that other images
    /// alone roll nothing; they are recorded for the next node that differs.
    async fn nothing(
        &self,
        mut record: Record,
        mark: &Mark,
        wanted: Wanted,
    ) -> anyhow::Result<Outcome<Version>> {
        let version = &wanted.version;
        let message = format!("nothing is to do: every node runs {version}");
        self.step.done("cluster", message);
        if wanted.images != rolled(mark).images {
            let message = "the images are not those that acted on its nodes; that alone rolls nothing, they act when a node differs next";
            self.step.info("cluster", message);
        }
        if record.wanted.as_ref() != Some(&wanted) {
            self.act(&wanted)?;
            record.wanted = Some(wanted);
            self.cluster.store(&mut record).await?;
        }
        Ok(outcome(mark, record.evidence.as_ref()))
    }

    /// The roll of a cluster that was never rolled and runs what is wanted. No image acts, so that it has none.
    fn there_already(&self, inventory: &Inventory, wanted: &Wanted, now: &str) -> Mark {
        let wanted = Wanted {
            version: wanted.version.clone(),
            images: BTreeMap::new(),
        };
        let history = Some(self.step.now());
        let identity = Identity::new(inventory, &wanted, &self.source.policy(), history);
        mark(identity, now)
    }

    /// Keeps what was seen of the budgets, for the run that goes on.
    async fn keep(&self, mut record: Record, journal: Journal, error: &RollError) {
        // An API that was away, or a Lease that is another's by now, is not written to.
        if matches!(*error.cause, Cause::Api(_)) || journal.watched.is_empty() {
            return;
        }
        record.journal = Some(journal);
        let store = Box::pin(self.cluster.store(&mut record));
        if let Err(why) = put_away(self.step, store).await {
            let lost = "what was seen of the budgets is lost, and the evidence will say so";
            self.step.warn("cluster", format!("{lost}: {why}"));
        }
    }

    async fn finish(
        &self,
        mut record: Record,
        mut mark: Mark,
        evidence: Evidence,
    ) -> anyhow::Result<Outcome<Version>> {
        mark.finished_at = Some(self.step.now());
        record.begun = None;
        record.finished = Some(mark.clone());
        record.evidence = Some(evidence);
        record.journal = None;
        self.cluster.store(&mut record).await?;
        Ok(outcome(&mark, record.evidence.as_ref()))
    }

    async fn wanted(
        &self,
        params: &PutParams,
        dir: &Path,
        named: BTreeMap<String, String>,
        record: &Record,
    ) -> anyhow::Result<Wanted> {
        let asked = match (&params.version, &params.version_file) {
            (Some(_), Some(_)) => {
                return Err(Fault::config("give `version` or `version_file`, not both").into());
            }
            (Some(text), None) => Some(parse(text, "`version` of the params")?),
            (None, Some(file)) => {
                let text = build::read_line(dir, "version_file", file).await?;
                Some(parse(&text, file)?)
            }
            (None, None) => None,
        };
        let said = crate::wanted::wanted(self.source, record)?;
        let version = match (asked, said) {
            (Some(asked), Some(said)) if self.source.version.is_some() && asked != said.version => {
                let message = format!(
                    "the source wants {}, the params {asked}; say it in one place",
                    said.version
                );
                return Err(Fault::config(message).into());
            }
            (Some(asked), _) => asked,
            (None, Some(said)) => said.version,
            (None, None) => {
                let message = "no version is wanted; give `version_file` or `version`";
                return Err(Fault::config(message).into());
            }
        };
        if !named.is_empty() {
            // They are proven already.
            return Ok(Wanted {
                version,
                images: named,
            });
        }
        let images = images(self.source, record, &version);
        for (name, reference) in &images {
            self.proofs.hold(name, reference)?;
        }
        Ok(Wanted { version, images })
    }

    fn act(&self, wanted: &Wanted) -> Result<ActSpec, Fault> {
        let act = self.source.act.as_ref();
        let act = act
            .ok_or_else(|| Fault::config("a put needs `act` in the source: what acts on a node"))?;
        act_spec(act, wanted, &self.proofs)
    }

    async fn roll(
        &self,
        mark: &Mark,
        act: &ActSpec,
        history_until: Option<Timestamp>,
        lease: &mut Lease,
        journal: &mut Journal,
    ) -> Result<Evidence, RollError> {
        let goal = Goal {
            blueprint: mark.blueprint.clone(),
            wanted: rolled(mark),
            policy: self.source.policy(),
            started_at: self.step.now(),
            history_until,
        };
        let order = Roll {
            cluster: self.cluster,
            goal: &goal,
            act,
            voice: &Spoken(self.step),
        };
        roll(&order, lease, journal).await
    }
}

/// An interruption has an exit code of its own.
fn told(error: RollError) -> anyhow::Error {
    match *error.cause {
        Cause::Interrupted => Fault::interrupted(error.to_string()).because(error).into(),
        _ => error.into(),
    }
}

fn outcome(mark: &Mark, evidence: Option<&Evidence>) -> Outcome<Version> {
    let nodes = evidence.map_or(0, |evidence| evidence.nodes.len());
    Outcome::new(Version::from(mark))
        .with("from", mark.from.to_string())
        .with("to", mark.to.to_string())
        .with("nodes", nodes.to_string())
}
