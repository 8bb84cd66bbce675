//! What is rolled and with whom, and what is remembered while it goes on.

use std::collections::BTreeMap;

use tokio::time::Instant;
use trireme_blueprint::Goal;
use trireme_kubernetes::Cluster;

use crate::{ActSpec, Cause, Cordons, Voice};

/// What to roll, and with whom.
pub struct Roll<'a> {
    /// The cluster.
    pub cluster: &'a Cluster,
    /// What is pursued.
    pub goal: &'a Goal,
    /// What acts on a node.
    pub act: &'a ActSpec,
    /// Who hears of it.
    pub voice: &'a dyn Voice,
}

impl Roll<'_> {
    pub(crate) fn interrupted(&self) -> Result<(), Cause> {
        if self.voice.is_cancelled() {
            return Err(Cause::Interrupted);
        }
        Ok(())
    }
}

/// What the loop remembers. The roll itself does not need it: a run that is killed loses it and the next goes on.
#[derive(Default)]
pub(crate) struct Memory {
    pub(crate) cordons: Cordons,
    pub(crate) said: BTreeMap<String, String>,
    pub(crate) blocked_since: Option<Instant>,
    pub(crate) away_since: Option<Instant>,
}
