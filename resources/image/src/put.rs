//! `put`: bring an image into the repository.

use std::{path::Path, sync::Arc};

use schemars::JsonSchema;
use serde::Deserialize;
use trireme_protocol::{
    Fault, Outcome, StepContext, build,
    types::{Word, word, word_if_any},
};
use trireme_registry::is_tag;

use crate::{
    Source, Version,
    origin::Origin,
    reference::{TAG_RULE, check_reference},
    registry_image::{Refused, TagsOfVersion},
    source::Target,
};

/// Nothing is stored under a name that nobody gave, e.g. `latest`.
const NO_TAG: &str = "no tag is named for the image: give tag or tag_file in the params, tag in the source, or tag in from; \
    additional_tags only names further ones, and `latest` is a tag like every other";

/// A tag has at most 128 characters.
const TAG_FILE_LIMIT_BYTES: u64 = 1024;

/// What `additional_tags` may have: some hundred tags.
const TAGS_FILE_LIMIT_BYTES: u64 = 64 * 1024;

/// The `params` of a `put`: exactly one of `image` and `from`.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PutParams {
    /// An image of the build, `ARTIFACT/PATH`: an OCI layout as folder or tar archive, or what a `get` with
    /// `format: oci-layout` wrote.
    #[serde(default)]
    pub image: Option<String>,
    /// The repository that the image is copied from.
    #[serde(default)]
    pub from: Option<From>,
    /// The tag that the image gets; default that of the source, else that of `from`.
    #[serde(default, deserialize_with = "word")]
    #[schemars(with = "Word")]
    pub tag: Option<String>,
    /// A file of the build, `ARTIFACT/FILE`, that holds the tag.
    #[serde(default)]
    pub tag_file: Option<String>,
    /// A file of the build, `ARTIFACT/FILE`, that holds more tags for the image, separated by white space.
    #[serde(default)]
    pub additional_tags: Option<String>,
    #[serde(default, rename = "version")]
    _version: Refused<TagsOfVersion>,
    #[serde(default, rename = "bump_aliases")]
    _bump_aliases: Refused<TagsOfVersion>,
    #[serde(default, rename = "tag_prefix")]
    _tag_prefix: Refused<TagsOfVersion>,
}

trireme_connection::registry_source! {
    /// Where a copy comes from.
    pub struct From at "params.from" {
        /// The tag; exactly one of `tag` and `digest`.
        #[serde(default, deserialize_with = "word_if_any")]
        #[schemars(with = "Word")]
        pub tag: Option<String>,
        /// The digest, `sha256:…`.
        #[serde(default)]
        pub digest: Option<String>,
    }
}

impl From {
    pub(crate) fn reference(&self) -> Result<&str, Fault> {
        check_reference("params.from", self.tag.as_deref(), self.digest.as_deref())?;
        match (&self.tag, &self.digest) {
            (Some(tag), None) => Ok(tag),
            (None, Some(digest)) => Ok(digest),
            _ => Err(Fault::config(
                "params.from: give exactly one of tag and digest",
            )),
        }
    }
}

/// Stores the image with everything below it, tags it, and looks again.
pub(crate) async fn put(
    step: &StepContext,
    source: &Source,
    params: &PutParams,
    dir: &Path,
) -> anyhow::Result<Outcome<Version>> {
    let followed = source.target()?;
    let origin = Origin::open(params, dir).await?;
    let tags = tags(source, params, dir).await?;
    let target = source.registry().open()?.patiently();
    let tree = origin.tree().await?;
    let tag = tag_of_version(followed, &tags[0], tree.root.digest().as_ref())?;
    let name = format!("image {}:{}", target.name(), tags[0]);
    let progress = Arc::new(step.progress(&name, Some(tree.size_bytes())));
    let report = Arc::new(move |bytes| progress.advance(bytes));
    origin.send_blobs(&target, &tree, report).await?;
    let digest = target.put_tree(&tree, &tags).await?;
    step.done(&name, format!("stored {digest} from {origin}"));
    let version = Version { tag, digest };
    Ok(Outcome::new(version)
        .with("from", origin.to_string())
        .with("blobs", tree.blobs.len().to_string())
        .with("bytes", tree.size_bytes().to_string()))
}

/// The tag in the version that a `put` of `digest` as `tag` emits: as `check` emits it, so that it stays the newest one.
///
/// # Errors
/// A configuration fault when `check` never emits this image, or puts another one on top of it.
fn tag_of_version(followed: Target<'_>, tag: &str, digest: &str) -> Result<Option<String>, Fault> {
    match followed {
        Target::Digest(pin) if pin == digest => Ok(None),
        Target::Digest(pin) => Err(Fault::config(format!(
            "source.digest is {pin}, and the image to store is {digest}: check would never find it; leave digest out \
             of the source"
        ))),
        Target::Tag(Some(one)) if one != tag => Err(Fault::config(format!(
            "source.tag is {one:?}, and the image would get the tag {tag:?}: check would go on with what {one:?} points \
             to; leave tag out of the source, or name {tag:?} in additional_tags"
        ))),
        Target::Tag(_) => Ok(Some(tag.to_owned())),
    }
}

/// The tags that the image gets, at least one; the first one is that of the version.
async fn tags(source: &Source, params: &PutParams, dir: &Path) -> anyhow::Result<Vec<String>> {
    let first = match (&params.tag, &params.tag_file) {
        (Some(_), Some(_)) => {
            let message = "params: tag and tag_file are both given; give one of them";
            return Err(Fault::config(message).into());
        }
        (Some(tag), None) => tag.clone(),
        (None, Some(file)) => {
            let text = build::read(dir, "tag_file", file, TAG_FILE_LIMIT_BYTES).await?;
            text.trim().to_owned()
        }
        (None, None) => {
            let from = params.from.as_ref().and_then(|from| from.tag.as_ref());
            let named = source.tag.as_ref().or(from).cloned();
            named.ok_or_else(|| Fault::config(NO_TAG))?
        }
    };
    let mut tags = vec![first];
    let additional = params.additional_tags.as_deref();
    if let Some(file) = additional.filter(|file| !file.is_empty()) {
        let text = build::read(dir, "additional_tags", file, TAGS_FILE_LIMIT_BYTES).await?;
        tags.extend(text.split_whitespace().map(String::from));
    }
    match tags.iter().find(|tag| !is_tag(tag)) {
        Some(tag) => Err(Fault::data(format!("{tag:?} is no tag: {TAG_RULE}")).into()),
        None => Ok(tags),
    }
}
