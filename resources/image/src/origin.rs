//! Where a `put` takes the image from: another repository, or a layout that the build made.

use std::{fmt, path::Path};

use trireme_protocol::{Fault, build};
use trireme_registry::{Layout, Progress, RegistryError, Repository, Tree};

use crate::PutParams;

/// Where the image comes from.
pub(crate) enum Origin<'a> {
    /// A repository, and the tag or digest in it.
    Registry(Repository, &'a str),
    /// A layout, and its path in the build.
    Layout(Layout, &'a str),
}

impl<'a> Origin<'a> {
    /// What the params name.
    ///
    /// # Errors
    /// A configuration fault when they name none or two, a data fault when it is no layout.
    pub async fn open(params: &'a PutParams, dir: &Path) -> anyhow::Result<Self> {
        match (&params.image, &params.from) {
            (None, Some(from)) => {
                let repository = from.registry().open()?.patiently();
                Ok(Self::Registry(repository, from.reference()?))
            }
            (Some(image), None) => {
                let mut path = build::path(dir, "image", image)?;
                if !path.exists() {
                    return Err(missing(image).into());
                }
                // What a get with `format: oci-layout` wrote, named by its artifact.
                if path.join("oci/oci-layout").is_file() {
                    path.push("oci");
                }
                let opened = Layout::open(&path).await;
                let broken = |e| Fault::data(format!("params.image: {image} is no image")).with_source(e);
                Ok(Self::Layout(opened.map_err(broken)?, image))
            }
            _ => Err(Fault::config(
                "params: give exactly one of image (an image of the build) and from (a repository to copy from)",
            )
            .into()),
        }
    }

    /// Everything that belongs to the image.
    pub async fn tree(&self) -> anyhow::Result<Tree> {
        match self {
            Self::Registry(repository, reference) => Ok(repository.tree(reference).await?),
            Self::Layout(layout, path) => {
                let broken = |e| Fault::data(format!("the image {path} is broken")).with_source(e);
                Ok(layout.tree().await.map_err(broken)?)
            }
        }
    }

    /// Brings the blobs of `tree` to the target.
    pub async fn send_blobs(
        &self,
        target: &Repository,
        tree: &Tree,
        progress: Progress,
    ) -> Result<(), RegistryError> {
        match self {
            Self::Registry(repository, _) => target.copy_blobs(repository, tree, progress).await,
            Self::Layout(layout, _) => target.push_blobs(layout, tree, progress).await,
        }
    }
}

/// registry-image seeks what fits a pattern; here it would be the name of a file.
fn missing(image: &str) -> Fault {
    match image.contains(['*', '?', '[']) {
        true => Fault::config(format!(
            "params.image: {image} is not there; patterns are not known here: name the file itself"
        )),
        false => build::missing("image", image),
    }
}

impl fmt::Display for Origin<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Registry(repository, _) => repository.name().fmt(f),
            Self::Layout(_, path) => f.write_str(path),
        }
    }
}
