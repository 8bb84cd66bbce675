//! `put`: sign a digest, once; or verify it again.

use std::{future::Future, path::Path, time::Duration};

use schemars::JsonSchema;
use serde::Deserialize;
use tokio::time::{Instant, sleep};
use trireme_protocol::{Fault, Outcome, StepContext, build};
use trireme_signature::{ImageDigest, sign};

use crate::{
    Key, Signatures, Source, Target, Version, attach::attach, evidence, signatures::Found,
};

/// How long a registry may take until it shows a signature that it accepted. Registries answer at once; some list
/// referrers from an index that follows some seconds later.
const SEEN_DEADLINE: Duration = Duration::from_secs(60);
/// Between two looks.
const SEEN_INTERVAL: Duration = Duration::from_secs(2);

/// The `params` of a `put`. With neither, the image that the source names is signed.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PutParams {
    /// The artifact of an `image` resource: the folder whose file `digest` names what is signed.
    #[serde(default)]
    pub image: Option<String>,
    /// The digest that is signed, `sha256:…`.
    #[serde(default)]
    pub digest: Option<String>,
    /// Sign nothing: verify the image as it is signed now. Concourse answers a `get` of a known version from its cache, a `put`
    /// always runs.
    #[serde(default)]
    pub verify: bool,
}

/// Signs unless that is done already, and ends only when the registry shows a signature that verifies.
pub(crate) async fn put(
    step: &StepContext,
    source: &Source,
    params: &PutParams,
    dir: &Path,
) -> anyhow::Result<Outcome<Version>> {
    match params.verify {
        true => verify(step, source, params, dir).await,
        false => sign_once(step, source, params, dir).await,
    }
}

/// Makes a version of its own, so that the `get` after it writes a new `signature.json`.
async fn verify(
    step: &StepContext,
    source: &Source,
    params: &PutParams,
    dir: &Path,
) -> anyhow::Result<Outcome<Version>> {
    let signatures = Signatures::open(source, source.key()?.trust())?;
    let digest = digest_of(&signatures, source, params, dir).await?;
    signatures.image(&digest).await?;
    let verdict = signatures.signed(&digest).await?;
    let version = Version::new(&verdict, step.now());
    let outcome = evidence::describe(version, &verdict, signatures.trust());
    Ok(evidence::judged(step, &signatures, &verdict, outcome))
}

async fn sign_once(
    step: &StepContext,
    source: &Source,
    params: &PutParams,
    dir: &Path,
) -> anyhow::Result<Outcome<Version>> {
    let key = source.key()?;
    let signatures = Signatures::open(source, key.trust())?;
    let Key::Private(key) = key else {
        return Err(Fault::config(
            "source.key is a public key, which only verifies: put signs and needs the private key, or `verify: true` in the params",
        )
        .into());
    };
    let digest = digest_of(&signatures, source, params, dir).await?;
    let image = signatures.image(&digest).await?;
    let name = signatures.name(&digest);
    let mut found = signatures.find(&digest).await?;
    if found.verdict.permits() {
        step.done(&name, format!("already signed with {}", signatures.trust()));
    } else {
        let bundle = sign(&digest, &key)?;
        attach(signatures.repository(), &image, bundle, step.now()).await?;
        found = await_seen(&signatures, &digest).await?;
        step.done(&name, format!("signed with {}", signatures.trust()));
    }
    // A repeated put gives the same version: its time is that of the signature, not of this step.
    let since = found.signed_at.unwrap_or_else(|| step.now());
    let version = Version::new(&found.verdict, since);
    Ok(evidence::describe(
        version,
        &found.verdict,
        signatures.trust(),
    ))
}

