//! The images of a build, and the proof that each was permitted and signed.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Component, Path, PathBuf};

use serde::Deserialize;
use tokio::io::AsyncReadExt;
use trireme_protocol::Fault;

use crate::source::Require;

/// `signature.json` and `verdict.json` hold lists; more than this is not one of ours.
const FILE_MAX: u64 = 64 << 20;

/// What `verdict.json` and `signature.json` have in common; they have more keys.
#[derive(Deserialize)]
struct Judgement {
    digest: String,
    verdict: String,
}

/// The images of the artifacts `images`, each proven as `require` demands by a file of any of the artifacts.
///
/// A file that denies one of them refuses it, demanded or not.
///
/// # Errors
/// Exit 2 for an image that is denied or not proven, 65 for a file that is malformed, 78 for a name that is none.
pub(crate) async fn proven(
    dir: &Path,
    images: &[String],
    others: &[String],
    require: &Require,
) -> anyhow::Result<BTreeMap<String, String>> {
    let mut found = BTreeMap::new();
    let (mut permitted, mut verified) = (BTreeSet::new(), BTreeSet::new());
    let mut denied = BTreeMap::new();
    for artifact in images.iter().chain(others) {
        let folder = folder(dir, artifact)?;
        for (file, proof) in [
            ("verdict.json", &mut permitted),
            ("signature.json", &mut verified),
        ] {
            let Some(judgement) = judgement(&folder.join(file)).await? else {
                continue;
            };
            if judgement.verdict == "permit" {
                proof.insert(judgement.digest);
            } else {
                denied.insert(
                    judgement.digest,
                    format!("{artifact}/{file} says {}", judgement.verdict),
                );
            }
        }
    }
    for artifact in images {
        let folder = folder(dir, artifact)?;
        let repository = text(&folder.join("repository")).await?;
        let digest = text(&folder.join("digest")).await?;
        check_digest(&digest, artifact)?;
        let name = artifact.rsplit('/').next().unwrap_or(artifact);
        let refuse = |why: &str| {
            Err(Fault::denied(format!(
                "image {name} ({repository}@{digest}): {why}"
            )))
        };
        if let Some(why) = denied.get(&digest) {
            refuse(why)?;
        }
        if require.verdict.is_some() && !permitted.contains(&digest) {
            refuse("no verdict.json for its digest is among the artifacts")?;
        }
        if require.signature.is_some() && !verified.contains(&digest) {
            refuse("no signature.json for its digest is among the artifacts")?;
        }
        found.insert(name.to_owned(), format!("{repository}@{digest}"));
    }
    Ok(found)
}

/// The folder of an artifact; names that lead out of the build's folder are refused.
fn folder(dir: &Path, artifact: &str) -> anyhow::Result<PathBuf> {
    let plain = Path::new(artifact)
        .components()
        .all(|part| matches!(part, Component::Normal(_)));
    if artifact.is_empty() || !plain {
        let message = format!("`{artifact}` is not the name of an artifact");
        return Err(Fault::config(message).into());
    }
    Ok(dir.join(artifact))
}

async fn judgement(path: &Path) -> anyhow::Result<Option<Judgement>> {
    if !tokio::fs::try_exists(path).await? {
        return Ok(None);
    }
    let judgement = serde_json::from_str(&read(path).await?);
    let wrong = |error| Fault::data(format!("{} is malformed", path.display())).because(error);
    Ok(Some(judgement.map_err(wrong)?))
}

/// The only line of a small file.
pub(crate) async fn text(path: &Path) -> anyhow::Result<String> {
    Ok(read(path).await?.trim().to_owned())
}

async fn read(path: &Path) -> anyhow::Result<String> {
    let wrong = |error: std::io::Error| {
        Fault::data(format!(
            "could not read {}; is it in the artifact?",
            path.display()
        ))
        .because(error)
    };
    let file = tokio::fs::File::open(path).await.map_err(wrong)?;
    let mut text = String::new();
    file.take(FILE_MAX)
        .read_to_string(&mut text)
        .await
        .map_err(wrong)?;
    Ok(text)
}

fn check_digest(digest: &str, artifact: &str) -> Result<(), Fault> {
    let hex = digest.strip_prefix("sha256:").unwrap_or_default();
    let right = hex.len() == 64
        && hex
            .bytes()
            .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    if right {
        return Ok(());
    }
    Err(Fault::data(format!(
        "{artifact}/digest holds `{digest}`, expected sha256 and 64 hex digits"
    )))
}
