//! The root file system of an image: its layers, fetched in parallel, verified, and applied in order.
//!
//! A layer is hostile until proven otherwise. Nothing of it is applied before its digest was verified; nothing is
//! written outside of `rootfs`, whatever names and links it holds (see [`Root`]); and it may not unpack to more than
//! the limit.

mod apply;
mod meter;
mod root;

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use tokio::{fs, io::AsyncWriteExt as _};
use trireme_protocol::{Fault, Progress, Step, types::Size};
use trireme_registry::{Descriptor, ImageManifest, Repository, decompress};

pub(crate) use apply::Unpacked;
use apply::{Applier, LayerError};
use root::Root;

/// How many layers are fetched at the same time.
const AT_ONCE: usize = 4;

/// Fetches the layers of `manifest` and unpacks them into `dir/rootfs`.
pub(crate) async fn fetch(
    step: &Step,
    repository: &Repository,
    manifest: &ImageManifest,
    limit: Size,
    dir: &Path,
) -> anyhow::Result<Unpacked> {
    let cache = tempfile::Builder::new()
        .prefix(".layers-")
        .tempdir_in(dir)?;
    let layers = manifest.layers();
    let total = layers.iter().map(Descriptor::size).sum();
    let progress = step.progress(format!("image {}", repository.name()), Some(total));
    let files: Vec<PathBuf> = stream::iter(layers.clone().into_iter().enumerate())
        .map(|(number, layer)| {
            let file = cache.path().join(number.to_string());
            Box::pin(download(repository, layer, file, &progress))
        })
        .buffered(AT_ONCE)
        .try_collect()
        .await?;
    let rootfs = dir.join("rootfs");
    fs::create_dir(&rootfs).await.context("creating rootfs")?;
    let limit = limit.get();
    let unpacked = tokio::task::spawn_blocking(move || unpack(&files, Root::new(rootfs), limit));
    let unpacked = unpacked.await.context("unpacking the layers")?;
    cache.close().context("removing the fetched layers")?;
    let what = "a layer of the image cannot be unpacked";
    Ok(unpacked.map_err(|error| match error.is_of_this_machine() {
        true => Fault::operational(what).because(error),
        false => Fault::data(what).because(error),
    })?)
}

async fn download(
    repository: &Repository,
    layer: Descriptor,
    file: PathBuf,
    progress: &Progress,
) -> anyhow::Result<PathBuf> {
    let mut blob = repository.blob_stream(&layer).await?;
    let mut out = fs::File::create_new(&file).await?;
    while let Some(chunk) = blob.chunk().await? {
        out.write_all(&chunk).await.context("writing a layer")?;
        progress.advance(chunk.len() as u64);
    }
    out.flush().await.context("writing a layer")?;
    Ok(file)
}

fn unpack(files: &[PathBuf], root: Root, limit_bytes: u64) -> Result<Unpacked, LayerError> {
    let mut applier = Applier::new(root, limit_bytes);
    for file in files {
        let layer = std::fs::File::open(file).map_err(LayerError::Read)?;
        applier.layer(decompress(layer).map_err(LayerError::Read)?)?;
        // One layer less on the disk while the next one unpacks.
        std::fs::remove_file(file).map_err(LayerError::Read)?;
    }
    applier.finish()
}

#[cfg(test)]
mod tests;
