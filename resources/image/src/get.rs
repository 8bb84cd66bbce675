//! `get`: the image as a root file system, as an OCI layout, or its name and digest only.

use std::{collections::BTreeMap, path::Path, sync::Arc};

use anyhow::Context as _;
use schemars::{JsonSchema, Schema};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::fs;
use trireme_protocol::{Fault, Outcome, StepContext, types::Size};
use trireme_registry::{ImageManifest, Layout, Repository};

use crate::{Platform, Source, Version, platform, rootfs};

/// A configuration has some kilobytes; its history can make it longer.
pub(crate) const CONFIG_LIMIT_BYTES: u64 = 8 * 1024 * 1024;

/// The `params` of a `get`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct GetParams {
    /// What the image is written as.
    pub format: Format,
    /// Write `repository`, `tag` and `digest` only.
    pub skip_download: bool,
    /// Which image of an index is unpacked; default that of the source. `format: oci-layout` has all of them.
    pub platform: Option<Platform>,
    /// The most that the root file system may have: layers are small for what they can unpack to.
    pub unpacked_limit: Size,
}

impl Default for GetParams {
    fn default() -> Self {
        Self {
            format: Format::Rootfs,
            skip_download: false,
            platform: None,
            unpacked_limit: Size::bytes(32 << 30),
        }
    }
}

/// What an image can be written as.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(transform = or_empty)]
pub enum Format {
    /// `rootfs/` and `metadata.json`: what Concourse needs of the image of a task or a resource type.
    #[default]
    #[serde(alias = "")]
    Rootfs,
    /// `oci/`, an OCI layout of the image as the registry has it, with all its platforms.
    #[serde(rename = "oci-layout")]
    OciLayout,
    /// What `registry-image` calls so is not written: [`NO_ARCHIVE`].
    #[schemars(skip)]
    Oci,
}

/// As registry-image has it, empty text is the default.
fn or_empty(schema: &mut Schema) {
    if let Some(Value::Array(formats)) = schema.get_mut("oneOf") {
        formats.push(json!({"const": "", "deprecated": true}));
    }
}

/// Why there is no `format: oci`.
const NO_ARCHIVE: &str = "params.format: `oci` of registry-image is the archive image.tar, which is not written here; \
    `oci-layout` writes the image as the OCI layout oci/, which a put takes";

/// What Concourse reads beside `rootfs` when it starts a container.
#[derive(Serialize)]
struct Metadata {
    env: Vec<String>,
    user: String,
    entrypoint: Vec<String>,
    cmd: Vec<String>,
}

/// The part of an image's configuration that is used.
#[derive(Default, Deserialize)]
struct Config {
    #[serde(default)]
    config: Option<Settings>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Settings {
    env: Option<Vec<String>>,
    user: Option<String>,
    entrypoint: Option<Vec<String>>,
    cmd: Option<Vec<String>>,
    labels: Option<BTreeMap<String, String>>,
}

/// Fetches the image of `version`; it must still be there.
pub(crate) async fn get(
    step: &StepContext,
    source: &Source,
    version: Version,
    params: &GetParams,
    dir: &Path,
) -> anyhow::Result<Outcome<Version>> {
    let version = version.checked()?;
    source.target()?;
    if params.format == Format::Oci {
        return Err(Fault::config(NO_ARCHIVE).into());
    }
    let repository = source.registry().open()?.patiently();
    let name = format!("image {}@{}", repository.name(), version.digest);
    if repository.head_manifest(&version.digest).await?.is_none() {
        let again = trireme_protocol::run_again();
        let message = format!("{name}: it does not exist any more; {again}");
        return Err(Fault::operational(message).into());
    }
    write(dir, "repository", &source.repository).await?;
    write(dir, "digest", &version.digest).await?;
    if let Some(tag) = &version.tag {
        write(dir, "tag", tag).await?;
    }
    if params.skip_download {
        return Ok(facts(source, version));
    }
    match params.format {
        Format::Rootfs => {
            let platform = params.platform.as_ref().or(source.platform.as_ref());
            rootfs(step, &repository, version, platform, params, dir).await
        }
        Format::OciLayout | Format::Oci => layout(step, &repository, version, dir).await,
    }
}

/// What is known without the image itself, so that a person sees it beside the version.
fn facts(source: &Source, version: Version) -> Outcome<Version> {
    let (tag, digest) = (version.tag.clone(), version.digest.clone());
    let outcome = Outcome::new(version)
        .with("repository", source.repository.clone())
        .with("digest", digest);
    match tag {
        Some(tag) => outcome.with("tag", tag),
        None => outcome,
    }
}

async fn rootfs(
    step: &StepContext,
    repository: &Repository,
    version: Version,
    platform: Option<&Platform>,
    params: &GetParams,
    dir: &Path,
) -> anyhow::Result<Outcome<Version>> {
    let name = format!("image {}@{}", repository.name(), version.digest);
    let manifest = platform::select(repository, &version.digest, platform).await?;
    describe(repository, &manifest, dir).await?;
    let unpacked = rootfs::fetch(step, repository, &manifest, params.unpacked_limit, dir).await?;
    if unpacked.devices > 0 {
        let devices = unpacked.devices;
        step.warn(
            &name,
            format!("{devices} device nodes were left out; a container gets its own"),
        );
    }
    step.done(&name, format!("unpacked {} files", unpacked.files));
    Ok(Outcome::new(version)
        .with("files", unpacked.files.to_string())
        .with("bytes", unpacked.bytes.to_string()))
}

/// `oci`, byte for byte what the registry has: a `put` of it gives the same digest.
async fn layout(
    step: &StepContext,
    repository: &Repository,
    version: Version,
    dir: &Path,
) -> anyhow::Result<Outcome<Version>> {
    let name = format!("image {}@{}", repository.name(), version.digest);
    let tree = repository.tree(&version.digest).await?;
    let progress = step.progress(&name, Some(tree.size_bytes()));
    let report = Arc::new(move |bytes| progress.advance(bytes));
    let layout = Layout::create(&dir.join("oci")).await?;
    let tag = version.tag.as_deref();
    layout.save(repository, &tree, tag, report).await?;
    let manifests = tree.manifests.len();
    step.done(
        &name,
        format!("saved {manifests} manifests and their blobs"),
    );
    Ok(Outcome::new(version)
        .with("manifests", manifests.to_string())
        .with("bytes", tree.size_bytes().to_string()))
}

/// `metadata.json` and `labels.json`.
async fn describe(
    repository: &Repository,
    manifest: &ImageManifest,
    dir: &Path,
) -> anyhow::Result<()> {
    let bytes = repository
        .blob(manifest.config(), CONFIG_LIMIT_BYTES)
        .await?;
    let config: Config =
        serde_json::from_slice(&bytes).context("reading the configuration of the image")?;
    let settings = config.config.unwrap_or_default();
    let metadata = Metadata {
        env: settings.env.unwrap_or_default(),
        user: settings.user.unwrap_or_default(),
        entrypoint: settings.entrypoint.unwrap_or_default(),
        cmd: settings.cmd.unwrap_or_default(),
    };
    write(
        dir,
        "metadata.json",
        &serde_json::to_string_pretty(&metadata)?,
    )
    .await?;
    let labels = settings.labels.unwrap_or_default();
    write(dir, "labels.json", &serde_json::to_string_pretty(&labels)?).await
}

async fn write(dir: &Path, name: &str, content: &str) -> anyhow::Result<()> {
    let written = fs::write(dir.join(name), content).await;
    written.with_context(|| format!("writing {name}"))
}
