//! The root file system of an image: its layers, fetched in parallel, and applied in order while they come.
//!
//! A layer is hostile until proven otherwise. Nothing is written outside of `rootfs`, whatever names and links it holds
//! (see [`Root`]); and it may not unpack to more than the limit. What is unpacked counts only once every layer was
//! verified to its last byte: until then it lies where nobody looks, and goes with the first error.

mod ahead;
mod apply;
mod error;
mod name;
mod root;
mod spool;
mod times;

use std::{io, path::Path};

use anyhow::Context as _;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use tokio::{fs, sync::mpsc, task::spawn_blocking};
use trireme_layer::decompress;
use trireme_protocol::{Fault, Progress, StepContext, types::Size};
use trireme_registry::{
    BlobStream, Descriptor, ImageManifest, RegistryError, Repository, is_foreign,
};

use ahead::Ahead;
use apply::Applier;
pub(crate) use apply::Unpacked;
use error::LayerError;
use root::Root;
use spool::{Reader, Writer, spool};

/// How many layers are fetched at the same time.
const AT_ONCE: usize = 4;
/// How many layers wait at most to be unpacked, each an open file.
const WAITING: usize = 32;
/// How much of a layer is gathered before it goes to the disk.
const WRITE_BYTES: usize = 1024 * 1024;

/// Fetches the layers of `manifest` and unpacks them into `dir/rootfs`.
pub(crate) async fn fetch(
    step: &StepContext,
    repository: &Repository,
    manifest: &ImageManifest,
    limit: Size,
    dir: &Path,
) -> anyhow::Result<Unpacked> {
    let layers = manifest.layers();
    let sizes = layers.iter().map(Descriptor::size);
    let total = sizes.fold(0, u64::saturating_add);
    let progress = step.progress(format!("image {}", repository.name()), Some(total));
    let rootfs = dir.join("rootfs");
    fs::create_dir(&rootfs).await.context("creating rootfs")?;
    let limit = limit.get();
    let (sender, receiver) = mpsc::channel(WAITING);
    let unpacking = spawn_blocking(move || unpack(receiver, Root::new(rootfs), limit));
    let fetched = fetch_all(repository, layers.clone(), dir, &progress, sender).await;
    // Awaited also after a failure: the folder must not be removed while something still writes to it.
    let unpacked = unpacking.await.context("unpacking the layers")?;
    // A layer that is damaged cannot be unpacked: the damage is what is told.
    fetched?;
    let what = "a layer of the image cannot be unpacked";
    Ok(unpacked.map_err(|error| match error.is_of_this_machine() {
        true => Fault::operational(what).with_source(error),
        false => Fault::data(what).with_source(error),
    })?)
}

/// Fetches the layers side by side and hands them on in order, each as soon as it begins to come. What has begun is
/// fetched to its end also when it cannot be unpacked: only then is it known whether it was damaged.
async fn fetch_all(
    repository: &Repository,
    layers: Vec<Descriptor>,
    dir: &Path,
    progress: &Progress,
    begun: mpsc::Sender<Reader>,
) -> anyhow::Result<()> {
    let waiting = (layers.into_iter(), begun, dir.to_owned());
    let spools = stream::unfold(waiting, |(mut layers, begun, dir)| async move {
        let next = begin(layers.next()?, &dir, &begun).await.transpose()?;
        Some((next, (layers, begun, dir)))
    });
    let downloads = spools.map(|next| Box::pin(download(repository, next, progress)));
    downloads.buffered(AT_ONCE).try_collect().await
}

/// The end to write a layer to, once the other one is handed on; none where nobody takes it: who unpacks has failed, and
/// says why itself.
async fn begin(
    layer: Descriptor,
    dir: &Path,
    begun: &mpsc::Sender<Reader>,
) -> anyhow::Result<Option<(Descriptor, Writer)>> {
    if begun.is_closed() {
        return Ok(None);
    }
    let (writer, reader) = spool(dir).context("making a temporary file for a layer")?;
    let sent = begun.send(reader).await;
    Ok(sent.is_ok().then_some((layer, writer)))
}

async fn download(
    repository: &Repository,
    begun: anyhow::Result<(Descriptor, Writer)>,
    progress: &Progress,
) -> anyhow::Result<()> {
    let (layer, mut writer) = begun?;
    let mut blob = open(repository, &layer).await?;
    let mut gathered = Vec::with_capacity(WRITE_BYTES);
    loop {
        let chunk = blob.chunk().await?;
        let ends = chunk.is_none();
        if let Some(chunk) = chunk {
            progress.advance(chunk.len() as u64);
            gathered.extend_from_slice(&chunk);
        }
        if ends || gathered.len() >= WRITE_BYTES {
            (writer, gathered) = append(writer, gathered).await?;
        }
        if ends {
            writer.finish();
            return Ok(());
        }
    }
}

/// Writes what was gathered, on a thread that may wait for the disk.
async fn append(writer: Writer, mut gathered: Vec<u8>) -> anyhow::Result<(Writer, Vec<u8>)> {
    let written = spawn_blocking(move || {
        writer.append(&gathered)?;
        gathered.clear();
        Ok::<_, io::Error>((writer, gathered))
    });
    written.await?.context("writing a layer")
}

async fn open(repository: &Repository, layer: &Descriptor) -> anyhow::Result<BlobStream> {
    match repository.blob_stream(layer).await {
        Err(error @ RegistryError::NotFound { .. }) if is_foreign(layer) => {
            let message = format!(
                "layer {} may not be distributed, and the registry does not have it; such images (Windows) can be copied, not unpacked",
                layer.digest()
            );
            Err(Fault::operational(message).with_source(error).into())
        }
        opened => Ok(opened?),
    }
}

fn unpack(
    mut layers: mpsc::Receiver<Reader>,
    root: Root,
    limit_bytes: u64,
) -> Result<Unpacked, LayerError> {
    let mut applier = Applier::new(root, limit_bytes);
    while let Some(layer) = layers.blocking_recv() {
        let archive = decompress(layer).map_err(LayerError::Read)?;
        applier.layer(Ahead::of(archive))?;
    }
    applier.finish()
}

#[cfg(test)]
mod tests;
