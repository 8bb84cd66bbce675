//! Which image of an index is meant.

use oci_spec::image::Descriptor;
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer};
use trireme_protocol::{Fault, types::word_if_any};
use trireme_registry::{ImageIndex, ImageManifest, Repository, image_manifest, is_index};

use crate::get::CONFIG_LIMIT_BYTES;

/// How many images without a platform are asked for theirs; most such indexes have one.
const UNNAMED_LIMIT: usize = 32;

/// An operating system and a processor, as image indexes name them.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Platform {
    /// Default `linux`.
    #[serde(default = "linux", deserialize_with = "os")]
    pub os: String,
    /// Default that of the machine: `amd64`, `arm64` …
    #[serde(default = "architecture", deserialize_with = "processor")]
    pub architecture: String,
    /// e.g. `v7`; default any.
    #[serde(default, deserialize_with = "word_if_any")]
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

/// As registry-image has it, empty text is none.
fn os<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    word_if_any(deserializer).map(|given| given.unwrap_or_else(linux))
}

fn processor<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    word_if_any(deserializer).map(|given| given.unwrap_or_else(architecture))
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
    let (descriptor, bytes) = repository.get_manifest(digest).await?;
    let broken = || broken(repository, digest);
    if !is_index(&descriptor) {
        let manifest = image_manifest(&descriptor, &bytes);
        return Ok(manifest.map_err(|e| broken().with_source(e))?);
    }
    let index: ImageIndex = serde_json::from_slice(&bytes).map_err(|e| broken().with_source(e))?;
    let wanted = wanted.cloned().unwrap_or_default();
    let fits = |child: &&Descriptor| {
        let platform = child.platform().as_ref();
        platform.is_some_and(|platform| {
            wanted.is(
                platform.os(),
                platform.architecture(),
                platform.variant().as_deref(),
            )
        })
    };
    let Some(child) = index.manifests().iter().find(fits) else {
        let found = without_platform(repository, &index, &wanted).await?;
        return Ok(found.ok_or_else(|| missing(&index, &wanted))?);
    };
    let (descriptor, bytes) = repository.get_manifest(child.digest().as_ref()).await?;
    let manifest = image_manifest(&descriptor, &bytes);
    Ok(manifest.map_err(|e| broken().with_source(e))?)
}

/// The image that fits among those whose platform the index leaves out: it may, and then their configuration has it.
async fn without_platform(
    repository: &Repository,
    index: &ImageIndex,
    wanted: &Platform,
) -> anyhow::Result<Option<ImageManifest>> {
    let unnamed = index.manifests().iter().filter(|c| c.platform().is_none());
    for child in unnamed.take(UNNAMED_LIMIT) {
        let (descriptor, bytes) = repository.get_manifest(child.digest().as_ref()).await?;
        // An index in the index, or an artifact beside the images.
        let Ok(manifest) = image_manifest(&descriptor, &bytes) else {
            continue;
        };
        let config = repository
            .blob(manifest.config(), CONFIG_LIMIT_BYTES)
            .await?;
        let config: Option<ConfigPlatform> = serde_json::from_slice(&config).ok();
        if config.is_some_and(|c| wanted.is(&c.os, &c.architecture, c.variant.as_deref())) {
            return Ok(Some(manifest));
        }
    }
    Ok(None)
}

/// The part of a configuration that says what its image is for.
#[derive(Deserialize)]
struct ConfigPlatform {
    os: String,
    architecture: String,
    variant: Option<String>,
}

impl Platform {
    fn is(&self, os: impl ToString, architecture: impl ToString, variant: Option<&str>) -> bool {
        let fits_variant = self
            .variant
            .as_deref()
            .is_none_or(|wanted| variant == Some(wanted));
        os.to_string() == self.os && architecture.to_string() == self.architecture && fits_variant
    }
}

fn broken(repository: &Repository, digest: &str) -> Fault {
    Fault::data(format!(
        "{}@{digest} is no image that can be unpacked",
        repository.name()
    ))
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
        true => "none that it names".into(),
        false => found.join(", "),
    };
    Fault::operational(format!(
        "the image has no platform {}/{}; it has {found}",
        wanted.os, wanted.architecture
    ))
}
