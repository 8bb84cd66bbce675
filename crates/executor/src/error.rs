//! Why a roll did not end well.

use trireme_blueprint::{Obstacle, StopReason};

/// Why a roll did not end well. Each says which nodes are left cordoned.
#[derive(Debug, thiserror::Error)]
pub enum RollError {
    /// Something would have stopped the roll half-way. Nothing was touched.
    #[error("no node was touched, because the roll could not end well:\n{}", lines(.0))]
    Obstacles(Vec<Obstacle>),
    /// A deadline, a failed act, or a refusal.
    #[error("{object}: {reason}; {}", left(.cordoned))]
    Stopped {
        /// What stopped it.
        object: String,
        /// Why.
        reason: StopReason,
        /// Nodes that are left cordoned.
        cordoned: Vec<String>,
    },
    /// The API refuses an eviction for good.
    #[error("{object}: the API refuses its eviction for good: {reason}; {}", left(.cordoned))]
    Refused {
        /// The pod.
        object: String,
        /// What the API says.
        reason: String,
        /// Nodes that are left cordoned.
        cordoned: Vec<String>,
    },
    /// SIGTERM. The same call goes on from here.
    #[error("interrupted at a safe point; the same call goes on from here; {}", left(.0))]
    Interrupted(Vec<String>),
    /// The API was away for too long, or refused a request.
    #[error("the roll could not go on; {}", left(.cordoned))]
    Api {
        /// Nodes that are left cordoned, as far as is known.
        cordoned: Vec<String>,
        /// What went wrong.
        #[source]
        source: trireme_kubernetes::Error,
    },
}

fn lines(obstacles: &[Obstacle]) -> String {
    let lines: Vec<_> = obstacles.iter().map(|one| format!("- {one}")).collect();
    lines.join("\n")
}

fn left(cordoned: &[String]) -> String {
    if cordoned.is_empty() {
        return "no node is left cordoned".into();
    }
    format!("left cordoned: {}", cordoned.join(", "))
}
