//! OCI image layouts: an image as a folder, or as a tar archive of that folder.
//!
//! A layout is read where it lies: an archive is indexed once, and its blobs are read from their places in it. What is
//! read is verified as what a registry sends is.

mod image;
#[cfg(test)]
mod tests;

use std::{
    collections::HashMap,
    fs, io,
    path::{Path, PathBuf},
};

use bytes::Bytes;
use futures_util::{Stream, StreamExt as _, stream::BoxStream};
use oci_spec::image::{Descriptor, ImageIndex, ImageIndexBuilder, MediaType};
use tokio::io::{AsyncReadExt as _, AsyncSeekExt as _, AsyncWriteExt as _};
use tokio_util::io::ReaderStream;

use crate::{MANIFEST_LIMIT_BYTES, content::Verifier};

/// The marker that makes a folder a layout.
const MARKER: &str = "oci-layout";
const MARKER_CONTENT: &str = r#"{"imageLayoutVersion":"1.0.0"}"#;
const INDEX: &str = "index.json";
const INDEX_TYPE: &str = "application/vnd.oci.image.index.v1+json";
/// How much of a blob is read at once.
const CHUNK_BYTES: usize = 256 * 1024;
/// The most entries of an archive. An image has some dozens of blobs.
const ENTRIES_LIMIT: usize = 100_000;

/// Why a layout could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum LayoutError {
    /// A file could not be read or written.
    #[error("layout {path}: {what} failed")]
    Io {
        /// The folder or archive.
        path: String,
        /// What was tried.
        what: String,
        /// Why it failed.
        #[source]
        source: io::Error,
    },
    /// It is no layout, or a broken one.
    #[error("layout {path}: {reason}")]
    Malformed {
        /// The folder or archive.
        path: String,
        /// What is wrong.
        reason: String,
    },
}

/// Where a file of the layout lies.
#[derive(Clone, Copy)]
struct Place {
    offset: u64,
    size: u64,
}

/// An image layout on disk; cheap to clone.
#[derive(Clone)]
pub struct Layout {
    path: PathBuf,
    /// Of an archive: where each of its files lies.
    places: Option<std::sync::Arc<HashMap<String, Place>>>,
}

impl Layout {
    /// An empty layout in this folder, which is made if it is not there.
    ///
    /// # Errors
    /// When it cannot be written.
    pub async fn create(folder: &Path) -> Result<Self, LayoutError> {
        let layout = Self {
            path: folder.into(),
            places: None,
        };
        let blobs = tokio::fs::create_dir_all(folder.join("blobs")).await;
        blobs.map_err(layout.io("making its folder"))?;
        let marker = tokio::fs::write(folder.join(MARKER), MARKER_CONTENT).await;
        marker.map_err(layout.io("writing its marker"))?;
        Ok(layout)
    }

