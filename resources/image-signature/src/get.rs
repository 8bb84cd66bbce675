//! `get`: verify, and write down what was found.

use std::path::Path;

use schemars::JsonSchema;
use serde::Deserialize;
use trireme_protocol::{Outcome, StepContext};

use crate::{Signatures, Source, Version, check::digest_of_version, evidence};

/// A `get` has no params.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GetParams {}

/// Verifies the image of `version` as it is signed now, not as it was when the version was made: a signature that was
/// taken back must not let the image through.
pub(crate) async fn get(
    step: &StepContext,
    source: &Source,
    version: Version,
    _params: &GetParams,
    dir: &Path,
) -> anyhow::Result<Outcome<Version>> {
    let digest = digest_of_version(&version)?;
    let signatures = Signatures::open(source, source.key()?.trust())?;
    signatures.image(&digest).await?;
    let verdict = signatures.signed(&digest).await?;
    evidence::write(dir, &source.repository, &verdict, step.now()).await?;
    let outcome = evidence::describe(version, &verdict, signatures.trust());
    Ok(evidence::judged(step, &signatures, &verdict, outcome))
}
