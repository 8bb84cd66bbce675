//! `put`: records what is wanted, and rolls.

use std::collections::BTreeMap;
use std::path::Path;

use schemars::JsonSchema;
use serde::Deserialize;
use trireme_blueprint::{Blueprint, Evidence, Goal, Identity, Inventory, Journal, Wanted};
use trireme_executor::{ActSpec, Roll, RollError, Voice, roll};
use trireme_kubernetes::{Cluster, Error, Lease, Mark, Pods, Record};
use trireme_protocol::{Fault, Outcome, Step, build};

use crate::check::current;
use crate::proof::{self, Proofs};
use crate::wanted::{images, parse};
use crate::{ActSource, Source, Version};

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

/// Records what is wanted, rolls, and records that it was done.
pub(crate) async fn put(
    step: &Step,
    source: &Source,
    params: &PutParams,
    dir: &Path,
) -> anyhow::Result<Outcome<Version>> {
    let proofs = Proofs::read(dir, params, &source.require).await?;
    let named = proof::images(dir, &params.images).await?;
    // Before anything is asked of the cluster.
    for (name, reference) in &named {
        proofs.hold(name, reference)?;
    }
    let cluster = source.connect(step).await?;
    let waiting = |other: &str, patience: std::time::Duration| {
        let seconds = patience.as_secs();
        step.info(
            "lease",
            format!("held by {other}; watching for {seconds} s whether it is alive"),
        );
    };
    let mut lease = Lease::take(&cluster, &holder(), waiting)
        .await
        .map_err(fault)?;
    let done = Put {
        step,
        source,
        cluster: &cluster,
        proofs,
    }
    .run(params, dir, named, &mut lease)
    .await;
    if let Err(error) = lease.release().await {
        step.warn("lease", format!("could not be given back: {error}"));
    }
    done
}

/// Who we are, for other rollers: unlike any other process.
fn holder() -> String {
    let host = std::env::var("HOSTNAME").unwrap_or_else(|_| "trireme".into());
    let began = jiff::Timestamp::now().as_nanosecond();
    format!("{host}-{}-{began}", std::process::id())
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
        let mut record = self.cluster.record().await?;
        let wanted = self.wanted(params, dir, named, &record).await?;
        let inventory = self.cluster.inventory(Pods::None).await?;
        let changed = record.wanted.as_ref() != Some(&wanted);
        let now = self.step.now().to_string();
        let known = current(self.source, &record, &inventory, &wanted, &now)
            .filter(|_| !changed || inventory.differs_from(&wanted.version));
        let mark = known.unwrap_or_else(|| self.mark(&inventory, &wanted, &now));
        record.wanted = Some(wanted.clone());
        if record.finished.as_ref() == Some(&mark) {
            self.step.done(
                "cluster",
                format!("nothing is to do: every node runs {}", wanted.version),
            );
            return Ok(outcome(&mark, record.evidence.as_ref()));
        }
        // What cannot act must not be recorded as wanted either.
        let act = self.act(&wanted)?;
        record.begun = Some(mark.clone());
        record.journal = record
            .journal
            .filter(|journal| journal.blueprint == mark.blueprint);
        self.cluster.store(&mut record).await?;
        let journal = record.journal.clone();
        let mut journal = journal.unwrap_or_else(|| Journal::of(&mark.blueprint));
        match self.roll(&mark, &wanted, &act, lease, &mut journal).await {
            Ok(evidence) => self.finish(record, mark, evidence).await,
            Err(error) => {
                self.keep(record, journal, &error).await;
                Err(told(error))
            }
        }
    }

    /// Keeps what was seen of the budgets, for the run that goes on.
    async fn keep(&self, mut record: Record, journal: Journal, error: &RollError) {
        // An API that was away, or a Lease that is another's by now, is not written to.
        if matches!(error, RollError::Api { .. }) || journal.watched.is_empty() {
            return;
        }
        record.journal = Some(journal);
        if let Err(error) = self.cluster.store(&mut record).await {
            let lost = "what was seen of the budgets is lost, and the evidence will say so";
            self.step.warn("cluster", format!("{lost}: {error}"));
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

    fn mark(&self, inventory: &Inventory, wanted: &Wanted, now: &str) -> Mark {
        let identity = Identity::new(
            inventory,
            wanted,
            &self.source.policy(),
            Some(self.step.now()),
        );
        let blueprint = Blueprint::new(inventory, identity);
        Mark {
            blueprint: blueprint.id,
            from: blueprint.from,
            to: wanted.version.clone(),
            since: now.into(),
            finished_at: None,
        }
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
        wanted: &Wanted,
        act: &ActSpec,
        lease: &mut Lease,
        journal: &mut Journal,
    ) -> Result<Evidence, RollError> {
        let goal = Goal {
            blueprint: mark.blueprint.clone(),
            wanted: wanted.clone(),
            policy: self.source.policy(),
            started_at: self.step.now(),
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
    match error {
        RollError::Interrupted(_) => Fault::interrupted(error.to_string()).into(),
        other => other.into(),
    }
}

/// The act, its image by verified digest when the source names one of the wanted images.
fn act_spec(act: &ActSource, wanted: &Wanted, proofs: &Proofs<'_>) -> Result<ActSpec, Fault> {
    let image = match wanted.images.get(&act.image) {
        Some(reference) => reference.clone(),
        None if act.image.contains('/') => {
            proofs.hold("of the act", &act.image)?;
            act.image.clone()
        }
        None => {
            let names: Vec<_> = wanted.images.keys().map(String::as_str).collect();
            let message = format!(
                "`act.image` is `{}`, which is neither a reference nor one of the images: {}",
                act.image,
                names.join(", ")
            );
            return Err(Fault::config(message));
        }
    };
    Ok(ActSpec {
        image,
        command: act.command.clone(),
        args: act.args.clone(),
        env: act.env.clone(),
        host: act.host,
    })
}

fn outcome(mark: &Mark, evidence: Option<&Evidence>) -> Outcome<Version> {
    let nodes = evidence.map_or(0, |evidence| evidence.nodes.len());
    Outcome::new(Version::from(mark))
        .with("from", mark.from.to_string())
        .with("to", mark.to.to_string())
        .with("nodes", nodes.to_string())
}

fn fault(error: Error) -> anyhow::Error {
    match error {
        Error::Held { .. } => Fault::operational(error.to_string()).into(),
        other => other.into(),
    }
}

struct Spoken<'a>(&'a Step);

impl Voice for Spoken<'_> {
    fn info(&self, object: &str, message: &str) {
        self.0.info(object, message);
    }

    fn done(&self, object: &str, message: &str) {
        self.0.done(object, message);
    }

    fn warn(&self, object: &str, message: &str) {
        self.0.warn(object, message);
    }

    fn is_cancelled(&self) -> bool {
        self.0.is_cancelled()
    }
}
