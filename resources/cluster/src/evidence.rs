//! The repository that keeps the evidence of rolls: `roll.json`, `report.html` and `plan.txt`, one artifact for each roll.
//!
//! A `put` stores it however its roll ended. It is looked up by the id of its roll, so that a roll that failed and was then
//! continued has one: the newest.

use std::time::Duration;

use tokio::time::timeout;
use trireme_evidence::page::roll_page;
use trireme_evidence::{LIMIT_BYTES, RollFile};
use trireme_executor::interruption::run_until_cancelled;
use trireme_kubernetes::Mark;
use trireme_protocol::{Fault, StepContext};
use trireme_registry::{ArtifactFile, RegistryError, Repository, is_tag};

use crate::Source;

/// What the artifact is.
const ARTIFACT_TYPE: &str = "application/vnd.trireme.roll.v1";
/// The file that programs read.
pub(crate) const ROLL: &str = "roll.json";
/// The file that people read.
pub(crate) const PAGE: &str = "report.html";
/// What a run planned when it began.
const PLAN: &str = "plan.txt";
/// How long a registry may take.
const STORE: Duration = Duration::from_secs(60);
/// After SIGTERM: what is left of the 10 s of Concourse ([`crate::interruption`]).
const STORE_INTERRUPTED: Duration = Duration::from_secs(2);

trireme_connection::registry_source! {
    /// Where the evidence of rolls is kept.
    pub struct EvidenceSource at "source.evidence" {
        /// A tag that is moved to the newest evidence; every roll has a tag of its own in any case.
        #[serde(default)]
        pub tag: Option<String>,
    }
}

/// The repository of a source.
pub(crate) struct EvidenceRepository {
    repository: Repository,
    tag: Option<String>,
}

/// What a run leaves behind.
pub(crate) struct Evidence {
    /// What was done.
    pub(crate) roll: RollFile,
    /// What was planned.
    pub(crate) plan: String,
}

/// Evidence as it was found.
pub(crate) struct Found {
    pub(crate) roll: RollFile,
    pub(crate) files: Vec<ArtifactFile>,
    /// `REPOSITORY@DIGEST`.
    pub(crate) reference: String,
}

impl EvidenceRepository {
    /// None when the source names no repository.
    ///
    /// # Errors
    /// Exit 78 when it is not described as it must be.
    pub(crate) fn open(source: &Source) -> Result<Option<Self>, Fault> {
        let Some(own) = &source.evidence else {
            return Ok(None);
        };
        if let Some(tag) = own.tag.as_ref().filter(|tag| !is_tag(tag)) {
            let message = format!("source.evidence.tag: {tag:?} is not a tag");
            return Err(Fault::config(message));
        }
        Ok(Some(Self {
            repository: own.registry().open()?,
            tag: own.tag.clone(),
        }))
    }

    /// Stores the evidence of a roll and says where it is. That it could not be stored is said, and changes nothing else: what
    /// was done to the cluster was done.
    pub(crate) async fn store(&self, step: &StepContext, evidence: &Evidence) -> Option<String> {
        let push = timeout(STORE, self.push(evidence));
        let pushed = run_until_cancelled(step.cancellation(), STORE_INTERRUPTED, push).await;
        let why = match pushed {
            Some(Ok(Ok(reference))) => {
                step.done("evidence", format!("stored as {reference}"));
                return Some(reference);
            }
            Some(Ok(Err(error))) => format!("{:#}", anyhow::Error::from(error)),
            Some(Err(_)) => format!("the registry did not answer within {} s", STORE.as_secs()),
            None => "no time was left after the interruption".to_owned(),
        };
        let name = self.repository.name();
        step.warn("evidence", format!("could not be stored in {name}: {why}"));
        None
    }

    async fn push(&self, evidence: &Evidence) -> Result<String, RegistryError> {
        let Evidence { roll, plan } = evidence;
        let files = [
            file(ROLL, "application/json", roll.to_json()),
            file(PAGE, "text/html", roll_page(roll).into_bytes()),
            file(PLAN, "text/plain", plan.clone().into_bytes()),
        ];
        let own = tag(&roll.blueprint, roll.roll.as_deref().unwrap_or_default());
        let tags: Vec<&str> = [Some(own.as_str()), self.tag.as_deref()]
            .into_iter()
            .flatten()
            .collect();
        let push = self.repository.push_artifact(ARTIFACT_TYPE, &files, &tags);
        let stored = push.await?;
        Ok(format!("{}@{}", self.repository.name(), stored.digest()))
    }

    /// The evidence of the roll of `mark`. None when the roll has none, or when it cannot be fetched, which is logged.
    pub(crate) async fn fetch(&self, step: &StepContext, mark: &Mark) -> Option<Found> {
        match timeout(STORE, self.pull(mark)).await {
            Ok(Ok(found)) => return found,
            Ok(Err(error)) => self.warn(step, &format!("{error:#}")),
            Err(_) => self.warn(step, "the registry did not answer"),
        }
        None
    }

    fn warn(&self, step: &StepContext, why: &str) {
        let name = self.repository.name();
        step.warn(
            "evidence",
            format!("could not be fetched from {name}: {why}"),
        );
    }

    async fn pull(&self, mark: &Mark) -> anyhow::Result<Option<Found>> {
        let tag = tag(&mark.blueprint, &mark.roll);
        let pull = self
            .repository
            .pull_artifact(&tag, ARTIFACT_TYPE, 2 * LIMIT_BYTES);
        let (descriptor, files) = match pull.await {
            Err(error) if error.is_not_found() => return Ok(None),
            pulled => pulled?,
        };
        let file = files.iter().find(|file| file.name == ROLL);
        let file = file.ok_or_else(|| anyhow::anyhow!("{tag} has no {ROLL}"))?;
        let roll = RollFile::from_json(&file.bytes)
            .map_err(|error| anyhow::anyhow!("{ROLL} of {tag}: {error}"))?;
        if roll.roll.as_deref().unwrap_or_default() != mark.roll {
            anyhow::bail!("{ROLL} of {tag} is about another roll");
        }
        Ok(Some(Found {
            reference: format!("{}@{}", self.repository.name(), descriptor.digest()),
            roll,
            files,
        }))
    }
}

fn file(name: &str, media_type: &str, content: Vec<u8>) -> ArtifactFile {
    ArtifactFile {
        name: name.into(),
        media_type: media_type.into(),
        bytes: content.into(),
    }
}

/// The tag of a roll's evidence.
fn tag(blueprint: &str, roll: &str) -> String {
    let plain = |letter: &char| letter.is_ascii_alphanumeric() || *letter == '-';
    let blueprint: String = blueprint.chars().filter(plain).take(16).collect();
    let roll: String = roll.chars().filter(plain).take(64).collect();
    format!("roll-{blueprint}-{roll}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_evidence_of_every_roll_has_a_tag_of_its_own() {
        let id = "3f2a".repeat(16);
        assert_eq!(tag(&id, "7-3b9ac"), "roll-3f2a3f2a3f2a3f2a-7-3b9ac");
        assert_ne!(tag(&id, "7-1"), tag(&id, "8-1"));
        for (blueprint, roll) in [
            ("", ""),
            ("../x", "a/b:c"),
            (&*"é".repeat(99), &*"x".repeat(999)),
        ] {
            let tag = tag(blueprint, roll);
            assert!(is_tag(&tag), "{tag}");
        }
    }
}
