//! `put`: not supported, with an error that says what to use.

use schemars::JsonSchema;
use serde::Deserialize;
use trireme_protocol::{Fault, Outcome};

use crate::Version;

/// The params of a `put`, which has no keys.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PutParams {}

/// Kubernetes publishes its releases; a pipeline only reads them.
pub(crate) fn put() -> anyhow::Result<Outcome<Version>> {
    Err(Fault::config(
        "kubernetes-release only detects releases and has no `put`; use `get`, or the `cluster` resource to roll a release out",
    )
    .into())
}
