//! The names of what is ours in a cluster. They are read by others and by later versions: they do not change.

/// The Lease that keeps a second roller out.
pub const LEASE: &str = "trireme-roller";
/// The ConfigMap that holds the [`crate::Record`].
pub const RECORD: &str = "trireme";
/// The node annotation that says that we are working on it.
pub const ROLL: &str = "trireme.dev/roll";
/// The node annotation that says what was done.
pub const ROLLED: &str = "trireme.dev/rolled";
/// The label of our Jobs and their pods; its value is [`ACT_NODE`].
pub const ACT: &str = "trireme.dev/act";
/// The value of [`ACT`] for an act on a node.
pub const ACT_NODE: &str = "node";
/// The Job annotation with the wanted version.
pub const VERSION: &str = "trireme.dev/version";
/// The Job annotation with the node's name.
pub const NODE: &str = "trireme.dev/node";
/// The Job annotation with the blueprint's id.
pub const BLUEPRINT: &str = "trireme.dev/blueprint";
