//! Whether a node is still cordoned by an attempt: asked of the API server right before a write that no `resourceVersion` of the
//! node protects (an eviction, the deletion of a Job).

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::{Cluster, Error};

/// An answer counts for so long, from when it was asked for: the evictions that follow from one look need one request.
const AGE_MAX: Duration = Duration::from_secs(1);

/// What the API server said last, by the name of the node.
#[derive(Default)]
pub(crate) struct StillCordoned {
    known: Mutex<HashMap<String, Known>>,
}

struct Known {
    attempt: String,
    asked_at: Instant,
}

impl StillCordoned {
    /// The API server has said that `attempt` has cordoned `node`, in the answer to a request that was sent at `asked_at`.
    pub(crate) fn note(&self, node: &str, attempt: &str, asked_at: Instant) {
        let attempt = attempt.to_owned();
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.insert(node.into(), Known { attempt, asked_at });
    }

    fn is_known(&self, node: &str, attempt: &str) -> bool {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known
            .get(node)
            .is_some_and(|known| known.attempt == attempt && known.asked_at.elapsed() < AGE_MAX)
    }

    /// Whether `attempt` has cordoned `node` now, and no run of a later epoch has written to it.
    ///
    /// # Errors
    /// When the node cannot be read.
    pub(crate) async fn confirm(
        &self,
        cluster: &Cluster,
        node: &str,
        attempt: &str,
        epoch: u64,
    ) -> Result<bool, Error> {
        if self.is_known(node, attempt) {
            return Ok(true);
        }
        let asked_at = Instant::now();
        let found = cluster.node_now(node).await?;
        let roll = found.filter(trireme_blueprint::Node::is_cordoned_by_roll);
        let roll = roll.and_then(|node| node.roll);
        let ours = roll.is_some_and(|roll| roll.attempt == attempt && roll.epoch <= epoch);
        if ours {
            self.note(node, attempt, asked_at);
        }
        Ok(ours)
    }
}
