//! What is rolled and with whom, and what is remembered while it goes on.

use std::collections::BTreeMap;

use tokio::time::Instant;
use trireme_blueprint::Goal;
use trireme_kubernetes::{Cluster, Error};

use crate::{ActSpec, RollError, Voice};

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

/// What the loop remembers. Losing it costs nothing but a few lines for people.
#[derive(Default)]
pub(crate) struct Memory {
    pub(crate) cordoned: Vec<String>,
    pub(crate) said: BTreeMap<String, String>,
    pub(crate) blocked_since: Option<Instant>,
    pub(crate) away_since: Option<Instant>,
}

/// An error of the API, with what is known to be cordoned.
pub(crate) fn api(memory: &Memory, source: Error) -> RollError {
    RollError::Api {
        cordoned: memory.cordoned.clone(),
        source,
    }
}
