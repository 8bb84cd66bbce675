//! The evidence of a roll that has ended: as a `put` stored it, or else as far as the cluster has it.

use std::path::Path;

use anyhow::Context as _;
use bytes::Bytes;
use trireme_blueprint::{Ending, Goal, Identity, Inventory, ObservationLog, roll_file};
use trireme_evidence::page::roll_page;
use trireme_evidence::{NodeState, Outcome, RollFile};
use trireme_kubernetes::{Mark, Record};
use trireme_protocol::StepContext;

use crate::Source;
use crate::evidence::{EvidenceRepository, Found, PAGE, ROLL};

/// The two files of a roll.
pub(crate) struct Files {
    roll: Bytes,
    page: Bytes,
    /// Where they were stored.
    pub(crate) reference: Option<String>,
}

/// What the cluster says of a roll.
pub(crate) struct Known<'a> {
    pub(crate) record: &'a Record,
    pub(crate) inventory: &'a Inventory,
    pub(crate) mark: &'a Mark,
    pub(crate) identity: &'a Identity,
}

impl Known<'_> {
    /// The evidence of a finished roll. Of an unfinished roll: the evidence that its last run stored, if there is any.
    ///
    /// # Errors
    /// When the source's repository is not described as it must be, or the first release left something else on the cluster.
    pub(crate) async fn evidence(
        &self,
        step: &StepContext,
        source: &Source,
        is_finished: bool,
    ) -> anyhow::Result<Option<Files>> {
        if !is_finished {
            let same = |begun: &&Mark| begun.blueprint == self.mark.blueprint;
            return match self.record.begun.as_ref().filter(same) {
                Some(begun) => fetch(step, source, begun).await,
                None => Ok(None),
            };
        }
        if let Some(found) = fetch(step, source, self.mark).await? {
            return Ok(Some(found));
        }
        let roll = match &self.record.first_evidence {
            Some(text) => RollFile::from_json(text.as_bytes())
                .context("the evidence in the record on the cluster cannot be read")?,
            None => self.on_the_cluster(step),
        };
        Ok(Some(Files::new(&roll)))
    }

    /// What the annotations of the nodes and the record say of a finished roll. The next roll overwrites them, node by node.
    fn on_the_cluster(&self, step: &StepContext) -> RollFile {
        let mark = self.mark;
        let goal = Goal {
            blueprint: mark.blueprint.clone(),
            roll: mark.roll.clone(),
            ..self.identity.goal()
        };
        let ending = Ending {
            outcome: Outcome::Done,
            reason: None,
            left_cordoned: Vec::new(),
            may_be_cordoned: Vec::new(),
            run: None,
            at: mark.finished_at.unwrap_or_else(|| step.now()),
        };
        let none = ObservationLog::default();
        let log = self.record.finished_log.as_ref().unwrap_or(&none);
        let nodes = self.inventory.nodes.values();
        let finished = nodes.filter(|node| node.roll.is_none());
        let mut roll = roll_file(finished, &goal, &mark.from, log, ending);
        // What a node needs by now is not of this roll.
        roll.nodes.retain(|node| node.state == NodeState::Done);
        roll
    }
}

impl Files {
    fn new(roll: &RollFile) -> Self {
        Self {
            roll: roll.to_json().into(),
            page: roll_page(roll).into(),
            reference: None,
        }
    }

    /// Writes the two files.
    pub(crate) async fn write(&self, dir: &Path) -> anyhow::Result<()> {
        tokio::fs::write(dir.join(ROLL), &self.roll).await?;
        tokio::fs::write(dir.join(PAGE), &self.page).await?;
        Ok(())
    }
}

impl From<Found> for Files {
    fn from(found: Found) -> Self {
        let bytes = |name: &str| {
            let file = found.files.iter().find(|file| file.name == name);
            file.map(|file| file.bytes.clone())
        };
        let made = Self::new(&found.roll);
        Self {
            roll: bytes(ROLL).unwrap_or(made.roll),
            page: bytes(PAGE).unwrap_or(made.page),
            reference: Some(found.reference),
        }
    }
}

async fn fetch(step: &StepContext, source: &Source, mark: &Mark) -> anyhow::Result<Option<Files>> {
    let Some(repository) = EvidenceRepository::open(source)? else {
        return Ok(None);
    };
    Ok(repository.fetch(step, mark).await.map(Files::from))
}
