//! Manifests and indexes, as bytes: what is signed and copied is exactly what the registry holds.

use bytes::Bytes;
use http::{
    StatusCode,
    header::{ACCEPT, CONTENT_LENGTH, CONTENT_TYPE, HeaderName},
};
use oci_spec::image::{Descriptor, Digest, MediaType};
use serde_json::Value;
use trireme_transport::{Fetched, Request, Streamed};

use crate::{
    RegistryError, Repository,
    auth::Access,
    content::{Verifier, digest_of},
    keys, name,
    repository::ANSWER_LIMIT_BYTES,
    shape,
};

/// The largest manifest that is read, in bytes; registries refuse larger ones themselves.
pub const MANIFEST_LIMIT_BYTES: u64 = 4 * 1024 * 1024;

const ACCEPTED: &str = "application/vnd.oci.image.index.v1+json, \
    application/vnd.oci.image.manifest.v1+json, \
    application/vnd.docker.distribution.manifest.list.v2+json, \
    application/vnd.docker.distribution.manifest.v2+json";
const CONTENT_DIGEST: HeaderName = HeaderName::from_static("docker-content-digest");

impl Repository {
    /// What a tag or a digest points to, without its content; `None` when it does not exist.
    ///
    /// # Errors
    /// For every answer but 200 and 404, in the registry's own words.
    pub async fn head_manifest(
        &self,
        reference: &str,
    ) -> Result<Option<Descriptor>, RegistryError> {
        let what = format!("looking up {}", self.label(reference));
        let url = self.url(&format!("manifests/{reference}"));
        let build = || Request::head(&url).header(ACCEPT, ACCEPTED);
        let answer = match self.stream(&what, Access::Pull, build).await {
            Err(error) if error.has_no_words() => return self.manifest_descriptor(reference).await,
            answer => answer?,
        };
        match answer.status {
            StatusCode::OK => {}
            StatusCode::NOT_FOUND => return Ok(None),
            // Some registries refuse HEAD, and some send to a storage that was only told of GET. The answer to HEAD has no
            // words either: then that to GET tells.
            _ => return self.manifest_descriptor(reference).await,
        }
        match head_descriptor(&what, &answer, reference)? {
            Some(descriptor) => Ok(Some(descriptor)),
            // Some registries leave a header out of the answer to HEAD: then the manifest itself tells.
            None => Ok(Some(self.get_manifest(reference).await?.0)),
        }
    }

