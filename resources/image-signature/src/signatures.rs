//! The signatures of an image as its registry has them: the answer to "is this digest signed?".

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use jiff::Timestamp;
use trireme_protocol::Fault;
use trireme_registry::{Descriptor, ImageManifest, RegistryError, Repository};
use trireme_signature::{
    BUNDLE_LIMIT_BYTES, ImageDigest, Refusal, RefusedSignature, SignatureVerdict, TrustPolicy,
    ValidSignature, Verified,
};

use crate::Source;

/// The most bundles of one image that are looked at. More of them would be an unknown, and are an error.
const BUNDLES_LIMIT: usize = 500;
/// How many are fetched at the same time.
const AT_ONCE: usize = 8;
/// When a referrer was made, as its maker says.
pub(crate) const CREATED: &str = "org.opencontainers.image.created";
/// Harbor lets a signer past its gate for unsigned images only by this word (`SkipPolicyChecking` in its
/// `src/server/middleware/util/util.go`).
const USER_AGENT: &str = concat!("cosign-compatible trireme/", env!("CARGO_PKG_VERSION"));

/// The signatures in one repository, judged by one trust policy.
pub struct Signatures {
    repository: Repository,
    trust: TrustPolicy,
}

/// Why it could not be told whether an image is signed.
#[derive(Debug, thiserror::Error)]
pub enum SignaturesError {
    /// The registry could not be asked.
    #[error("looking for signatures failed")]
    Registry(#[from] RegistryError),
    /// No signature was found, and one of those that are listed cannot be had. It might be what was looked for.
    #[error(
        "cannot tell whether the image is signed: bundle {bundle} is attached to it, and is missing or damaged in the registry; \
         repair the registry, or delete the bundle and sign again"
    )]
    Unread {
        /// Its digest.
        bundle: String,
        /// Why not.
        #[source]
        source: RegistryError,
    },
    /// More than can be looked at.
    #[error(
        "{found} bundles are attached to the image, and at most {BUNDLES_LIMIT} are read; delete those that are not needed"
    )]
    TooMany {
        /// How many there are.
        found: usize,
    },
}

/// What was found for one image.
pub(crate) struct Found {
    /// The answer, if nothing is unread or something is valid: that what cannot be had cannot take away.
    pub verdict: SignatureVerdict,
    /// When the newest valid signature was made, if its maker said so.
    pub signed_at: Option<Timestamp>,
    /// A bundle that is gone, or not what its digest says; it is among the refused too.
    unread: Option<(String, RegistryError)>,
}

/// A manifest that refers to an image, and may be a signature of a kind that the trust policy verifies.
struct Referrer {
    artifact_type: &'static str,
    digest: String,
}

/// Something that was attached to an image, and was judged.
struct Bundle {
    digest: String,
    created: Option<Timestamp>,
    judged: Result<Verified, Dismissal>,
}

/// Why something attached to an image does not count.
enum Dismissal {
    /// It was read, and is no signature by somebody who is trusted.
    Refused(String),
    /// It cannot be had.
    Unread(RegistryError),
}

/// What a referrer carries in its one layer.
struct Content {
    digest: String,
    created: Option<Timestamp>,
    bytes: Vec<u8>,
}

impl Signatures {
    /// The signatures in the repository that `source` names.
    ///
    /// # Errors
    /// A configuration fault when the repository is no name, or the registry's settings cannot be used.
    pub fn open(source: &Source, trust: TrustPolicy) -> Result<Self, Fault> {
        let client = source.connection().client_named(Some(USER_AGENT))?;
        Ok(Self {
            repository: source.registry().open_with(client)?,
            trust,
        })
    }

    /// Whose signatures are accepted.
    pub(crate) fn trust(&self) -> &TrustPolicy {
        &self.trust
    }

    /// `image REPOSITORY@DIGEST`, for people.
    pub(crate) fn name(&self, digest: &ImageDigest) -> String {
        format!("image {}@{digest}", self.repository.name())
    }

    pub(crate) fn repository(&self) -> &Repository {
        &self.repository
    }

