//! `put`: judge a digest.

use std::path::Path;

use schemars::JsonSchema;
use serde::Deserialize;
use trireme_finding::Policy;
use trireme_protocol::{Fault, Outcome, StepContext, build};
use trireme_registry::is_sha256;

use crate::{OnDeny, Scanner, Source, Target, Version, evidence};

/// A policy has few keys; what it accepts by name may be a list.
const POLICY_FILE_LIMIT_BYTES: u64 = 64 << 10;

/// The `params` of a `put`. Without `image`, the image that the source names is judged.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PutParams {
    /// The artifact of an `image` resource: the folder whose file `digest` names what is judged.
    #[serde(default)]
    pub image: Option<String>,
    /// A file with the policy as JSON, in place of that of the source: `ARTIFACT/FILE`. Give the implicit `get` the
    /// same one in `get_params: {policy: …}`, or `no_get: true`.
    #[serde(default)]
    pub policy_file: Option<String>,
    /// What happens after a verdict that is no permit. Default `fail`.
    #[serde(default)]
    pub on_deny: OnDeny,
}

/// Judges, and emits the outcome as a version.
pub(crate) async fn put(
    step: &StepContext,
    source: &Source,
    params: &PutParams,
    dir: &Path,
) -> anyhow::Result<Outcome<Version>> {
    let mut scanner = Scanner::open(step, source)?;
    if let Some(file) = &params.policy_file {
        scanner = scanner.with_policy(read_policy(dir, file).await?);
    }
    let digest = match &params.image {
        Some(artifact) => read_digest(dir, artifact).await?,
        None => digest_of_source(&scanner, source.target()?).await?,
    };
    let verdict = scanner.judge(&digest).await?;
    let judged_at = step.now();
    let version = Version::new(&verdict, judged_at);
    evidence::write_in_build(step, dir, &source.repository, &verdict, judged_at).await;
    Ok(evidence::outcome(
        step,
        &scanner,
        version,
        &verdict,
        params.on_deny,
    ))
}

async fn digest_of_source(scanner: &Scanner, target: Target) -> anyhow::Result<String> {
    match target {
        Target::Digest(digest) => Ok(digest),
        Target::Tag(tag) => {
            let missing =
                || Fault::operational(format!("{}: there is no such tag", scanner.label(&tag)));
            Ok(scanner.resolve(&tag).await?.ok_or_else(missing)?)
        }
        Target::LastJudged => Err(Fault::config(
            "nothing to judge is named: give image in the params, or tag or digest in the source",
        )
        .into()),
    }
}

/// The file `digest` in the artifact of an `image` resource.
async fn read_digest(dir: &Path, artifact: &str) -> anyhow::Result<String> {
    let digest = build::read_digest(dir, "image", artifact).await?;
    if !is_sha256(&digest) {
        let message = format!(
            "{artifact}/digest: expected sha256: and 64 hexadecimal digits, found {digest:?}"
        );
        return Err(Fault::data(message).into());
    }
    Ok(digest)
}

async fn read_policy(dir: &Path, file: &str) -> anyhow::Result<Policy> {
    let text = build::read(dir, "policy_file", file, POLICY_FILE_LIMIT_BYTES).await?;
    let policy = serde_json::from_str(&text);
    Ok(policy.map_err(|error| Fault::config(format!("{file} is no policy")).with_source(error))?)
}