    /// The layout in this folder or tar archive.
    ///
    /// # Errors
    /// When it is none.
    pub async fn open(path: &Path) -> Result<Self, LayoutError> {
        let mut layout = Self {
            path: path.into(),
            places: None,
        };
        let metadata = tokio::fs::metadata(path).await;
        let metadata = metadata.map_err(layout.io("opening it"))?;
        if metadata.is_dir() {
            if !path.join(MARKER).is_file() {
                return Err(layout.malformed("it has no file oci-layout"));
            }
            return Ok(layout);
        }
        if !metadata.is_file() {
            return Err(layout.malformed("it is neither a folder nor a regular file"));
        }
        if is_compressed(path).await.map_err(layout.io("opening it"))? {
            return Err(layout.malformed("it is compressed; expected a plain tar archive"));
        }
        let archive = path.to_owned();
        let read = tokio::task::spawn_blocking(move || places(&archive, ENTRIES_LIMIT)).await;
        let read = read.map_err(io::Error::other).flatten();
        let places = read.map_err(layout.io("reading the tar archive"))?;
        if !places.contains_key(MARKER) {
            return Err(layout.malformed(
                "it has no file oci-layout; expected the OCI format (docker save before version 25 writes another)",
            ));
        }
        layout.places = Some(places.into());
        Ok(layout)
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What its `index.json` names.
    ///
    /// # Errors
    /// When there is no such file, or it is no index.
    pub async fn index(&self) -> Result<Vec<Descriptor>, LayoutError> {
        let (file, place) = self.file(INDEX).await?;
        if place.size > MANIFEST_LIMIT_BYTES {
            return Err(self.malformed("index.json has more than 4 MiB"));
        }
        let mut bytes = Vec::new();
        let read = file.take(place.size).read_to_end(&mut bytes).await;
        read.map_err(self.io("reading index.json"))?;
        let index: ImageIndex = serde_json::from_slice(&bytes)
            .map_err(|error| self.malformed(format!("index.json is no index: {error}")))?;
        Ok(index.manifests().clone())
    }

    /// Names these in `index.json`. Written last, since it makes the layout complete.
    ///
    /// # Errors
    /// When it cannot be written.
    pub async fn write_index(&self, manifests: Vec<Descriptor>) -> Result<(), LayoutError> {
        let index = ImageIndexBuilder::default()
            .schema_version(2_u32)
            .media_type(MediaType::from(INDEX_TYPE))
            .manifests(manifests)
            .build();
        let index = index.map_err(|error| self.malformed(error.to_string()))?;
        let bytes =
            serde_json::to_vec(&index).map_err(|error| self.malformed(error.to_string()))?;
        let written = tokio::fs::write(self.path.join(INDEX), bytes).await;
        written.map_err(self.io("writing index.json"))
    }

    /// A manifest, verified, in memory.
    ///
    /// # Errors
    /// When it is not there, too large for a manifest, or not what its descriptor says.
    pub async fn manifest(&self, descriptor: &Descriptor) -> Result<Bytes, LayoutError> {
        if descriptor.size() > MANIFEST_LIMIT_BYTES {
            let reason = format!("manifest {} has more than 4 MiB", descriptor.digest());
            return Err(self.malformed(reason));
        }
        let mut stream = self.blob(descriptor).await?;
        let mut bytes = Vec::new();
        while let Some(chunk) = stream.next().await {
            let what = format!("reading manifest {}", descriptor.digest());
            bytes.extend_from_slice(&chunk.map_err(self.io(&what))?);
        }
        Ok(bytes.into())
    }

    /// A blob as a stream that ends in an error when the content is not what its descriptor says.
    ///
    /// # Errors
    /// When it is not there.
    pub async fn blob(
        &self,
        descriptor: &Descriptor,
    ) -> Result<BoxStream<'static, io::Result<Bytes>>, LayoutError> {
        let (file, place) = self.file(&blob_name(descriptor)).await?;
        let what = format!("reading {} of {}", descriptor.digest(), self.path.display());
        let verifier = Verifier::new(&what, descriptor);
        let verifier = verifier.map_err(|error| self.malformed(error.to_string()))?;
        let chunks = ReaderStream::with_capacity(file.take(place.size), CHUNK_BYTES);
        Ok(verified(what, chunks, verifier).boxed())
    }

    /// Stores a blob or manifest, verified as it comes. One that is there already is left.
    ///
    /// # Errors
    /// When it cannot be written, or is not what its descriptor says; then nothing of it stays.
    pub async fn write_blob(
        &self,
        descriptor: &Descriptor,
        content: impl Stream<Item = io::Result<Bytes>> + Send,
    ) -> Result<(), LayoutError> {
        let target = self.path.join(blob_name(descriptor));
        if target.exists() {
            return Ok(());
        }
        let what = format!("writing {}", descriptor.digest());
        let verifier = Verifier::new(&what, descriptor);
        let verifier = verifier.map_err(|error| self.malformed(error.to_string()))?;
        let partial = target.with_extension("partial");
        let written = write(&partial, verified(what.clone(), content, verifier)).await;
        if let Err(error) = written {
            drop(tokio::fs::remove_file(&partial).await);
            return Err(self.io(&what)(error));
        }
        let renamed = tokio::fs::rename(&partial, &target).await;
        renamed.map_err(self.io(&what))
    }

