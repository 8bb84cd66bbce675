//! `put`: bring an image into the repository.

use std::{
    path::{Component, Path},
    sync::Arc,
};

use anyhow::Context as _;
use schemars::JsonSchema;
use serde::Deserialize;
use tokio::{fs, io::AsyncReadExt as _};
use trireme_protocol::{Fault, Outcome, Secret, Step};

use crate::{Source, Version, endpoint::Endpoint, source::DEFAULT_TAG};

/// A tag has at most 128 characters.
const TAG_FILE_LIMIT_BYTES: u64 = 1024;

/// The `params` of a `put`.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PutParams {
    /// The repository that the image is copied from.
    #[serde(default)]
    pub from: Option<From>,
    /// The tag that the image gets; default that of the source, else that of `from`.
    #[serde(default)]
    pub tag: Option<String>,
    /// A file of the build, `ARTIFACT/FILE`, that holds the tag.
    #[serde(default)]
    pub tag_file: Option<String>,
}

/// Where a copy comes from.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct From {
    /// The repository, `HOST[:PORT]/PATH`, without tag and digest.
    pub repository: String,
    /// The tag; exactly one of `tag` and `digest`.
    #[serde(default)]
    pub tag: Option<String>,
    /// The digest, `sha256:…`.
    #[serde(default)]
    pub digest: Option<String>,
    /// User name for its registry.
    #[serde(default)]
    pub username: Option<String>,
    /// Password or token for its registry.
    #[serde(default)]
    pub password: Option<Secret>,
    /// Certificate authorities (PEM) that are trusted beside those of the system.
    #[serde(default)]
    pub ca_certs: Vec<String>,
    /// Use plain HTTP, and do not check the registry's certificate.
    #[serde(default)]
    pub insecure: bool,
    /// Proxy for its registry; default from the environment.
    #[serde(default)]
    pub proxy: Option<String>,
}

impl From {
    fn endpoint(&self) -> Endpoint<'_> {
        Endpoint {
            place: "params.from",
            repository: &self.repository,
            username: self.username.as_deref(),
            password: self.password.as_ref(),
            ca_certs: &self.ca_certs,
            insecure: self.insecure,
            proxy: self.proxy.as_deref(),
        }
    }

    fn reference(&self) -> Result<&str, Fault> {
        match (&self.tag, &self.digest) {
            (Some(tag), None) => Ok(tag),
            (None, Some(digest)) => Ok(digest),
            _ => Err(Fault::config(
                "params.from: give exactly one of tag and digest",
            )),
        }
    }
}

/// Copies the image with everything below it, tags it, and looks again.
pub(crate) async fn put(
    step: &Step,
    source: &Source,
    params: &PutParams,
    dir: &Path,
) -> anyhow::Result<Outcome<Version>> {
    let from = params.from.as_ref().ok_or_else(|| {
        Fault::config(
            "params: from is missing; it names the repository that the image is copied from",
        )
    })?;
    let tag = tag(source, params, from, dir).await?;
    let origin = from.endpoint().open(step)?;
    let target = source.endpoint().open(step)?;
    let tree = origin.tree(from.reference()?).await?;
    let name = format!("image {}:{tag}", target.name());
    let progress = Arc::new(step.progress(&name, Some(tree.size_bytes())));
    let report = Arc::new(move |bytes| progress.advance(bytes));
    target.copy_blobs(&origin, &tree, report).await?;
    let digest = target.put_tree(&tree, std::slice::from_ref(&tag)).await?;
    step.done(&name, format!("copied {digest} from {}", origin.name()));
    let version = Version {
        tag: Some(tag),
        digest,
    };
    Ok(Outcome::new(version)
        .with("from", origin.name().to_string())
        .with("blobs", tree.blobs.len().to_string())
        .with("bytes", tree.size_bytes().to_string()))
}

async fn tag(
    source: &Source,
    params: &PutParams,
    from: &From,
    dir: &Path,
) -> anyhow::Result<String> {
    match (&params.tag, &params.tag_file) {
        (Some(_), Some(_)) => {
            Err(Fault::config("params: tag and tag_file are both given; give one of them").into())
        }
        (Some(tag), None) => Ok(tag.clone()),
        (None, Some(file)) => read_tag(dir, file).await,
        (None, None) => {
            let named = source.tag.as_ref().or(from.tag.as_ref());
            Ok(named.map_or_else(|| DEFAULT_TAG.into(), String::clone))
        }
    }
}

async fn read_tag(dir: &Path, file: &str) -> anyhow::Result<String> {
    let inside = Path::new(file)
        .components()
        .all(|part| matches!(part, Component::Normal(_)));
    if file.is_empty() || !inside {
        let message = format!(
            "params.tag_file: {file:?} is not a file of this build: expected ARTIFACT/FILE"
        );
        return Err(Fault::config(message).into());
    }
    let opened = fs::File::open(dir.join(file)).await;
    let opened = opened.with_context(|| format!("opening {file}"))?;
    let mut text = String::new();
    let read = opened
        .take(TAG_FILE_LIMIT_BYTES)
        .read_to_string(&mut text)
        .await;
    read.map_err(|e| Fault::data(format!("{file} cannot be read")).because(e))?;
    match text.trim() {
        "" => Err(Fault::data(format!("{file} is empty, expected a tag")).into()),
        tag => Ok(tag.into()),
    }
}
