//! `check`: has the outcome changed?

use trireme_finding::ScanGate as _;
use trireme_protocol::{Fault, Step};

use crate::{Scanner, Source, Target, Version, source::is_digest};

/// The version of the outcome; none while there is no image to judge. A deny is a version too: somebody waits for it.
pub(crate) async fn check(
    step: &Step,
    source: &Source,
    last: Option<Version>,
) -> anyhow::Result<Vec<Version>> {
    let target = source.target()?;
    let scanner = Scanner::open(step, source)?;
    let Some(digest) = resolve(step, &scanner, target, last.as_ref()).await? else {
        return Ok(Vec::new());
    };
    let verdict = scanner.permitted(&digest).await?;
    Ok(vec![Version::next(last, &verdict, step.now())])
}

async fn resolve(
    step: &Step,
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
        Target::LastJudged => Ok(last.map(known).transpose()?),
    }
}

/// The digest of a version, which may come from anywhere (`fly check-resource --from`).
pub(crate) fn known(version: &Version) -> Result<String, Fault> {
    if is_digest(&version.digest) {
        return Ok(version.digest.clone());
    }
    let found = &version.digest;
    Err(Fault::data(format!(
        "version.digest: expected sha256: and 64 hexadecimal digits, found {found:?}"
    )))
}