/// The digest of the image that the step is about.
async fn digest_of(
    signatures: &Signatures,
    source: &Source,
    params: &PutParams,
    dir: &Path,
) -> anyhow::Result<ImageDigest> {
    match (&params.image, &params.digest) {
        (Some(_), Some(_)) => {
            Err(Fault::config("params: image and digest are both given; give one of them").into())
        }
        (Some(artifact), None) => {
            let digest = build::read_digest(dir, "image", artifact).await?;
            let malformed =
                |e| Fault::data(format!("{artifact}/digest is malformed")).with_source(e);
            Ok(digest.parse().map_err(malformed)?)
        }
        (None, Some(digest)) => Ok(digest
            .parse()
            .map_err(|e| Fault::config("params.digest is malformed").with_source(e))?),
        (None, None) => digest_of_source(signatures, source.target()?).await,
    }
}

async fn digest_of_source(signatures: &Signatures, target: Target) -> anyhow::Result<ImageDigest> {
    match target {
        Target::Digest(digest) => Ok(digest),
        Target::Tag(tag) => {
            let digest = signatures.resolve(&tag).await?;
            let missing = || Fault::operational(format!("source.tag: there is no tag {tag}"));
            Ok(digest.ok_or_else(missing)?)
        }
        Target::LastSigned => Err(Fault::config(
            "no image is named: give image or digest in the params, or tag or digest in the source",
        )
        .into()),
    }
}

/// The registry's own word for it that the image is signed now.
async fn await_seen(signatures: &Signatures, digest: &ImageDigest) -> anyhow::Result<Found> {
    let found = look_until_signed(|| signatures.find(digest)).await?;
    if found.verdict.permits() {
        return Ok(found);
    }
    let message = format!(
        "{}: the registry accepted the signature, and {} s later does not show one that verifies: {}",
        signatures.name(digest),
        SEEN_DEADLINE.as_secs(),
        found.verdict.reasons().join("; ")
    );
    Err(Fault::operational(message).into())
}

/// Looks again until there is a signature that verifies, or the deadline has passed; gives the last look.
async fn look_until_signed<E, L>(mut look: impl FnMut() -> L) -> Result<Found, E>
where
    L: Future<Output = Result<Found, E>>,
{
    let deadline = Instant::now() + SEEN_DEADLINE;
    loop {
        let found = look().await?;
        if found.verdict.permits() || Instant::now() >= deadline {
            return Ok(found);
        }
        sleep(SEEN_INTERVAL).await;
    }
}

#[cfg(test)]
mod tests {
    use trireme_signature::{SignatureKind, SignatureVerdict, Signer, ValidSignature};

    use super::*;

    fn found(valid: usize) -> Found {
        let signature = ValidSignature {
            bundle: "sha256:0".into(),
            signer: Signer::Key {
                fingerprint: "k".into(),
            },
            kind: SignatureKind::Statement,
        };
        Found::of(SignatureVerdict {
            digest: ImageDigest::of(b"manifest"),
            valid: vec![signature; valid],
            refused: Vec::new(),
        })
    }

    /// How many looks it took, and what the last one found.
    async fn looks(signed_at_look: usize) -> (usize, bool) {
        let mut looks = 0;
        let look = || {
            looks += 1;
            let valid = usize::from(looks >= signed_at_look);
            async move { Ok::<_, Fault>(found(valid)) }
        };
        let last = look_until_signed(look).await.unwrap();
        (looks, last.verdict.permits())
    }

    #[tokio::test(start_paused = true)]
    async fn a_signature_that_shows_late_is_seen_and_one_that_never_does_is_given_up() {
        assert_eq!(looks(1).await, (1, true));
        assert_eq!(looks(7).await, (7, true));
        let all = usize::try_from(SEEN_DEADLINE.as_secs() / SEEN_INTERVAL.as_secs()).unwrap();
        assert_eq!(looks(usize::MAX).await, (all + 1, false));
    }

    #[tokio::test(start_paused = true)]
    async fn a_look_that_fails_ends_it() {
        let mut looks = 0;
        let look = || {
            looks += 1;
            async { Err(Fault::operational("gone")) }
        };
        assert!(look_until_signed(look).await.is_err());
        assert_eq!(looks, 1);
    }
}
