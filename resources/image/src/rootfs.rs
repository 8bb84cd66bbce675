//! The root file system of an image: its layers, fetched in parallel, verified, and applied in order, each as soon
//! as it is there.
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
use tokio::{fs, io::AsyncWriteExt as _, sync::mpsc};
use trireme_protocol::{Fault, Progress, Step, types::Size};
use trireme_registry::{
    BlobStream, Descriptor, ImageManifest, RegistryError, Repository, decompress, is_foreign,
};

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
    let sizes = layers.iter().map(Descriptor::size);
    let total = sizes.fold(0, u64::saturating_add);
    let progress = step.progress(format!("image {}", repository.name()), Some(total));
    let rootfs = dir.join("rootfs");
    fs::create_dir(&rootfs).await.context("creating rootfs")?;
    let limit = limit.get();
    let (sender, receiver) = mpsc::channel(layers.len().max(1));
    let unpacking = tokio::task::spawn_blocking(move || unpack(receiver, Root::new(rootfs), limit));
    let fetched = fetch_all(repository, layers.clone(), cache.path(), &progress, sender).await;
    // Awaited also after a failure: the folder must not be removed while something still writes to it.
    let unpacked = unpacking.await.context("unpacking the layers")?;
    fetched?;
    cache.close().context("removing the fetched layers")?;
    let what = "a layer of the image cannot be unpacked";
    Ok(unpacked.map_err(|error| match error.is_of_this_machine() {
        true => Fault::operational(what).because(error),
        false => Fault::data(what).because(error),
    })?)
}

/// Fetches the layers side by side and hands them on in order. A receiver that is gone has failed, and says why itself.
async fn fetch_all(
    repository: &Repository,
    layers: Vec<Descriptor>,
    cache: &Path,
    progress: &Progress,
    fetched: mpsc::Sender<PathBuf>,
) -> anyhow::Result<()> {
    let mut files = stream::iter(layers.into_iter().enumerate())
        .map(|(number, layer)| {
            let file = cache.join(number.to_string());
            Box::pin(download(repository, layer, file, progress))
        })
        .buffered(AT_ONCE);
    while let Some(file) = files.try_next().await? {
        if fetched.send(file).await.is_err() {
            break;
        }
    }
    Ok(())
}

async fn download(
    repository: &Repository,
    layer: Descriptor,
    file: PathBuf,
    progress: &Progress,
) -> anyhow::Result<PathBuf> {
    let mut blob = open(repository, &layer).await?;
    let mut out = fs::File::create_new(&file).await?;
    while let Some(chunk) = blob.chunk().await? {
        out.write_all(&chunk).await.context("writing a layer")?;
        progress.advance(chunk.len() as u64);
    }
    out.flush().await.context("writing a layer")?;
    Ok(file)
}

async fn open(repository: &Repository, layer: &Descriptor) -> anyhow::Result<BlobStream> {
    match repository.blob_stream(layer).await {
        Err(error @ RegistryError::NotFound { .. }) if is_foreign(layer) => {
            let message = format!(
                "layer {} may not be distributed, and the registry does not have it; such images (Windows) can be copied, not unpacked",
                layer.digest()
            );
            Err(Fault::operational(message).because(error).into())
        }
        opened => Ok(opened?),
    }
}

fn unpack(
    mut files: mpsc::Receiver<PathBuf>,
    root: Root,
    limit_bytes: u64,
) -> Result<Unpacked, LayerError> {
    let mut applier = Applier::new(root, limit_bytes);
    while let Some(file) = files.blocking_recv() {
        let layer = std::fs::File::open(&file).map_err(LayerError::Read)?;
        applier.layer(decompress(layer).map_err(LayerError::Read)?)?;
        // One layer less on the disk while the next one unpacks.
        std::fs::remove_file(file).map_err(LayerError::Read)?;
    }
    applier.finish()
}

#[cfg(test)]
mod tests;
