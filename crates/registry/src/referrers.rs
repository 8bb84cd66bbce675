//! What refers to an image: signatures, attestations, SBOMs. With the referrers API, or the index at the fallback tag
//! `sha256-HEX` where the registry has none (OCI distribution 1.1, "Referrers Tag Schema").

use bytes::Bytes;
use http::{HeaderName, StatusCode, header::CONTENT_TYPE};
use oci_spec::image::{Descriptor, ImageIndex, ImageIndexBuilder, ImageManifest, MediaType};
use tracing::warn;
use trireme_transport::{Fetched, Request};

use crate::{
    RegistryError, Repository,
    auth::Access,
    content::descriptor_of,
    tags::{PAGE_LIMIT_BYTES, count_page},
};

const INDEX: &str = "application/vnd.oci.image.index.v1+json";
const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
/// A registry that does not know `artifactType` lists the media type of the config in its place.
const EMPTY_CONFIG: &str = "application/vnd.oci.empty.v1+json";
const OCI_SUBJECT: HeaderName = HeaderName::from_static("oci-subject");
/// The most that may refer to one manifest. Every one may have to be asked for its type.
const REFERRERS_LIMIT: usize = 10_000;
/// How often the fallback index is written when another writer is faster.
const INDEX_ATTEMPTS: u32 = 5;

impl Repository {
    /// What refers to the manifest with this digest; all of it, or an error. With `artifact_type`, only what has this
    /// type, or cannot be read. A registry that lists no true types is asked for the manifests themselves.
    ///
    /// # Errors
    /// When the list cannot be read, or the registry does not say whether a manifest belongs to it.
    pub async fn referrers(
        &self,
        digest: &str,
        artifact_type: Option<&str>,
    ) -> Result<Vec<Descriptor>, RegistryError> {
        let listed = match self.list_referrers(digest).await? {
            Some(listed) => listed,
            None => match self.fallback(digest).await? {
                Fallback::List(listed) => listed,
                Fallback::Other => {
                    let tag = self.label(&fallback_tag(digest));
                    warn!(object = %format_args!("image {tag}"), "is no list of what refers to an image; it is left alone, and nothing is listed there");
                    Vec::new()
                }
            },
        };
        let Some(wanted) = artifact_type else {
            return Ok(listed);
        };
        let mut found = Vec::new();
        for descriptor in listed {
            if self.has_type(&descriptor, wanted).await? {
                found.push(descriptor);
            }
        }
        Ok(found)
    }

    async fn has_type(&self, descriptor: &Descriptor, wanted: &str) -> Result<bool, RegistryError> {
        let listed = descriptor
            .artifact_type()
            .as_ref()
            .map(MediaType::to_string);
        if let Some(listed) = listed.filter(|listed| listed != EMPTY_CONFIG) {
            return Ok(listed == wanted);
        }
        let manifest = match self.get_manifest(descriptor.digest().as_ref()).await {
            Ok((_, bytes)) => bytes,
            // It is nothing that could be used, and must not hide the others.
            Err(RegistryError::NoManifest { .. }) => return Ok(false),
            // Listed, but gone or broken: it may have had the type, which is for the reader to find out.
            Err(error) if error.is_about_content() => return Ok(true),
            Err(error) => return Err(error),
        };
        let manifest: Option<ImageManifest> = serde_json::from_slice(&manifest).ok();
        let actual = manifest.and_then(|m| m.artifact_type().as_ref().map(MediaType::to_string));
        Ok(actual.is_some_and(|actual| actual == wanted))
    }

    /// The pages of the referrers API; `None` when the registry has none.
    async fn list_referrers(&self, digest: &str) -> Result<Option<Vec<Descriptor>>, RegistryError> {
        let what = format!("listing what refers to {}", self.label(digest));
        let mut found = Vec::new();
        let mut next = Some(self.url(&format!("referrers/{digest}")));
        let mut pages = 0;
        while let Some(url) = next {
            pages = count_page(&what, pages)?;
            let build = || Request::get(&url);
            let answer = self
                .fetch(&what, Access::Pull, PAGE_LIMIT_BYTES, build)
                .await?;
            match answer.status {
                StatusCode::OK => {}
                StatusCode::NOT_FOUND if pages == 1 => return Ok(None),
                _ => return Err(RegistryError::unexpected(&what, &answer)),
            }
            found.extend(index(&what, &answer)?.manifests().iter().cloned());
            count(&what, found.len())?;
            next = self.next_page(&what, &url, &answer)?;
        }
        Ok(Some(found))
    }

