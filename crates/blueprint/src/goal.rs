//! What one run of the executor pursues.

use jiff::Timestamp;

use crate::inventory::{Node, Rolled};
use crate::policy::{Policy, Wanted};

/// What a run pursues. Its deadlines count from what happened on the node, but never from before the run began: a
/// roll that was interrupted for a night has its full time again.
#[derive(Clone, Debug)]
pub struct Goal {
    /// The blueprint's id.
    pub blueprint: String,
    /// What the cluster shall become.
    pub wanted: Wanted,
    /// What must hold on the way.
    pub policy: Policy,
    /// When the run began.
    pub started_at: Timestamp,
    /// When the roll before this one ended: what nodes say of that time is history, also under the same id.
    pub history_until: Option<Timestamp>,
}

impl Goal {
    /// The name of the Job that acts on `node`. It follows from blueprint and node, so that a resumed roll finds it.
    pub fn job_name(&self, node: &str) -> String {
        let id = &self.blueprint[..8.min(self.blueprint.len())];
        format!("trireme-{id}-{node}")
    }

    /// What `node` says of this roll, when this roll has finished it.
    pub(crate) fn finished<'a>(&self, node: &'a Node) -> Option<&'a Rolled> {
        let rolled = node.rolled.as_ref()?;
        let now = self
            .history_until
            .is_none_or(|at| rolled.uncordoned_at > at);
        (now && rolled.blueprint == self.blueprint).then_some(rolled)
    }

    /// The instant from which a wait that began at `event` is counted.
    pub(crate) fn since(&self, event: Timestamp) -> Timestamp {
        event.max(self.started_at)
    }
}
