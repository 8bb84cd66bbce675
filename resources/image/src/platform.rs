//! Which image of an index is meant.

use oci_spec::image::Descriptor;
use schemars::JsonSchema;
use serde::Deserialize;
use trireme_protocol::Fault;
use trireme_registry::{ImageIndex, ImageManifest, Repository, image_manifest, is_index};

/// An operating system and a processor, as image indexes name them.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Platform {
    /// Default `linux`.
    #[serde(default = "linux")]
    pub os: String,
    /// Default that of the machine: `amd64`, `arm64` …
    #[serde(default = "architecture")]
    pub architecture: String,
    /// e.g. `v7`; default any.
    #[serde(default)]
    pub variant: Option<String>,
}

impl Default for Platform {
    fn default() -> Self {
        Self {
            os: linux(),
            architecture: architecture(),
            variant: None,
        }
    }
}

fn linux() -> String {
    "linux".into()
}

/// Go's names, which the image specification uses.
fn architecture() -> String {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        "x86" => "386",
        other => other,
    }
    .into()
}

/// The manifest of the image with this digest, or of the one in the index that fits the platform.
pub(crate) async fn select(
    repository: &Repository,
    digest: &str,
    wanted: Option<&Platform>,
) -> anyhow::Result<ImageManifest> {
    let (mut descriptor, mut bytes) = repository.get_manifest(digest).await?;
    if is_index(&descriptor) {
        let index: ImageIndex = serde_json::from_slice(&bytes)
            .map_err(|e| broken(repository, digest).with_source(e))?;
        let wanted = wanted.cloned().unwrap_or_default();
        let child = index.manifests().iter().find(|child| fits(child, &wanted));
        let child = child.ok_or_else(|| missing(&index, &wanted))?;
        (descriptor, bytes) = repository.get_manifest(child.digest().as_ref()).await?;
    }
    let manifest = image_manifest(&descriptor, &bytes);
    Ok(manifest.map_err(|e| broken(repository, digest).with_source(e))?)
}

fn broken(repository: &Repository, digest: &str) -> Fault {
    Fault::data(format!(
        "{}@{digest} is no image that can be unpacked",
        repository.name()
    ))
}

fn fits(child: &Descriptor, wanted: &Platform) -> bool {
    child.platform().as_ref().is_some_and(|platform| {
        let variant = platform.variant();
        platform.os().to_string() == wanted.os
            && platform.architecture().to_string() == wanted.architecture
            && wanted
                .variant
                .as_ref()
                .is_none_or(|wanted| variant.as_ref() == Some(wanted))
    })
}

fn missing(index: &ImageIndex, wanted: &Platform) -> Fault {
    let platforms = index
        .manifests()
        .iter()
        .filter_map(|child| child.platform().as_ref());
    let found: Vec<String> = platforms
        .map(|found| format!("{}/{}", found.os(), found.architecture()))
        .collect();
    let found = match found.is_empty() {
        true => "none".into(),
        false => found.join(", "),
    };
    Fault::operational(format!(
        "the image has no platform {}/{}; it has {found}",
        wanted.os, wanted.architecture
    ))
}
