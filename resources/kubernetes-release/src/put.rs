//! `put`: not supported, with an error that says what to use.

use std::path::Path;

use schemars::JsonSchema;
use serde::Deserialize;
use trireme_protocol::{Fault, Outcome, StepContext};

use crate::{Source, Version};

/// The params of a `put`, which has no keys.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PutParams {}

/// Kubernetes publishes its releases; a pipeline only reads them.
pub(crate) async fn put(
    _step: &StepContext,
    _source: &Source,
    _params: &PutParams,
    _dir: &Path,
) -> anyhow::Result<Outcome<Version>> {
    Err(Fault::config(
        "kubernetes-release only detects releases and has no `put`; use `get`, or the `cluster` resource to roll a release out",
    )
    .into())
}
