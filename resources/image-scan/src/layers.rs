//! The layers of an image, from the registry straight into the catalogue; nothing touches the disk.

use std::io::{self, Read};

use bytes::{Buf as _, Bytes};
use tokio::sync::mpsc;
use trireme_registry::{BlobStream, RegistryError, Repository};
use trireme_scan::{Catalogue, catalogue::catalogue as read_catalogue, layer::Layers};

use crate::{ScannerError, image::Image};

/// Pieces of a layer that wait for the unpacker. With pieces of at most 64 KiB this bounds the memory to 1 MiB.
const WAITING_PIECES: usize = 16;

/// Catalogues an image. Every layer is verified to its last byte before anything of it counts.
pub(crate) async fn catalogue(
    repository: &Repository,
    image: &Image,
) -> Result<Catalogue, ScannerError> {
    let mut layers = Layers::new();
    for descriptor in &image.layers {
        let blob = repository.blob_stream(descriptor).await?;
        let (sender, receiver) = mpsc::channel(WAITING_PIECES);
        let unpacking = tokio::task::spawn_blocking(move || {
            let applied = layers.apply(Pieces {
                receiver,
                current: Bytes::new(),
            });
            applied.map(|()| layers)
        });
        // Together: each waits for the other. A damaged blob explains a failed unpacking, so it is told first.
        let (fetched, unpacked) = tokio::join!(feed(blob, sender), unpacking);
        fetched?;
        layers = unpacked??;
    }
    let read = tokio::task::spawn_blocking(move || read_catalogue(&layers.finish()));
    Ok(read.await??)
}

/// Gives the pieces of a blob to the unpacker. Fetches on when that has stopped: only the end says that the blob is
/// whole.
async fn feed(
    mut blob: BlobStream,
    sender: mpsc::Sender<io::Result<Bytes>>,
) -> Result<(), RegistryError> {
    loop {
        match blob.chunk().await {
            Ok(Some(piece)) => {
                // An unpacker that has failed does not listen any more, and reports its error itself.
                let _ = sender.send(Ok(piece)).await;
            }
            Ok(None) => return Ok(()),
            Err(error) => {
                let _ = sender
                    .send(Err(io::Error::other("the layer could not be fetched")))
                    .await;
                return Err(error);
            }
        }
    }
}

/// The receiving end as a reader.
struct Pieces {
    receiver: mpsc::Receiver<io::Result<Bytes>>,
    current: Bytes,
}

impl Read for Pieces {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        while self.current.is_empty() {
            match self.receiver.blocking_recv() {
                Some(piece) => self.current = piece?,
                None => return Ok(0),
            }
        }
        let count = into.len().min(self.current.len());
        self.current.copy_to_slice(&mut into[..count]);
        Ok(count)
    }
}
