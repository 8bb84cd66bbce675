//! Copying an image from one repository to another without touching the disk.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use bytes::Bytes;
use futures_util::{Stream, StreamExt as _, TryStreamExt as _, stream};
use oci_spec::image::Descriptor;
use trireme_transport::Backoff;

use crate::{RegistryError, Repository, Tree};

/// How many blobs are copied at the same time.
const AT_ONCE: usize = 4;

/// Told how many bytes more are at the target: sent, or found there.
pub type Progress = Arc<dyn Fn(u64) + Send + Sync>;

/// Tells of each byte once, however often it is sent.
#[derive(Clone)]
struct Meter {
    told: Arc<AtomicU64>,
    progress: Progress,
}

impl Meter {
    fn new(progress: Progress) -> Self {
        let told = Arc::default();
        Self { told, progress }
    }

    fn reach(&self, position: u64) {
        let told = self.told.fetch_max(position, Ordering::Relaxed);
        if position > told {
            (self.progress)(position - told);
        }
    }

    fn watch<S>(
        &self,
        content: S,
    ) -> impl Stream<Item = io::Result<Bytes>> + Send + 'static + use<S>
    where
        S: Stream<Item = io::Result<Bytes>> + Send + 'static,
    {
        let (meter, mut position) = (self.clone(), 0);
        content.inspect_ok(move |bytes| {
            position += bytes.len() as u64;
            meter.reach(position);
        })
    }
}

impl Repository {
    /// Everything below a tag or digest.
    ///
    /// # Errors
    /// [`RegistryError::NotFound`] when it does not exist.
    pub async fn tree(&self, reference: &str) -> Result<Tree, RegistryError> {
        let (root, bytes) = self.get_manifest(reference).await?;
        let known = root.clone();
        Tree::read(root, move |descriptor| {
            let (known, bytes, repository) = (known.clone(), bytes.clone(), self.clone());
            async move {
                if descriptor == known {
                    return Ok(bytes);
                }
                repository.get_child(&descriptor).await
            }
        })
        .await
    }

    /// A manifest that an index names, held to the size that the index says.
    async fn get_child(&self, descriptor: &Descriptor) -> Result<Bytes, RegistryError> {
        let (found, bytes) = self.get_manifest(descriptor.digest().as_ref()).await?;
        if found.size() == descriptor.size() {
            return Ok(bytes);
        }
        Err(RegistryError::Content {
            what: format!(
                "fetching the manifest {}",
                self.label(descriptor.digest().as_ref())
            ),
            property: "size",
            expected: descriptor.size().to_string(),
            found: found.size().to_string(),
        })
    }

    /// Copies the blobs of `tree` here, from the repository that it was read from: those that are here already are left
    /// alone, those of the same registry mounted, the others streamed through.
    ///
    /// # Errors
    /// When a blob cannot be read, is not what its digest says, or is not accepted.
    pub async fn copy_blobs(
        &self,
        from: &Self,
        tree: &Tree,
        progress: Progress,
    ) -> Result<(), RegistryError> {
        let blobs = stream::iter(tree.blobs.clone());
        let copied = blobs.map(|blob| Box::pin(self.copy_blob(from, blob, progress.clone())));
        copied.buffer_unordered(AT_ONCE).try_collect().await
    }

    async fn copy_blob(
        &self,
        from: &Self,
        blob: Descriptor,
        progress: Progress,
    ) -> Result<(), RegistryError> {
        let digest = blob.digest().to_string();
        let same_registry = self.name().host() == from.name().host();
        if self.blob_exists(&digest).await?
            || (same_registry && self.mount_blob(&digest, from.name().path()).await?)
        {
            progress(blob.size());
            return Ok(());
        }
        self.send_blob(&blob, progress, || async {
            Ok(from.blob_stream(&blob).await?.into_stream())
        })
        .await
    }

    /// Sends a blob that is not here, what `open` gives; again from its start when that breaks off on its way.
    pub(crate) async fn send_blob<S, F>(
        &self,
        blob: &Descriptor,
        progress: Progress,
        open: impl Fn() -> F + Send,
    ) -> Result<(), RegistryError>
    where
        S: Stream<Item = io::Result<Bytes>> + Send + 'static,
        F: Future<Output = Result<S, RegistryError>> + Send,
    {
        let meter = Meter::new(progress);
        let mut backoff = Backoff::default();
        loop {
            let content = meter.watch(open().await?);
            match self.push_blob(blob, content).await {
                Err(error) if self.may_again(&mut backoff, &error).await => {}
                outcome => return outcome,
            }
            // Only the answer may have been lost.
            if self.blob_exists(blob.digest().as_ref()).await? {
                meter.reach(blob.size());
                return Ok(());
            }
        }
    }

    /// Waits after an upload that broke off on its way, if it may be sent again.
    async fn may_again(&self, backoff: &mut Backoff, error: &RegistryError) -> bool {
        match error.broke_off() {
            Some(error) => self.client().pause_after(backoff, error).await,
            None => false,
        }
    }

    /// What a tag points to once it is this digest, or at last: some registries show a new tag with a delay.
    pub(crate) async fn shown(
        &self,
        tag: &str,
        digest: &str,
    ) -> Result<Option<String>, RegistryError> {
        let mut backoff = Backoff::default();
        loop {
            let found = self.head_manifest(tag).await?;
            let found = found.map(|descriptor| descriptor.digest().to_string());
            if found.as_deref() == Some(digest) || !backoff.pause(None).await {
                return Ok(found);
            }
        }
    }

    /// Stores the manifests of `tree`, whose blobs must be here; the root comes last and gets these tags. Gives its
    /// digest after the registry has shown it under each of them.
    ///
    /// # Errors
    /// When a manifest is not accepted, or a tag then points elsewhere.
    pub async fn put_tree(&self, tree: &Tree, tags: &[String]) -> Result<String, RegistryError> {
        for (descriptor, bytes) in &tree.manifests {
            let media_type = descriptor.media_type().to_string();
            self.put_manifest(descriptor.digest().as_ref(), &media_type, bytes.clone())
                .await?;
        }
        let digest = tree.root.digest().to_string();
        let Some((root, bytes)) = tree.manifests.last() else {
            return Ok(digest);
        };
        for tag in tags {
            self.put_manifest(tag, root.media_type().as_ref(), bytes.clone())
                .await?;
            let found = self.shown(tag, &digest).await?;
            if found.as_ref() != Some(&digest) {
                return Err(RegistryError::Content {
                    what: format!("storing {}", self.label(tag)),
                    property: "digest",
                    expected: digest,
                    found: found.unwrap_or_else(|| "nothing".into()),
                });
            }
        }
        Ok(digest)
    }
}
