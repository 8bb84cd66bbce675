//! The images of a build, and the proof that each was permitted and signed.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Component, Path, PathBuf};

use serde::Deserialize;
use tokio::io::AsyncReadExt;
use trireme_protocol::Fault;

use crate::source::Require;

/// `signature.json` and `verdict.json` hold lists; more than this is not one of ours.
const FILE_MAX: u64 = 64 << 20;

/// The format of both files. A higher one may mean something else by its words.
const FORMAT: u32 = 1;

/// What `verdict.json` and `signature.json` have in common; they have more keys.
#[derive(Deserialize)]
struct Judgement {
    format: u32,
    digest: String,
    verdict: String,
}

/// What the files of the artifacts say about digests, and what of it is demanded.
pub(crate) struct Proofs<'a> {
    require: &'a Require,
    permitted: BTreeSet<String>,
    verified: BTreeSet<String>,
    /// Which file denies a digest.
    denied: BTreeMap<String, String>,
}

impl<'a> Proofs<'a> {
    /// Reads the files of these artifacts.
    ///
    /// # Errors
    /// Exit 65 for a file that is malformed, 78 for a name that is none.
    pub(crate) async fn read(
        dir: &Path,
        artifacts: impl Iterator<Item = &String>,
        require: &'a Require,
    ) -> anyhow::Result<Self> {
        let mut proofs = Self {
            require,
            permitted: BTreeSet::new(),
            verified: BTreeSet::new(),
            denied: BTreeMap::new(),
        };
        for artifact in artifacts {
            let folder = folder(dir, artifact)?;
            for (file, proven) in [
                ("verdict.json", &mut proofs.permitted),
                ("signature.json", &mut proofs.verified),
            ] {
                let Some(judgement) = judgement(&folder.join(file)).await? else {
                    continue;
                };
                if judgement.verdict == "permit" {
                    proven.insert(judgement.digest);
                } else {
                    let why = format!("{artifact}/{file} says {}", judgement.verdict);
                    proofs.denied.insert(judgement.digest, why);
                }
            }
        }
        Ok(proofs)
    }

    /// Holds an image to what is demanded, wherever it was named. A file that denies it refuses it, demanded or not.
    ///
    /// # Errors
    /// Exit 2 for an image that is denied or not proven.
    pub(crate) fn hold(&self, name: &str, reference: &str) -> Result<(), Fault> {
        let digest = reference.rsplit_once('@').map_or("", |(_, digest)| digest);
        let refuse = |why: &str| Err(Fault::denied(format!("image {name} ({reference}): {why}")));
        if let Some(why) = self.denied.get(digest) {
            return refuse(why);
        }
        if self.require.verdict.is_some() && !self.permitted.contains(digest) {
            return refuse("no verdict.json for its digest is among the artifacts");
        }
        if self.require.signature.is_some() && !self.verified.contains(digest) {
            return refuse("no signature.json for its digest is among the artifacts");
        }
        Ok(())
    }
}

/// The images of these artifacts, `repository@digest` by the name of their folder.
///
/// # Errors
/// Exit 65 for a file that is malformed, 78 for a name that is none, or that two have.
pub(crate) async fn images(
    dir: &Path,
    artifacts: &[String],
) -> anyhow::Result<BTreeMap<String, String>> {
    let mut found = BTreeMap::new();
    for artifact in artifacts {
        let folder = folder(dir, artifact)?;
        let repository = text(&folder.join("repository")).await?;
        let digest = text(&folder.join("digest")).await?;
        if !is_sha256(&digest) {
            let message =
                format!("{artifact}/digest holds `{digest}`, expected sha256 and 64 hex digits");
            return Err(Fault::data(message).into());
        }
        let name = artifact.rsplit('/').next().unwrap_or(artifact);
        let reference = format!("{repository}@{digest}");
        if found.insert(name.to_owned(), reference).is_some() {
            let message = format!("`images` has two artifacts whose folder is named `{name}`");
            return Err(Fault::config(message).into());
        }
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
    let judgement: Judgement = judgement.map_err(wrong)?;
    if judgement.format != FORMAT {
        let (path, found) = (path.display(), judgement.format);
        let message = format!("{path} has format {found}, expected {FORMAT}");
        return Err(Fault::data(message).into());
    }
    Ok(Some(judgement))
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

pub(crate) fn is_sha256(digest: &str) -> bool {
    let hex = digest.strip_prefix("sha256:").unwrap_or_default();
    let is_hex = |byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    hex.len() == 64 && hex.bytes().all(is_hex)
}
