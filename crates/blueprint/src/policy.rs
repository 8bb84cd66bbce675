//! The target state, and what must hold on the way there.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use trireme_release::Version;

use crate::Limit;

/// The target state of a cluster.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wanted {
    /// The Kubernetes version that every node will report.
    pub version: Version,
    /// Images by name, each `repository@sha256:…`; handed to the act on a node.
    #[serde(default)]
    pub images: BTreeMap<String, String>,
}

/// What to do with pods that no controller would start again elsewhere.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unmanaged {
    /// Stop before anything is touched, naming them.
    #[default]
    Refuse,
    /// Evict them; they do not come back.
    Evict,
}

/// Whose health counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Health {
    /// What the roll touches, and what it made worse. What was not Ready before is named and does not count.
    #[default]
    MadeWorse,
    /// That, and everything on the nodes of the roll: a node with a pod that is not Ready is not begun, and not given back.
    Nodes,
    /// That, and every node and every disruption budget of the cluster.
    Cluster,
}

/// What must hold while a cluster is rolled.
///
/// It is part of the id of a blueprint: a key that is added later is left out of the JSON at its default, so that ids stay.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Policy {
    /// How many workers go first, one at a time, before several may go together.
    pub canary: u32,
    /// How many nodes of one zone may be out of service at the same time, whatever the cause.
    pub max_unavailable: Limit,
    /// Zones that go first, in this order; the others follow by name.
    pub zone_order: Vec<String>,
    /// How long a node may take from cordon to empty.
    #[serde(with = "seconds")]
    pub drain_timeout: Duration,
    /// How long a node may take from its act to Ready, and the cluster to be healthy between two nodes.
    #[serde(with = "seconds")]
    pub node_timeout: Duration,
    /// How long the act on a node may take.
    #[serde(with = "seconds")]
    pub act_timeout: Duration,
    /// How long the API may be away before the roll stops.
    #[serde(with = "seconds")]
    pub api_timeout: Duration,
    /// How long to watch after the last canary.
    #[serde(with = "seconds")]
    pub soak: Duration,
    /// Pods that no controller owns.
    pub unmanaged: Unmanaged,
    /// Whose health counts.
    #[serde(default, skip_serializing_if = "is_default")]
    pub health: Health,
    /// Finalizers of pods that their controllers remove, so that a pod with one leaves after its eviction.
    #[serde(default, skip_serializing_if = "is_default")]
    pub finalizers: BTreeSet<String>,
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            canary: 1,
            max_unavailable: Limit::Count(1),
            zone_order: Vec::new(),
            // As kOps and EKS: a drain that takes longer than this does not end by waiting.
            drain_timeout: Duration::from_mins(15),
            node_timeout: Duration::from_mins(10),
            act_timeout: Duration::from_mins(30),
            api_timeout: Duration::from_mins(5),
            soak: Duration::ZERO,
            unmanaged: Unmanaged::Refuse,
            health: Health::MadeWorse,
            finalizers: BTreeSet::new(),
        }
    }
}

/// Spans are written as whole seconds.
mod seconds {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serializer};

    pub fn serialize<S: Serializer>(span: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u64(span.as_secs())
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
        u64::deserialize(deserializer).map(Duration::from_secs)
    }
}
