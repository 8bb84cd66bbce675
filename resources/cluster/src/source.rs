//! The `source` of the pipeline.

use std::collections::{BTreeMap, BTreeSet};

use jiff::SignedDuration;
use schemars::JsonSchema;
use serde::Deserialize;
use trireme_blueprint::{Health, Limit, Policy, Unmanaged};
use trireme_kubernetes::{self as kubernetes, Access, connect};
use trireme_protocol::types::DurationText;
use trireme_protocol::{Fault, Secret};

use crate::EvidenceSource;

/// Which cluster, its target state, and what must hold on the way.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Source {
    /// The content of a kubeconfig whose user has a token or certificate data.
    pub kubeconfig: Option<Secret>,
    /// The address of the API server; with `token`, instead of `kubeconfig`.
    pub server: Option<String>,
    /// The bearer token.
    pub token: Option<Secret>,
    /// PEM certificates that the API server's must come from; none: the platform's.
    #[serde(default)]
    pub ca_certs: Vec<String>,
    /// The namespace of the Lease, the record and the Jobs.
    #[serde(default = "default_namespace")]
    pub namespace: String,
    /// The wanted Kubernetes version; none: what a `put` recorded.
    pub version: Option<String>,
    /// The wanted images by name, each `repository@sha256:…`; none: what a `put` recorded.
    pub images: Option<BTreeMap<String, String>>,
    /// What must hold on the way.
    #[serde(default)]
    pub policy: PolicySource,
    /// What acts on a node; a `put` needs it.
    pub act: Option<ActSource>,
    /// What a `put` demands of every image.
    #[serde(default)]
    pub require: Require,
    /// Where a `put` stores the evidence of its roll, and a `get` finds it.
    pub evidence: Option<EvidenceSource>,
    /// Shows every request on stderr.
    #[serde(default)]
    pub debug: bool,
}

/// What must hold while the cluster is rolled.
#[derive(Deserialize, JsonSchema, Default)]
#[serde(deny_unknown_fields)]
pub struct PolicySource {
    /// How many workers go first, one at a time (1).
    pub canary: Option<u32>,
    /// How many nodes of a zone may be out of service at once (1).
    pub max_unavailable: Option<Limit>,
    /// Zones that go first.
    #[serde(default)]
    pub zone_order: Vec<String>,
    /// From cordon to empty (15m).
    pub drain_timeout: Option<DurationText>,
    /// From the act to Ready and healthy (10m).
    pub node_timeout: Option<DurationText>,
    /// How long the API may be away (5m).
    pub api_timeout: Option<DurationText>,
    /// How long to watch after the last canary (0s).
    pub soak: Option<DurationText>,
    /// Pods that no controller owns: `refuse` or `evict`.
    #[serde(default)]
    pub unmanaged: UnmanagedSource,
    /// Whose health counts: `made_worse`, `nodes` or `cluster`.
    #[serde(default)]
    pub health: HealthSource,
    /// Finalizers of pods that their controllers remove, so that a pod with one leaves after its eviction.
    #[serde(default)]
    pub finalizers: BTreeSet<String>,
}

/// Whose health counts.
#[derive(Deserialize, JsonSchema, Default, Clone, Copy)]
#[serde(rename_all = "snake_case")]
pub enum HealthSource {
    /// What the roll touches, and what it made worse.
    #[default]
    MadeWorse,
    /// That, and everything on the nodes of the roll.
    Nodes,
    /// That, and every node and every budget of the cluster.
    Cluster,
}

/// What to do with pods that no controller owns.
#[derive(Deserialize, JsonSchema, Default, Clone, Copy)]
#[serde(rename_all = "snake_case")]
pub enum UnmanagedSource {
    /// Stop before anything is touched.
    #[default]
    Refuse,
    /// Evict them; they do not come back.
    Evict,
}

/// What acts on a node.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ActSource {
    /// An image reference, or the name of one of the wanted images. A name stands for the verified digest of that image.
    pub image: String,
    /// Its command; none: the image's own.
    #[serde(default)]
    pub command: Vec<String>,
    /// Its arguments.
    #[serde(default)]
    pub args: Vec<String>,
    /// More environment.
    #[serde(default)]
    pub env: BTreeMap<String, String>,
    /// How long it may take (30m).
    pub timeout: Option<DurationText>,
    /// Whether it gets the host: privileged, in its process space, `/` at `/host` (true).
    #[serde(default = "yes")]
    pub host: bool,
}

