//! `check`: has the outcome changed?

use trireme_protocol::{Fault, StepContext};
use trireme_registry::is_sha256;

use crate::{
    Scanner, Source, Target, Version,
    cache::{Cache, CacheEntry},
};

/// The version of the outcome; none while there is no image to judge. A deny is a version too: somebody waits for it.
pub(crate) async fn check(
    step: &StepContext,
    source: &Source,
    last: Option<Version>,
) -> anyhow::Result<Vec<Version>> {
    let target = source.target()?;
    let was_asked = !matches!(target, Target::Digest(_));
    let scanner = Scanner::open(step, source)?.with_database_versions();
    let Some(digest) = resolve(step, source, &scanner, target, last.as_ref()).await? else {
        return Ok(Vec::new());
    };
    let cache = Cache::of(source);
    let seen = match verified(step, &scanner, &cache, &digest, was_asked).await? {
        Some(seen) => seen,
        None => judge(step, &scanner, &cache, &digest).await?,
    };
    Ok(vec![Version::next(last, seen)])
}

/// The outcome of an earlier check, if the image is still there (which `was_asked` already, or is asked now) and the
/// database has not changed.
async fn verified(
    step: &StepContext,
    scanner: &Scanner,
    cache: &Cache,
    digest: &str,
    was_asked: bool,
) -> anyhow::Result<Option<Version>> {
    let Some(entry) = cache.get(digest, step.now()) else {
        return Ok(None);
    };
    if !was_asked && scanner.resolve(digest).await?.is_none() {
        return Ok(None);
    }
    if !scanner
        .advisories()
        .are_current(&entry.database_versions)
        .await?
    {
        return Ok(None);
    }
    step.debug(
        scanner.label(digest),
        format!("image and database are those of {}", entry.judged_at),
    );
    Ok(Some(entry.version.seen_at(step.now())))
}

/// Judges, and stores the outcome for the next check if that can verify what it was made from.
async fn judge(
    step: &StepContext,
    scanner: &Scanner,
    cache: &Cache,
    digest: &str,
) -> anyhow::Result<Version> {
    let judged_at = step.now();
    let judged = scanner.judge_with_database_versions(digest).await?;
    let version = Version::new(&judged.verdict, step.now());
    let name = scanner.label(digest);
    let Some(database_versions) = judged.database_versions else {
        step.debug(
            name,
            "the database's server sends neither a strong ETag nor a Last-Modified that is old enough: nothing is cached",
        );
        return Ok(version);
    };
    let stored = cache.put(&CacheEntry {
        judged_at,
        version: version.clone(),
        database_versions,
    });
    if let Err(error) = stored {
        step.debug(
            name,
            format!("the outcome could not be cached, and the next check judges in full: {error}"),
        );
    }
    Ok(version)
}

async fn resolve(
    step: &StepContext,
    source: &Source,
    scanner: &Scanner,
    target: Target,
    last: Option<&Version>,
) -> anyhow::Result<Option<String>> {
    match target {
        Target::Digest(digest) => Ok(Some(digest)),
        Target::Tag(tag) => {
            let digest = scanner.resolve(&tag).await?;
            if digest.is_none() {
                step.warn(scanner.label(&tag), "there is no such tag");
            }
            Ok(digest)
        }
        Target::LastJudged => {
            if last.is_none() {
                let name = format!("image {}", source.repository);
                step.info(
                    name,
                    "a put judges the first digest: the source names no tag and no digest",
                );
            }
            let Some(digest) = last.map(digest_of_version).transpose()? else {
                return Ok(None);
            };
            let found = scanner.resolve(&digest).await?;
            if found.is_none() {
                step.warn(scanner.label(&digest), "the image judged last is gone");
            }
            Ok(found)
        }
    }
}

/// The digest of a version, which may come from anywhere (`fly check-resource --from`).
pub(crate) fn digest_of_version(version: &Version) -> Result<String, Fault> {
    if is_sha256(&version.digest) {
        return Ok(version.digest.clone());
    }
    let found = &version.digest;
    Err(Fault::data(format!(
        "version.digest: expected sha256: and 64 hexadecimal digits, found {found:?}"
    )))
}
