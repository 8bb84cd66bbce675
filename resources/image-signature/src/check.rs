//! `check`: has the set of valid signatures changed?

use trireme_protocol::{Fault, StepContext};
use trireme_signature::ImageDigest;

use crate::{Signatures, Source, Target, Version};

/// The version of the image's signatures; none while it is not signed, since there is nothing to get then.
pub(crate) async fn check(
    step: &StepContext,
    source: &Source,
    last: Option<Version>,
) -> anyhow::Result<Vec<Version>> {
    let target = source.target()?;
    let signatures = Signatures::open(source, source.key()?.trust())?;
    let Some(digest) = resolve(step, &signatures, target, last.as_ref()).await? else {
        return Ok(Vec::new());
    };
    let verdict = signatures.signed(&digest).await?;
    if !verdict.permits() {
        for reason in verdict.reasons() {
            step.warn(signatures.name(&digest), reason);
        }
        return Ok(Vec::new());
    }
    Ok(vec![Version::next(last, &verdict, step.now())])
}

async fn resolve(
    step: &StepContext,
    signatures: &Signatures,
    target: Target,
    last: Option<&Version>,
) -> anyhow::Result<Option<ImageDigest>> {
    match target {
        Target::Digest(digest) => Ok(Some(digest)),
        Target::Tag(tag) => {
            let digest = signatures.resolve(&tag).await?;
            if digest.is_none() {
                let name = signatures.repository().name();
                step.warn(format!("image {name}:{tag}"), "there is no such tag");
            }
            Ok(digest)
        }
        Target::LastSigned => {
            if last.is_none() {
                let name = format!("image {}", signatures.repository().name());
                step.info(
                    name,
                    "a put signs the first digest: the source names no tag and no digest",
                );
            }
            Ok(last.map(digest_of_version).transpose()?)
        }
    }
}

/// The digest of a version, which may come from anywhere (`fly check-resource --from`).
pub(crate) fn digest_of_version(version: &Version) -> Result<ImageDigest, Fault> {
    let parsed = version.digest.parse::<ImageDigest>();
    parsed.map_err(|e| Fault::data("version.digest is malformed").with_source(e))
}
