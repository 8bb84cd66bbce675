//! `check`: what does the tag point to now? One HEAD request when nothing has changed.

use trireme_protocol::{Fault, StepContext};
use trireme_registry::Repository;

use crate::{Source, Version, source::Target};

/// The last version while it still exists, and the present one.
pub(crate) async fn check(
    step: &StepContext,
    source: &Source,
    last: Option<Version>,
) -> anyhow::Result<Vec<Version>> {
    let target = source.target()?;
    let repository = source.registry().open()?;
    let tag = match target {
        Target::Digest(digest) => return pinned(step, source, &repository, digest).await,
        Target::Tag(Some(tag)) => tag.to_owned(),
        Target::Tag(None) => {
            let last = last.as_ref().and_then(|version| version.tag.clone());
            let Some(last) = last else {
                return none_named(step, source, &repository).await;
            };
            last
        }
    };
    let Some(digest) = digest(&repository, &tag).await? else {
        step.warn(
            format!("image {}:{tag}", source.repository),
            "there is no such tag",
        );
        return Ok(Vec::new());
    };
    let present = Version {
        tag: Some(tag),
        digest,
    };
    let mut versions = Vec::new();
    if let Some(last) = last.filter(|last| *last != present)
        && self::digest(&repository, &last.digest).await?.is_some()
    {
        versions.push(last);
    }
    versions.push(present);
    Ok(versions)
}

/// No version before the first `put`: nothing says what to follow.
///
/// # Errors
/// A configuration fault when there are tags already, among which `registry-image` would seek.
async fn none_named(
    step: &StepContext,
    source: &Source,
    repository: &Repository,
) -> anyhow::Result<Vec<Version>> {
    if repository.has_tags().await? {
        return Err(Fault::config(
            "source names neither tag nor digest, and the repository has tags: give the tag to follow; versions are not sought \
             among tags (only after a put is its tag followed)",
        )
        .into());
    }
    step.info(
        format!("image {}", source.repository),
        "a put stores the first image: the repository has no tags, and the source names none",
    );
    Ok(Vec::new())
}

async fn pinned(
    step: &StepContext,
    source: &Source,
    repository: &Repository,
    pin: &str,
) -> anyhow::Result<Vec<Version>> {
    let found = digest(repository, pin).await?;
    if found.is_none() {
        let object = format!("image {}@{pin}", source.repository);
        step.warn(object, "there is no such digest");
    }
    let version = found.map(|digest| Version { tag: None, digest });
    Ok(version.into_iter().collect())
}

async fn digest(repository: &Repository, reference: &str) -> anyhow::Result<Option<String>> {
    let descriptor = repository.head_manifest(reference).await?;
    Ok(descriptor.map(|descriptor| descriptor.digest().to_string()))
}
