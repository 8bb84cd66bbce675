//! Which images a digest stands for: one, or one for each platform of an index.

use serde::Deserialize;
use trireme_finding::{Kind, NotExamined};
use trireme_registry::{Descriptor, Repository};

use crate::ScannerError;

/// The largest image configuration that is read; real ones have some kilobytes.
const CONFIG_LIMIT_BYTES: u64 = 4 << 20;
/// Stands for a platform that an image does not name.
const UNKNOWN: &str = "unknown";

/// One image that is examined.
pub(crate) struct Image {
    pub digest: String,
    pub platform: String,
    pub layers: Vec<Descriptor>,
}

/// What a digest stands for.
#[derive(Default)]
pub(crate) struct Found {
    pub images: Vec<Image>,
    pub not_examined: Vec<NotExamined>,
}

/// A manifest or an index.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Document {
    config: Option<Descriptor>,
    layers: Option<Vec<Descriptor>>,
    manifests: Option<Vec<Descriptor>>,
}

#[derive(Deserialize)]
struct Config {
    os: Option<String>,
    architecture: Option<String>,
    variant: Option<String>,
}

/// Looks up the images behind `digest`, for one platform or for all.
pub(crate) async fn find(
    repository: &Repository,
    digest: &str,
    wanted: Option<&str>,
) -> Result<Found, ScannerError> {
    let document = fetch(repository, digest).await;
    let document = document.map_err(|error| gone(repository, digest, error))?;
    let Some(manifests) = document.manifests else {
        let image = image(repository, digest, document).await?;
        require_platform(digest, wanted, std::slice::from_ref(&image))?;
        return Ok(Found {
            images: vec![image],
            not_examined: Vec::new(),
        });
    };
    let mut found = Found::default();
    let (mut others, mut unwanted) = (Vec::new(), Vec::new());
    for descriptor in manifests {
        let child = descriptor.digest().to_string();
        let platform = platform_of(&descriptor);
        if is_attachment(&descriptor) {
            others.push(child);
        } else if wanted.is_some() && platform.as_deref() != wanted {
            unwanted.push(format!(
                "{} ({child})",
                platform.as_deref().unwrap_or(UNKNOWN)
            ));
        } else if !found.images.iter().any(|image| image.digest == child) {
            let document = fetch(repository, &child).await?;
            found
                .images
                .push(image(repository, &child, document).await?);
        }
    }
    require_platform(digest, wanted, &found.images)?;
    found.not_examined.extend(group(
        Kind::Attachment,
        "manifest that is not an image",
        "an attestation or the like",
        others,
    ));
    found.not_examined.extend(group(
        Kind::Platform,
        "image of another platform",
        "only the wanted platform was asked for",
        unwanted,
    ));
    Ok(found)
}

fn group(kind: Kind, what: &str, reason: &str, names: Vec<String>) -> Option<NotExamined> {
    (!names.is_empty()).then(|| NotExamined {
        kind,
        what: what.to_owned(),
        reason: reason.to_owned(),
        names: names.into_iter().collect(),
    })
}

async fn fetch(repository: &Repository, digest: &str) -> Result<Document, ScannerError> {
    let (_, bytes) = repository.get_manifest(digest).await?;
    serde_json::from_slice(&bytes).map_err(|error| not_an_image(digest, &error.to_string()))
}

/// Tells a digest that is not there from everything else.
fn gone(repository: &Repository, digest: &str, error: ScannerError) -> ScannerError {
    match error {
        ScannerError::Registry(source) if source.is_not_found() => ScannerError::Gone {
            image: format!("image {}@{digest}", repository.name()),
            source: Box::new(source),
        },
        other => other,
    }
}

fn not_an_image(digest: &str, reason: &str) -> ScannerError {
    ScannerError::NotAnImage {
        image: digest.to_owned(),
        reason: reason.to_owned(),
    }
}

async fn image(
    repository: &Repository,
    digest: &str,
    document: Document,
) -> Result<Image, ScannerError> {
    let (Some(config), Some(layers)) = (document.config, document.layers) else {
        return Err(not_an_image(
            digest,
            "expected a manifest with config and layers",
        ));
    };
    let bytes = repository.blob(&config, CONFIG_LIMIT_BYTES).await?;
    let config: Config = serde_json::from_slice(&bytes)
        .map_err(|error| not_an_image(digest, &format!("its config: {error}")))?;
    let parts = [config.os, config.architecture, config.variant];
    let platform = parts.into_iter().flatten().collect::<Vec<_>>().join("/");
    let platform = if platform.is_empty() {
        UNKNOWN.to_owned()
    } else {
        platform
    };
    Ok(Image {
        digest: digest.to_owned(),
        platform,
        layers,
    })
}

/// The images must hold the wanted platform: of another one, nothing would be known about the one that runs.
fn require_platform(
    digest: &str,
    wanted: Option<&str>,
    images: &[Image],
) -> Result<(), ScannerError> {
    let Some(wanted) = wanted else { return Ok(()) };
    // An image may name a variant (linux/arm64/v8) that was not asked for.
    let fits = |image: &Image| {
        image.platform == wanted || image.platform.starts_with(&format!("{wanted}/"))
    };
    if images.iter().any(fits) {
        return Ok(());
    }
    let found: Vec<_> = images.iter().map(|image| image.platform.as_str()).collect();
    Err(not_an_image(
        digest,
        &format!("expected platform {wanted}, found {}", found.join(", ")),
    ))
}

fn platform_of(descriptor: &Descriptor) -> Option<String> {
    let platform = descriptor.platform().as_ref()?;
    let base = format!("{}/{}", platform.os(), platform.architecture());
    let variant = platform
        .variant()
        .as_ref()
        .filter(|variant| base != "linux/arm64" || *variant != "v8");
    Some(variant.map_or(base.clone(), |variant| format!("{base}/{variant}")))
}

/// What buildkit puts beside the images of an index, for a platform that no runtime has. What its annotations say is
/// nothing to a runtime, which would run an image that calls itself an attestation.
fn is_attachment(descriptor: &Descriptor) -> bool {
    platform_of(descriptor).as_deref() == Some("unknown/unknown")
}
