//! `get`: judge, and write down the verdict. Concourse does not run it for a version that is in its cache; a `put` always runs.

use std::path::Path;

use schemars::JsonSchema;
use serde::Deserialize;
use trireme_finding::Policy;
use trireme_protocol::{Fault, Outcome, StepContext};

use crate::{OnDeny, Scanner, Source, Version, check::digest_of_version, evidence};

/// The `params` of a `get`.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GetParams {
    /// What happens after a verdict that is no permit. Default `fail`.
    #[serde(default)]
    pub on_deny: OnDeny,
    /// The policy, where a `put` before it used another one than the source (its `policy_file`).
    #[serde(default)]
    pub policy: Option<Policy>,
}

/// Judges the image of `version` with the advisories of today. An outcome that has changed since is an error and not
/// another outcome under the old version: what was permitted yesterday is not shown as permitted today.
pub(crate) async fn get(
    step: &StepContext,
    source: &Source,
    version: Version,
    params: &GetParams,
    dir: &Path,
) -> anyhow::Result<Outcome<Version>> {
    let digest = digest_of_version(&version)?;
    let mut scanner = Scanner::open(step, source)?;
    if let Some(policy) = &params.policy {
        scanner = scanner.with_policy(policy.clone());
    }
    let verdict = scanner.judge(&digest).await?;
    let judged_at = step.now();
    let seen = Version::new(&verdict, judged_at);
    if !seen.same_outcome(&version) {
        let findings = verdict.findings.len();
        let message = format!(
            "{}: the outcome is now {} with {findings} findings that count, and no longer that of the version ({} since \
             {}): the advisories or the policy have changed; {}",
            scanner.label(&digest),
            seen.verdict,
            version.verdict,
            version.since,
            trireme_protocol::run_again(),
        );
        return Err(Fault::operational(message).into());
    }
    evidence::write(dir, &source.repository, &verdict, judged_at).await?;
    Ok(evidence::outcome(
        step,
        &scanner,
        version,
        &verdict,
        params.on_deny,
    ))
}