/// What a `put` demands of every image.
#[derive(Deserialize, JsonSchema, Default)]
#[serde(deny_unknown_fields)]
pub struct Require {
    /// `permit`: a `verdict.json` for its digest permits it.
    pub verdict: Option<Permit>,
    /// `verified`: a `signature.json` for its digest permits it.
    pub signature: Option<Verified>,
    /// How old what these files say may be when the `put` begins (1h).
    pub max_age: Option<DurationText>,
}

impl Require {
    /// How old a verdict or a verification may be.
    pub(crate) fn max_age(&self) -> SignedDuration {
        let named = self.max_age.map(DurationText::get);
        named.map_or(SignedDuration::from_hours(1), |age| {
            SignedDuration::try_from(age).unwrap_or(SignedDuration::MAX)
        })
    }
}

/// The one verdict that can be demanded.
#[derive(Deserialize, JsonSchema, Clone, Copy)]
#[serde(rename_all = "snake_case")]
pub enum Permit {
    /// Permitted.
    Permit,
}

/// The one state of a signature that can be demanded.
#[derive(Deserialize, JsonSchema, Clone, Copy)]
#[serde(rename_all = "snake_case")]
pub enum Verified {
    /// Verified.
    Verified,
}

fn default_namespace() -> String {
    "trireme-system".into()
}

fn yes() -> bool {
    true
}

impl Source {
    /// The cluster.
    ///
    /// # Errors
    /// Exit 78 when the way to it is not described as it must be.
    pub(crate) async fn connect(&self) -> anyhow::Result<kubernetes::Cluster> {
        let access = match (&self.kubeconfig, &self.server, &self.token) {
            (Some(kubeconfig), None, None) if self.ca_certs.is_empty() => {
                // An API may repeat a token without the rest of its line.
                kubernetes::secrets(kubeconfig.expose())
                    .into_iter()
                    .for_each(|secret| drop(Secret::new(secret)));
                Access::Kubeconfig(kubeconfig.expose())
            }
            (None, Some(server), Some(token)) => Access::Token {
                server,
                token: token.expose(),
                ca_certs: &self.ca_certs,
            },
            _ => {
                let message = "give either `kubeconfig` (which has its certificates), or `server` and `token` (and `ca_certs`)";
                return Err(Fault::config(message).into());
            }
        };
        let client = connect(access).await.map_err(refused)?;
        Ok(kubernetes::Cluster::new(client, &self.namespace))
    }

    /// The policy, with its defaults.
    pub(crate) fn policy(&self) -> Policy {
        let (own, default) = (&self.policy, Policy::default());
        let span = |text: Option<DurationText>, default| text.map_or(default, DurationText::get);
        let act_timeout = self.act.as_ref().and_then(|act| act.timeout);
        Policy {
            canary: own.canary.unwrap_or(default.canary),
            max_unavailable: own.max_unavailable.unwrap_or(default.max_unavailable),
            zone_order: own.zone_order.clone(),
            drain_timeout: span(own.drain_timeout, default.drain_timeout),
            node_timeout: span(own.node_timeout, default.node_timeout),
            act_timeout: span(act_timeout, default.act_timeout),
            api_timeout: span(own.api_timeout, default.api_timeout),
            soak: span(own.soak, default.soak),
            unmanaged: match own.unmanaged {
                UnmanagedSource::Refuse => Unmanaged::Refuse,
                UnmanagedSource::Evict => Unmanaged::Evict,
            },
            health: match own.health {
                HealthSource::MadeWorse => Health::MadeWorse,
                HealthSource::Nodes => Health::Nodes,
                HealthSource::Cluster => Health::Cluster,
            },
            finalizers: own.finalizers.clone(),
        }
    }
}

/// What the source says is for its author to mend, what the worker's environment says is not.
fn refused(error: kubernetes::Error) -> Fault {
    let fault = match &error {
        kubernetes::Error::Environment(_) => Fault::operational,
        _ => Fault::config,
    };
    fault(error.to_string()).with_source(error)
}
