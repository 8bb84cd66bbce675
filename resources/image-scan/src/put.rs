//! `put`: judge a digest.

use std::path::{Component, Path};

use anyhow::Context as _;
use schemars::JsonSchema;
use serde::Deserialize;
use tokio::{fs, io::AsyncReadExt as _};
use trireme_finding::Policy;
use trireme_protocol::{Fault, Outcome, Step};
use trireme_registry::is_sha256;

use crate::{OnDeny, Scanner, Source, Target, Version, evidence, scanner::Judged};

/// A digest file holds 71 bytes and perhaps a line break.
const DIGEST_FILE_LIMIT_BYTES: u64 = 1024;
/// A policy has four keys.
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
    /// What happens after a deny. Default `fail`.
    #[serde(default)]
    pub on_deny: OnDeny,
}

/// Judges, and emits the outcome as a version.
pub(crate) async fn put(
    step: &Step,
    source: &Source,
    params: PutParams,
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
    let Judged {
        verdict, packages, ..
    } = scanner.judge(&digest).await?;
    let version = Version::new(&verdict, step.now());
    evidence::write(dir, &source.repository, &verdict, &packages).await?;
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
    let text = read(
        dir,
        "params.image",
        &format!("{artifact}/digest"),
        DIGEST_FILE_LIMIT_BYTES,
    )
    .await?;
    let digest = text.trim();
    if !is_sha256(digest) {
        let message = format!(
            "{artifact}/digest: expected sha256: and 64 hexadecimal digits, found {digest:?}"
        );
        return Err(Fault::data(message).into());
    }
    Ok(digest.to_owned())
}

async fn read_policy(dir: &Path, file: &str) -> anyhow::Result<Policy> {
    let text = read(dir, "params.policy_file", file, POLICY_FILE_LIMIT_BYTES).await?;
    let policy = serde_json::from_str(&text);
    Ok(policy.map_err(|error| Fault::config(format!("{file} is no policy")).because(error))?)
}

/// A small text file of the build.
async fn read(dir: &Path, key: &str, file: &str, limit_bytes: u64) -> anyhow::Result<String> {
    let inside = Path::new(file)
        .components()
        .all(|part| matches!(part, Component::Normal(_)));
    if file.starts_with('/') || !inside {
        return Err(Fault::config(format!(
            "{key}: {file:?} is not in this build: expected ARTIFACT/…"
        ))
        .into());
    }
    let opened = fs::File::open(dir.join(file)).await;
    let opened = opened
        .with_context(|| format!("opening {file} for {key}; is it an input of this step?"))?;
    let mut bytes = Vec::new();
    opened
        .take(limit_bytes + 1)
        .read_to_end(&mut bytes)
        .await
        .with_context(|| format!("reading {file}"))?;
    if bytes.len() as u64 > limit_bytes {
        return Err(Fault::data(format!("{file} has more than {limit_bytes} bytes")).into());
    }
    String::from_utf8(bytes).map_err(|error| {
        Fault::data(format!("{file} is not text"))
            .because(error)
            .into()
    })
}
