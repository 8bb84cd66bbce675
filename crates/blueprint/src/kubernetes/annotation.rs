//! What a roll writes on a node. Later releases must read it: keys do not change, unknown ones are accepted.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use trireme_release::Version;

use super::inventory::Node;

/// How many hex digits an attempt's id has. 40 bits: a collision on one node needs about a million attempts.
const ATTEMPT_DIGITS: usize = 10;

/// The annotation of a node with an attempt under way, written by the patch that cordons it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RollAnnotation {
    /// The blueprint that the attempt belongs to.
    pub blueprint: String,
    /// The id of the attempt: its Job carries the same. Empty in an annotation of a release that did not know attempts.
    #[serde(default)]
    pub attempt: String,
    /// The roll that the attempt belongs to, see [`crate::Goal::roll`].
    #[serde(default)]
    pub roll: String,
    /// The epoch of the Lease under which it was written.
    #[serde(default)]
    pub epoch: u64,
    /// The version that the node ran before.
    pub from: Version,
    /// The version that the attempt brings.
    pub to: Version,
    /// When it was cordoned, by the clock of the run that did. For people: nothing is decided by it.
    pub cordoned_at: Timestamp,
    /// The epoch of the run by whose clock `cordoned_at` is.
    #[serde(default)]
    pub clock: u64,
    /// Whether an earlier attempt has acted on the node, or may have: it is not given back before an action succeeds.
    #[serde(default)]
    pub acted: bool,
    /// Whether the Job of this attempt was started, or may have been. Written before the Job is created, so that a Job that is gone
    /// (deleted, or expired) does not look like one that never ran.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub started: bool,
    /// What was not Ready on the node before ([`super::unready`]): it does not count against the node afterwards.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub unready_before: BTreeSet<String>,
}

impl RollAnnotation {
    /// Whether something may have been done on the node since it was cordoned.
    pub fn may_have_acted(&self) -> bool {
        self.acted || self.started
    }
}

/// The annotation of a node with a finished attempt, written by the patch that uncordons it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RolledAnnotation {
    /// The blueprint that the attempt belonged to.
    pub blueprint: String,
    /// The id of the attempt; empty in an annotation of a release that did not know attempts.
    #[serde(default)]
    pub attempt: String,
    /// The roll that the attempt belonged to.
    #[serde(default)]
    pub roll: String,
    /// The epoch of the Lease under which it was written.
    #[serde(default)]
    pub epoch: u64,
    /// Whether one run observed all the times below. Otherwise two clocks were read, and their differences mean nothing.
    #[serde(default)]
    pub one_clock: bool,
    /// The version that the node ran before.
    pub from: Version,
    /// The version that it runs since.
    pub to: Version,
    /// When it was cordoned.
    pub cordoned_at: Timestamp,
    /// When it was observed to be empty.
    pub drained_at: Timestamp,
    /// When its Job was observed to be done.
    pub acted_at: Timestamp,
    /// When it was observed to be Ready and healthy on its new version.
    pub ready_at: Timestamp,
    /// When it was uncordoned.
    pub uncordoned_at: Timestamp,
}

/// The id of the attempt that a patch of `node` begins. The patch fails when the node has changed, so that every attempt
/// has a version of the node of its own, and with it an id.
pub(crate) fn attempt_id(node: &Node) -> String {
    let own = format!("{}/{}/{}", node.name, node.uid, node.resource_version);
    let mut digits = hex::encode(Sha256::digest(own));
    digits.truncate(ATTEMPT_DIGITS);
    digits
}

/// The name of the Job of `attempt` on `node`: at most 52 characters, so that its pods have room for their suffix in the 63
/// that a label value may have.
pub fn job_name(node: &str, attempt: &str) -> String {
    const NODE_MAX: usize = 32;
    let plain = |letter: char| match letter {
        'a'..='z' | '0'..='9' => letter,
        _ => '-',
    };
    let short: String = node.chars().map(plain).take(NODE_MAX).collect();
    format!("trireme-{}-{attempt}", short.trim_matches('-'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_a_job_is_a_label_value_for_every_node_name() {
        let long = "a.".repeat(126) + "z";
        for node in [
            "w-1",
            "ip-10-0-0-1.eu-central-1.compute.internal",
            &long,
            "-",
            "ä",
        ] {
            let name = job_name(node, "0123456789");
            let label = |letter: char| matches!(letter, 'a'..='z' | '0'..='9' | '-');
            assert!(name.len() <= 52 && name.chars().all(label), "{name}");
            assert!(name.ends_with("-0123456789"), "{name}");
        }
        assert_eq!(job_name("w-1", "0123456789"), "trireme-w-1-0123456789");
    }

    #[test]
    fn annotations_of_the_first_release_and_of_a_later_one_are_read() {
        let first = r#"{"blueprint":"ab","from":"v1.36.4","to":"v1.37.2","cordoned_at":"2026-01-01T00:00:00Z"}"#;
        let read: RollAnnotation = serde_json::from_str(first).unwrap();
        assert_eq!((read.attempt.as_str(), read.epoch), ("", 0));
        assert!(!read.may_have_acted());
        let later = first.replace("{\"blue", "{\"more\":[1],\"blue");
        assert_eq!(
            serde_json::from_str::<RollAnnotation>(&later).unwrap(),
            read
        );
        let rolled = r#"{"blueprint":"ab","from":"v1.36.4","to":"v1.37.2","cordoned_at":"2026-01-01T00:00:00Z",
            "drained_at":"2026-01-01T00:00:01Z","acted_at":"2026-01-01T00:00:02Z","ready_at":"2026-01-01T00:00:03Z",
            "uncordoned_at":"2026-01-01T00:00:04Z"}"#;
        let read: RolledAnnotation = serde_json::from_str(rolled).unwrap();
        assert!(!read.one_clock && read.roll.is_empty());
    }
}