    /// What is at the fallback tag.
    async fn fallback(&self, digest: &str) -> Result<Fallback, RegistryError> {
        let tag = fallback_tag(digest);
        let what = format!("reading the index {}", self.label(&tag));
        let (found, bytes) = match self.get_manifest(&tag).await {
            Err(error) if error.is_not_found() => return Ok(Fallback::List(Vec::new())),
            found => found?,
        };
        // GitLab takes the tag `sha256-HEX` for the digest `sha256:HEX`: there is no such tag.
        if found.digest().as_ref() == digest {
            return Ok(Fallback::List(Vec::new()));
        }
        if found.media_type().to_string() != INDEX {
            return Ok(Fallback::Other);
        }
        let listed = parse_index(&what, &bytes)?.manifests().clone();
        count(&what, listed.len())?;
        match is_image(&listed) {
            true => Ok(Fallback::Other),
            false => Ok(Fallback::List(listed)),
        }
    }

    /// Stores a manifest that has a `subject`, and lists it at the fallback tag when the registry does not say that it
    /// listed it itself. Its blobs must be there. Gives the manifest's descriptor.
    ///
    /// # Errors
    /// When it is not stored, or another writer keeps taking it off the index.
    pub async fn push_referrer(
        &self,
        manifest: &ImageManifest,
    ) -> Result<Descriptor, RegistryError> {
        let what = format!("storing a referrer in {}", self.name());
        let malformed = |reason: String| RegistryError::malformed(&what, reason);
        let subject = manifest
            .subject()
            .as_ref()
            .ok_or_else(|| malformed("it has no subject".into()))?;
        let bytes =
            Bytes::from(serde_json::to_vec(manifest).map_err(|e| malformed(e.to_string()))?);
        let mut descriptor = descriptor_of(MANIFEST, &bytes)?;
        let answer = self
            .send_manifest(descriptor.digest().as_ref(), MANIFEST, bytes)
            .await?;
        descriptor.set_artifact_type(manifest.artifact_type().clone());
        descriptor.set_annotations(manifest.annotations().clone());
        if !answer.headers.contains_key(OCI_SUBJECT) {
            self.list_at_fallback(subject.digest().as_ref(), &descriptor)
                .await?;
        }
        Ok(descriptor)
    }

    /// Read, add, write, and read again: the tag has no lock, so a parallel writer may undo it.
    async fn list_at_fallback(&self, subject: &str, new: &Descriptor) -> Result<(), RegistryError> {
        let tag = fallback_tag(subject);
        let what = format!("adding to the index {}", self.label(&tag));
        for attempt in 0..=INDEX_ATTEMPTS {
            let Fallback::List(mut listed) = self.fallback(subject).await? else {
                let reason = "this tag is for a list of what refers to an image, and an image is there: remove the tag";
                return Err(RegistryError::malformed(&what, reason));
            };
            if listed.iter().any(|listed| listed.digest() == new.digest()) {
                return Ok(());
            }
            if attempt < INDEX_ATTEMPTS {
                listed.push(new.clone());
                self.put_fallback(&what, &tag, listed).await?;
            }
        }
        let reason = "other writers keep replacing it; try again";
        Err(RegistryError::malformed(&what, reason))
    }

    async fn put_fallback(
        &self,
        what: &str,
        tag: &str,
        listed: Vec<Descriptor>,
    ) -> Result<(), RegistryError> {
        let index = ImageIndexBuilder::default()
            .schema_version(2_u32)
            .media_type(INDEX)
            .manifests(listed)
            .build();
        let index = index.map_err(|e| RegistryError::malformed(what, e))?;
        let bytes = serde_json::to_vec(&index).map_err(|e| RegistryError::malformed(what, e))?;
        self.put_manifest(tag, INDEX, bytes.into()).await
    }
}

/// What is at the tag where a registry without the referrers API keeps its list.
enum Fallback {
    /// What refers to the image.
    List(Vec<Descriptor>),
    /// An image of somebody else.
    Other,
}

/// Whether an index is a multi-platform image, and no list of referrers.
fn is_image(listed: &[Descriptor]) -> bool {
    let of_platform = |d: &Descriptor| d.platform().is_some() && d.artifact_type().is_none();
    !listed.is_empty() && listed.iter().all(of_platform)
}

fn count(what: &str, found: usize) -> Result<(), RegistryError> {
    if found <= REFERRERS_LIMIT {
        return Ok(());
    }
    let reason = format!("there are more than {REFERRERS_LIMIT}; remove those that nobody needs");
    Err(RegistryError::malformed(what, reason))
}

fn fallback_tag(digest: &str) -> String {
    digest.replace(':', "-")
}

fn index(what: &str, answer: &Fetched) -> Result<ImageIndex, RegistryError> {
    let kind = answer.header(CONTENT_TYPE.as_str()).unwrap_or_default();
    if !kind.starts_with(INDEX) {
        let reason = format!("expected an index, got {}", answer.describe());
        return Err(RegistryError::malformed(what, reason));
    }
    parse_index(what, &answer.body)
}

fn parse_index(what: &str, bytes: &[u8]) -> Result<ImageIndex, RegistryError> {
    serde_json::from_slice(bytes)
        .map_err(|e| RegistryError::malformed(what, format!("expected an index: {e}")))
}
