//! The files and the metadata that show what was verified.

use std::path::Path;

use anyhow::Context as _;
use serde::Serialize;
use tokio::fs;
use trireme_protocol::Outcome;
use trireme_signature::{PublicKey, RefusedSignature, SignatureVerdict, ValidSignature};

use crate::Version;

/// The format number of `signature.json`; raised when a field changes its meaning or goes.
const FORMAT: u32 = 1;

/// `signature.json`.
#[derive(Serialize)]
struct Evidence<'a> {
    format: u32,
    repository: &'a str,
    digest: String,
    verdict: &'static str,
    reasons: Vec<String>,
    signatures: &'a [ValidSignature],
    refused: &'a [RefusedSignature],
}

/// Writes `signature.json`, and `repository` and `digest` in the form of the `image` resource, for the steps that
/// want to use exactly what was verified.
pub(crate) async fn write(
    dir: &Path,
    repository: &str,
    verdict: &SignatureVerdict,
) -> anyhow::Result<()> {
    let evidence = Evidence {
        format: FORMAT,
        repository,
        digest: verdict.digest.to_string(),
        verdict: verdict.word(),
        reasons: verdict.reasons(),
        signatures: &verdict.valid,
        refused: &verdict.refused,
    };
    let mut json = serde_json::to_vec_pretty(&evidence)?;
    json.push(b'\n');
    for (name, content) in [
        ("signature.json", json),
        ("repository", repository.as_bytes().to_vec()),
        ("digest", verdict.digest.to_string().into_bytes()),
    ] {
        let path = dir.join(name);
        fs::write(&path, content)
            .await
            .with_context(|| format!("writing {}", path.display()))?;
    }
    Ok(())
}

/// The outcome of a step with the metadata that Concourse shows.
pub(crate) fn describe(
    version: Version,
    verdict: &SignatureVerdict,
    key: &PublicKey,
) -> Outcome<Version> {
    Outcome::new(version)
        .with("verdict", verdict.word())
        .with("valid signatures", verdict.valid.len().to_string())
        .with("other bundles", verdict.refused.len().to_string())
        .with("key", key.fingerprint())
}
