//! The files and the metadata that show what was verified.

use std::path::Path;

use anyhow::Context as _;
use jiff::Timestamp;
use tokio::fs;
use trireme_evidence as file;
use trireme_evidence::SignatureFile;
use trireme_protocol::{Outcome, StepContext};
use trireme_signature::{RefusedSignature, SignatureVerdict, Signer, TrustPolicy, ValidSignature};

use crate::{Signatures, Version};

/// Writes `signature.json`, and `repository` and `digest` in the form of the `image` resource, for the steps that
/// want to use exactly what was verified.
pub(crate) async fn write(
    dir: &Path,
    repository: &str,
    verdict: &SignatureVerdict,
    verified_at: Timestamp,
) -> anyhow::Result<()> {
    for (name, content) in [
        (
            "signature.json",
            signature_file(repository, verdict, verified_at).to_json(),
        ),
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

fn signature_file(
    repository: &str,
    verdict: &SignatureVerdict,
    verified_at: Timestamp,
) -> SignatureFile {
    SignatureFile {
        format: file::Format,
        repository: repository.to_owned(),
        digest: verdict.digest.to_string(),
        decision: match verdict.permits() {
            true => file::Decision::Permit,
            false => file::Decision::Deny,
        },
        verified_at: Some(verified_at),
        reasons: verdict.reasons(),
        signatures: verdict.valid.iter().map(signature).collect(),
        refused: verdict.refused.iter().map(other_bundle).collect(),
    }
}

fn signature(signature: &ValidSignature) -> file::Signature {
    let Signer::Key { fingerprint } = &signature.signer;
    file::Signature {
        bundle: signature.bundle.clone(),
        key: fingerprint.clone(),
        kind: signature.kind.word().to_owned(),
    }
}

fn other_bundle(refused: &RefusedSignature) -> file::OtherBundle {
    file::OtherBundle {
        bundle: refused.bundle.clone(),
        reason: refused.reason.clone(),
    }
}

/// The outcome of a step with the metadata that Concourse shows.
pub(crate) fn describe(
    version: Version,
    verdict: &SignatureVerdict,
    trust: &TrustPolicy,
) -> Outcome<Version> {
    let outcome = Outcome::new(version)
        .with("verdict", verdict.word())
        .with("valid signatures", verdict.valid.len().to_string())
        .with("other bundles", verdict.refused.len().to_string());
    trust.signers().fold(outcome, |outcome, signer| {
        let (what, name) = signer.described();
        outcome.with(what, name)
    })
}

/// Tells people what was found; denies an image that is not signed.
pub(crate) fn judged(
    step: &StepContext,
    signatures: &Signatures,
    verdict: &SignatureVerdict,
    outcome: Outcome<Version>,
) -> Outcome<Version> {
    let name = signatures.name(&verdict.digest);
    let trust = signatures.trust();
    for refused in &verdict.refused {
        let text = format!("{} does not count: {}", refused.bundle, refused.reason);
        step.warn(&name, text);
    }
    if verdict.permits() {
        step.done(&name, format!("signed with {trust}"));
        return outcome;
    }
    let reasons = verdict.reasons().join("; ");
    outcome.deny(format!("{name} is not signed with {trust}: {reasons}"))
}
