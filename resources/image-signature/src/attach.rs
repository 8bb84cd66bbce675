//! Attaching a signature to its image, as cosign 3 does it (its `specs/BUNDLE_SPEC.md`).

use std::collections::HashMap;

use anyhow::Context as _;
use bytes::Bytes;
use jiff::Timestamp;
use oci_spec::image::{ImageManifestBuilder, MediaType};
use trireme_registry::{Descriptor, Repository, descriptor_of};
use trireme_signature::{BUNDLE_MEDIA_TYPE, CONTENT_DSSE, SIGN_PREDICATE};

use crate::signatures::CREATED;

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const EMPTY: &str = "application/vnd.oci.empty.v1+json";

/// Stores `bundle` as a referrer of `image`: an artifact with an empty configuration and the bundle as its one layer.
pub(crate) async fn attach(
    repository: &Repository,
    image: &Descriptor,
    bundle: Vec<u8>,
    now: Timestamp,
) -> anyhow::Result<()> {
    let config = push(repository, EMPTY, Bytes::from_static(b"{}")).await?;
    let layer = push(repository, BUNDLE_MEDIA_TYPE, bundle.into()).await?;
    let annotations = HashMap::from([
        (CREATED.to_owned(), format!("{now:.0}")),
        ("dev.sigstore.bundle.content".into(), CONTENT_DSSE.into()),
        (
            "dev.sigstore.bundle.predicateType".into(),
            SIGN_PREDICATE.into(),
        ),
    ]);
    let subject = Descriptor::new(
        image.media_type().clone(),
        image.size(),
        image.digest().clone(),
    );
    let manifest = ImageManifestBuilder::default()
        .schema_version(2_u32)
        .media_type(MediaType::from(MANIFEST))
        .artifact_type(MediaType::from(BUNDLE_MEDIA_TYPE))
        .config(config)
        .layers(vec![layer])
        .subject(subject)
        .annotations(annotations)
        .build()
        .context("writing the manifest of the signature")?;
    repository
        .push_referrer(&manifest)
        .await
        .context("attaching the signature")?;
    Ok(())
}

async fn push(
    repository: &Repository,
    media_type: &str,
    bytes: Bytes,
) -> anyhow::Result<Descriptor> {
    let descriptor = descriptor_of(media_type, &bytes)?;
    repository
        .push_bytes(&descriptor, bytes)
        .await
        .context("storing the signature")?;
    Ok(descriptor)
}
