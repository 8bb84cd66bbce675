//! The names of our objects in a cluster. They are read by others and by later versions: they do not change.

/// The Lease that lets one run at a time write.
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
/// The Job annotation with the id of the blueprint.
pub const BLUEPRINT: &str = "trireme.dev/blueprint";
/// The Job annotation with the id of the attempt on the node.
pub const ATTEMPT: &str = "trireme.dev/attempt";
/// The annotation of a node or Job with the epoch of the Lease under which it was written last.
pub const EPOCH: &str = "trireme.dev/epoch";
