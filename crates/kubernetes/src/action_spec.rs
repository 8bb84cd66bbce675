//! What acts on a node.

use std::collections::BTreeMap;

/// What acts on a node, in a Job pinned to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ActionSpec {
    /// The image.
    pub image: String,
    /// Its command; empty: the image's own.
    pub command: Vec<String>,
    /// Its arguments.
    pub args: Vec<String>,
    /// More environment.
    pub env: BTreeMap<String, String>,
    /// Whether it gets the host: privileged, in its process space, with `/` at `/host`.
    pub host: bool,
}