    /// What a tag points to; `None` when it does not exist.
    pub(crate) async fn resolve(&self, tag: &str) -> anyhow::Result<Option<ImageDigest>> {
        let descriptor = self.repository.head_manifest(tag).await?;
        let digest = descriptor.map(|descriptor| descriptor.digest().to_string().parse());
        Ok(digest.transpose()?)
    }

    /// The image itself, which must be there: a signature of nothing helps nobody.
    pub(crate) async fn image(&self, digest: &ImageDigest) -> anyhow::Result<Descriptor> {
        match self.repository.get_manifest(&digest.to_string()).await {
            Ok((descriptor, _)) => Ok(descriptor),
            Err(error) if error.is_not_found() => {
                let message = format!(
                    "{}: there is no such image; copy it to this repository, or {}",
                    self.name(digest),
                    trireme_protocol::run_again()
                );
                Err(Fault::operational(message).with_source(error).into())
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Everything that is attached to the image, judged as far as it can be had.
    pub(crate) async fn find(&self, digest: &ImageDigest) -> Result<Found, SignaturesError> {
        let referrers = self.referrers(digest).await?;
        if referrers.len() > BUNDLES_LIMIT {
            return Err(SignaturesError::TooMany {
                found: referrers.len(),
            });
        }
        let bundles = stream::iter(referrers).map(|referrer| self.judge(digest, referrer));
        let mut bundles: Vec<Bundle> = bundles.buffered(AT_ONCE).try_collect().await?;
        if bundles.is_empty() {
            bundles.extend(self.of_cosign_2(digest).await?);
        }
        Ok(self.sum_up(digest, bundles))
    }

    /// What cosign 2 attached to the image: it is no bundle and is not read, but "no signature" would be wrong.
    async fn of_cosign_2(&self, digest: &ImageDigest) -> Result<Option<Bundle>, RegistryError> {
        let tag = format!("{}.sig", digest.to_string().replace(':', "-"));
        let found = self.repository.head_manifest(&tag).await?;
        Ok(found.map(|found| Bundle {
            digest: found.digest().to_string(),
            created: None,
            judged: Err(Dismissal::Refused(format!(
                "a signature in the format of cosign 2, at the tag {tag}, which is not read; sign again with cosign 3 or a put"
            ))),
        }))
    }

    /// What is attached to the image under an artifact type that the trust policy verifies.
    async fn referrers(&self, digest: &ImageDigest) -> Result<Vec<Referrer>, RegistryError> {
        let subject = digest.to_string();
        let mut referrers = Vec::new();
        for artifact_type in self.trust.artifact_types() {
            let listed = self.repository.referrers(&subject, Some(artifact_type));
            referrers.extend(listed.await?.into_iter().map(|descriptor| Referrer {
                artifact_type,
                digest: descriptor.digest().to_string(),
            }));
        }
        Ok(referrers)
    }

    /// What is malformed does not count, and neither does what is gone or changed; what could not be asked for is an
    /// error.
    async fn judge(
        &self,
        digest: &ImageDigest,
        referrer: Referrer,
    ) -> Result<Bundle, RegistryError> {
        let dismissal = match self.fetch(&referrer.digest).await {
            Ok(Ok(content)) => {
                let (kind, bytes) = (referrer.artifact_type, &content.bytes);
                let judged = self.trust.verify(kind, bytes, digest);
                return Ok(Bundle {
                    digest: content.digest,
                    created: content.created,
                    judged: judged.map_err(|refusals| Dismissal::Refused(explain(&refusals))),
                });
            }
            Ok(Err(reason)) => Dismissal::Refused(format!("it cannot be read: {reason}")),
            Err(error) if error.is_about_content() => Dismissal::Unread(error),
            Err(error) => return Err(error),
        };
        Ok(Bundle {
            digest: referrer.digest,
            created: None,
            judged: Err(dismissal),
        })
    }

    /// What the referrer with this digest carries; the inner error says why that is no bundle.
    async fn fetch(&self, listed: &str) -> Result<Result<Content, String>, RegistryError> {
        let manifest = match self.repository.get_manifest(listed).await {
            Ok((_, manifest)) => manifest,
            Err(RegistryError::NoManifest { reason, .. }) => return Ok(Err(reason)),
            Err(error) => return Err(error),
        };
        let (layer, created) = match only_layer(&manifest) {
            Ok(found) => found,
            Err(reason) => return Ok(Err(reason)),
        };
        let bytes = self.repository.blob(&layer, BUNDLE_LIMIT_BYTES).await?;
        Ok(Ok(Content {
            digest: layer.digest().to_string(),
            created,
            bytes: bytes.to_vec(),
        }))
    }

    fn sum_up(&self, digest: &ImageDigest, bundles: Vec<Bundle>) -> Found {
        let mut verdict = SignatureVerdict {
            digest: digest.clone(),
            valid: Vec::new(),
            refused: Vec::new(),
        };
        let (mut signed_at, mut unread) = (None, None);
        for bundle in bundles {
            let reason = match bundle.judged {
                Ok(Verified { signer, kind }) => {
                    signed_at = signed_at.max(bundle.created);
                    verdict.valid.push(ValidSignature {
                        bundle: bundle.digest,
                        signer,
                        kind,
                    });
                    continue;
                }
                Err(Dismissal::Refused(reason)) => reason,
                Err(Dismissal::Unread(error)) => {
                    let reason = format!("it cannot be read: {error}");
                    unread.get_or_insert((bundle.digest.clone(), error));
                    reason
                }
            };
            let bundle = bundle.digest;
            verdict.refused.push(RefusedSignature { bundle, reason });
        }
        verdict.valid.sort();
        verdict.refused.sort();
        Found {
            signed_at,
            unread,
            ..Found::of(verdict)
        }
    }
}

impl Found {
    /// What nobody dated, and all of it read.
    pub(crate) fn of(verdict: SignatureVerdict) -> Self {
        Self {
            verdict,
            signed_at: None,
            unread: None,
        }
    }
}

impl Signatures {
    /// Looks at every signature of the image with this digest.
    ///
    /// # Errors
    /// When not everything could be looked at that might decide. Never a yes, and never a no either.
    pub(crate) async fn signed(
        &self,
        digest: &ImageDigest,
    ) -> Result<SignatureVerdict, SignaturesError> {
        let Found {
            verdict, unread, ..
        } = self.find(digest).await?;
        match unread {
            Some((bundle, source)) if !verdict.permits() => {
                Err(SignaturesError::Unread { bundle, source })
            }
            _ => Ok(verdict),
        }
    }
}

/// The one layer of a referrer, and when its maker says that it was made; or why it carries no bundle.
fn only_layer(manifest: &[u8]) -> Result<(Descriptor, Option<Timestamp>), String> {
    let manifest: ImageManifest = serde_json::from_slice(manifest).map_err(|e| e.to_string())?;
    let [layer] = manifest.layers().as_slice() else {
        let layers = manifest.layers().len();
        return Err(format!("it has {layers} layers, expected one bundle"));
    };
    if layer.size() > BUNDLE_LIMIT_BYTES {
        let size = layer.size();
        return Err(format!(
            "its layer has {size} bytes, expected a bundle of at most {BUNDLE_LIMIT_BYTES}"
        ));
    }
    let annotations = manifest.annotations().as_ref();
    let created = annotations.and_then(|all| all.get(CREATED)?.parse().ok());
    Ok((layer.clone(), created))
}

/// Refusals in one line, each with its causes.
fn explain(refusals: &[Refusal]) -> String {
    let explained: Vec<String> = refusals.iter().map(with_causes).collect();
    explained.join("; ")
}

fn with_causes(refusal: &Refusal) -> String {
    let mut text = refusal.to_string();
    let mut cause = std::error::Error::source(refusal);
    while let Some(error) = cause {
        text.push_str(&format!(": {error}"));
        cause = error.source();
    }
    text
}