    async fn manifest_descriptor(
        &self,
        reference: &str,
    ) -> Result<Option<Descriptor>, RegistryError> {
        match self.get_manifest(reference).await {
            Ok((descriptor, _)) => Ok(Some(descriptor)),
            Err(RegistryError::NotFound { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// A manifest or index with its descriptor; its bytes were verified against the digest that was asked for, or
    /// that the registry names.
    ///
    /// # Errors
    /// [`RegistryError::NotFound`] when it does not exist, [`RegistryError::NoManifest`] when that is what its bytes are.
    pub async fn get_manifest(
        &self,
        reference: &str,
    ) -> Result<(Descriptor, Bytes), RegistryError> {
        let what = format!("fetching the manifest {}", self.label(reference));
        let url = self.url(&format!("manifests/{reference}"));
        let build = || Request::get(&url).header(ACCEPT, ACCEPTED);
        let answer = self
            .fetch(&what, Access::Pull, MANIFEST_LIMIT_BYTES, build)
            .await?;
        if answer.status != StatusCode::OK {
            return Err(RegistryError::unexpected(&what, &answer));
        }
        let json: Option<Value> = serde_json::from_slice(&answer.body).ok();
        let descriptor = body_descriptor(&what, &answer, reference, json.as_ref())?;
        hold(&what, &descriptor, &answer, json)?;
        Ok((descriptor, answer.body))
    }

    /// Stores a manifest under a tag or its digest.
    ///
    /// # Errors
    /// When the registry does not accept it, or names another digest for it.
    pub async fn put_manifest(
        &self,
        reference: &str,
        media_type: &str,
        bytes: Bytes,
    ) -> Result<(), RegistryError> {
        self.send_manifest(reference, media_type, bytes)
            .await
            .map(drop)
    }

    pub(crate) async fn send_manifest(
        &self,
        reference: &str,
        media_type: &str,
        bytes: Bytes,
    ) -> Result<Fetched, RegistryError> {
        let what = format!("storing the manifest {}", self.label(reference));
        let url = self.url(&format!("manifests/{reference}"));
        let build = || {
            Request::put(&url)
                .header(CONTENT_TYPE, media_type)
                .bytes(bytes.clone())
        };
        let answer = self
            .fetch(&what, Access::Push, ANSWER_LIMIT_BYTES, build)
            .await?;
        let ours = digest_of(&bytes);
        // Old registries accept (202) what others create (201).
        let stored = match answer.status {
            StatusCode::CREATED => true,
            status if status.is_success() => self.points_to(reference, &ours).await?,
            _ => false,
        };
        if !stored {
            return Err(RegistryError::unexpected(&what, &answer));
        }
        match answer.header(CONTENT_DIGEST.as_str()) {
            Some(named) if named.starts_with("sha256:") && named != ours => {
                Err(RegistryError::Content {
                    what,
                    property: "digest",
                    expected: ours,
                    found: named.into(),
                })
            }
            _ => Ok(answer),
        }
    }

    async fn points_to(&self, reference: &str, digest: &str) -> Result<bool, RegistryError> {
        let found = self.head_manifest(reference).await?;
        Ok(found.is_some_and(|found| found.digest().as_ref() == digest))
    }

    /// `REPOSITORY:TAG` or `REPOSITORY@DIGEST`.
    pub(crate) fn label(&self, reference: &str) -> String {
        let separator = if is_by_digest(reference) { '@' } else { ':' };
        format!("{}{separator}{reference}", self.name())
    }
}

/// Whether it is no tag, in which there is no colon. A malformed digest counts too: content must not pass for it.
fn is_by_digest(reference: &str) -> bool {
    reference.contains(':')
}

fn text(answer: &Streamed, name: HeaderName) -> Option<&str> {
    answer.headers.get(name)?.to_str().ok()
}

fn head_descriptor(
    what: &str,
    answer: &Streamed,
    reference: &str,
) -> Result<Option<Descriptor>, RegistryError> {
    // A page for people names none, also where a digest was asked for.
    let digest = text(answer, CONTENT_DIGEST);
    let size = text(answer, CONTENT_LENGTH).and_then(|text| text.parse::<u64>().ok());
    let media_type = text(answer, CONTENT_TYPE);
    let (Some(digest), Some(size), Some(media_type)) = (digest, size, media_type) else {
        return Ok(None);
    };
    if is_by_digest(reference) && digest != reference {
        return Err(RegistryError::Content {
            what: what.into(),
            property: "digest",
            expected: reference.into(),
            found: digest.into(),
        });
    }
    Ok(Some(Descriptor::new(
        MediaType::from(media_type),
        size,
        parse_digest(what, digest)?,
    )))
}

/// The digest that was asked for rules; for a tag, the one that the registry names; else the content's own.
fn body_descriptor(
    what: &str,
    answer: &Fetched,
    reference: &str,
    json: Option<&Value>,
) -> Result<Descriptor, RegistryError> {
    let named = answer.header(CONTENT_DIGEST.as_str()).map(String::from);
    let digest = if is_by_digest(reference) {
        reference.to_owned()
    } else {
        named.unwrap_or_else(|| digest_of(&answer.body))
    };
    let media_type = answer.header(CONTENT_TYPE.as_str()).unwrap_or_default();
    let media_type = media_type.split(';').next().unwrap_or_default().trim();
    // The header may be generic; the manifest's own field is then the better witness.
    let own = json.and_then(|json| json.get("mediaType")?.as_str());
    let media_type = own.unwrap_or(media_type);
    Ok(Descriptor::new(
        MediaType::from(media_type),
        answer.body.len() as u64,
        parse_digest(what, &digest)?,
    ))
}

/// Holds a body to its digest, and then to being a manifest, the same to every reader.
fn hold(
    what: &str,
    descriptor: &Descriptor,
    answer: &Fetched,
    json: Option<Value>,
) -> Result<(), RegistryError> {
    let found = || format!("expected a manifest, got {}", answer.describe());
    if let Err(error) = verify(what, descriptor, &answer.body) {
        // A page for people is told by what it is: its digest says little.
        return Err(match json {
            Some(_) => error,
            None => RegistryError::malformed(what, found()),
        });
    }
    let usable = json.ok_or_else(found).and_then(|json| shape::check(&json));
    let usable = usable.and_then(|()| keys::check(&answer.body));
    usable.map_err(|reason| RegistryError::NoManifest {
        what: what.into(),
        reason,
    })
}

fn verify(what: &str, descriptor: &Descriptor, body: &[u8]) -> Result<(), RegistryError> {
    let mut verifier = Verifier::new(what, descriptor)?;
    verifier.update(what, body)?;
    verifier.finish(what)
}

/// A digest that content can be held to; others have the form of one, and prove nothing here.
fn parse_digest(what: &str, text: &str) -> Result<Digest, RegistryError> {
    let known = name::is_digest(text).then(|| text.parse().ok());
    known.flatten().ok_or_else(|| {
        let reason = format!("{text:?} is no digest that is known here: expected sha256 or sha512");
        RegistryError::malformed(what, reason)
    })
}