    async fn file(&self, name: &str) -> Result<(tokio::fs::File, Place), LayoutError> {
        let missing = || self.malformed(format!("it has no file {name}"));
        let Some(places) = &self.places else {
            return self.file_of_folder(name).await;
        };
        let place = *places.get(name).ok_or_else(missing)?;
        let file = tokio::fs::File::open(&self.path).await;
        let mut file = file.map_err(self.io("opening it"))?;
        let seek = file.seek(io::SeekFrom::Start(place.offset)).await;
        seek.map_err(self.io(format!("finding {name}")))?;
        Ok((file, place))
    }

    async fn file_of_folder(&self, name: &str) -> Result<(tokio::fs::File, Place), LayoutError> {
        let path = self.path.join(name);
        let metadata = tokio::fs::metadata(&path).await;
        // To open a pipe would wait for who writes to it.
        if !metadata
            .map_err(self.io(format!("opening {name}")))?
            .is_file()
        {
            return Err(self.malformed(format!("{name} is no regular file")));
        }
        let file = tokio::fs::File::open(&path).await;
        let file = file.map_err(self.io(format!("opening {name}")))?;
        let metadata = file.metadata().await;
        let size = metadata.map_err(self.io("measuring it"))?.len();
        Ok((file, Place { offset: 0, size }))
    }

    fn io(&self, what: impl Into<String>) -> impl FnOnce(io::Error) -> LayoutError {
        let (path, what) = (self.path.display().to_string(), what.into());
        move |source| LayoutError::Io { path, what, source }
    }

    fn malformed(&self, reason: impl Into<String>) -> LayoutError {
        LayoutError::Malformed {
            path: self.path.display().to_string(),
            reason: reason.into(),
        }
    }
}

/// Told by the first bytes of gzip and zstd.
async fn is_compressed(path: &Path) -> io::Result<bool> {
    let mut start = Vec::new();
    let file = tokio::fs::File::open(path).await?;
    file.take(4).read_to_end(&mut start).await?;
    let marks: [&[u8]; 2] = [&[0x1f, 0x8b], &[0x28, 0xb5, 0x2f, 0xfd]];
    Ok(marks.iter().any(|mark| start.starts_with(mark)))
}

/// The digest was parsed: it has no separators that would lead elsewhere.
fn blob_name(descriptor: &Descriptor) -> String {
    let digest = descriptor.digest();
    format!("blobs/{}/{}", digest.algorithm(), digest.digest())
}

/// Where each file of an archive lies; one with more than `entries_limit` entries is refused. Sparse files are left out:
/// their content is not in one place.
fn places(path: &Path, entries_limit: usize) -> io::Result<HashMap<String, Place>> {
    let mut archive = tar::Archive::new(fs::File::open(path)?);
    let mut places = HashMap::new();
    for (index, entry) in archive.entries_with_seek()?.enumerate() {
        if index >= entries_limit {
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                format!("it has more than {entries_limit} entries: is it an image layout?"),
            ));
        }
        let entry = entry?;
        if entry.header().entry_type() != tar::EntryType::Regular {
            continue;
        }
        let name = entry.path()?.to_string_lossy().into_owned();
        let place = Place {
            offset: entry.raw_file_position(),
            size: entry.size(),
        };
        places.insert(name.trim_start_matches("./").to_owned(), place);
    }
    Ok(places)
}

fn verified<S>(
    what: String,
    content: S,
    verifier: Verifier,
) -> impl Stream<Item = io::Result<Bytes>> + Send
where
    S: Stream<Item = io::Result<Bytes>> + Send,
{
    let state = (Box::pin(content), verifier, what);
    futures_util::stream::try_unfold(state, |(mut content, mut verifier, what)| async move {
        let Some(chunk) = content.next().await else {
            verifier.finish(&what).map_err(io::Error::other)?;
            return Ok(None);
        };
        let chunk = chunk?;
        verifier.update(&what, &chunk).map_err(io::Error::other)?;
        Ok(Some((chunk, (content, verifier, what))))
    })
}

async fn write(
    path: &Path,
    content: impl Stream<Item = io::Result<Bytes>> + Send,
) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        // Not what is above it: a layout that was given up must not come back.
        match tokio::fs::create_dir(folder).await {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
            _ => {}
        }
    }
    let mut file = tokio::fs::File::create(path).await?;
    let mut content = std::pin::pin!(content);
    while let Some(chunk) = content.next().await {
        file.write_all(&chunk?).await?;
    }
    file.flush().await
}
