//! Images between layouts and registries.

use std::collections::{BTreeSet, HashMap};

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use oci_spec::image::Descriptor;

use super::{Layout, LayoutError};
use crate::{Progress, RegistryError, Repository, Tree};

/// How many blobs are moved at the same time.
const AT_ONCE: usize = 4;
/// The annotation by which tools know an image in a layout.
const REF_NAME: &str = "org.opencontainers.image.ref.name";

impl Layout {
    /// The image in this layout, which must be the only one. Tools list one that has two names twice.
    ///
    /// # Errors
    /// When there is none or several, or a part of it is missing or broken.
    pub async fn tree(&self) -> Result<Tree, RegistryError> {
        let what = format!("reading the layout {}", self.path().display());
        let manifests = self.index().await.map_err(layout_error(&what))?;
        let images: BTreeSet<&str> = manifests.iter().map(|m| m.digest().as_ref()).collect();
        let ([root, ..], 1) = (manifests.as_slice(), images.len()) else {
            let found = images.len();
            let reason = format!("its index.json names {found} images, expected exactly one");
            return Err(RegistryError::malformed(&what, reason));
        };
        // Its annotations are about the layout; they are not the image's.
        let root = Descriptor::new(
            root.media_type().clone(),
            root.size(),
            root.digest().clone(),
        );
        Tree::read(root, |descriptor| {
            let (layout, what) = (self.clone(), what.clone());
            async move {
                layout
                    .manifest(&descriptor)
                    .await
                    .map_err(layout_error(&what))
            }
        })
        .await
    }

    /// Stores all of `tree` here, from the repository that it was read from; the root is named by `tag`.
    ///
    /// # Errors
    /// When a blob cannot be fetched or written.
    pub async fn save(
        &self,
        from: &Repository,
        tree: &Tree,
        tag: Option<&str>,
        progress: Progress,
    ) -> Result<(), RegistryError> {
        let what = format!("saving {} as a layout", from.name());
        let blobs = stream::iter(tree.blobs.clone());
        let saved = blobs.map(|blob| Box::pin(self.save_blob(from, blob, progress.clone())));
        saved.buffer_unordered(AT_ONCE).try_collect::<()>().await?;
        for (descriptor, bytes) in &tree.manifests {
            let content = stream::iter([Ok(bytes.clone())]);
            let written = self.write_blob(descriptor, content).await;
            written.map_err(layout_error(&what))?;
        }
        let mut root = tree.root.clone();
        if let Some(tag) = tag {
            root.set_annotations(Some(HashMap::from([(REF_NAME.into(), tag.into())])));
        }
        self.write_index(vec![root])
            .await
            .map_err(layout_error(&what))
    }

    async fn save_blob(
        &self,
        from: &Repository,
        blob: Descriptor,
        progress: Progress,
    ) -> Result<(), RegistryError> {
        let content = from.blob_stream(&blob).await?.into_stream();
        let counted = content.inspect_ok(move |bytes| progress(bytes.len() as u64));
        let what = format!("saving the blob {}", blob.digest());
        let written = self.write_blob(&blob, counted).await;
        written.map_err(layout_error(&what))
    }
}

impl Repository {
    /// Stores the blobs of `tree`, which was read from the layout `from`; those that are here already are left alone.
    ///
    /// # Errors
    /// When a blob is missing or broken, or is not accepted.
    pub async fn push_blobs(
        &self,
        from: &Layout,
        tree: &Tree,
        progress: Progress,
    ) -> Result<(), RegistryError> {
        let blobs = stream::iter(tree.blobs.clone());
        let pushed = blobs.map(|blob| Box::pin(self.push_from(from, blob, progress.clone())));
        pushed.buffer_unordered(AT_ONCE).try_collect().await
    }

    async fn push_from(
        &self,
        from: &Layout,
        blob: Descriptor,
        progress: Progress,
    ) -> Result<(), RegistryError> {
        if self.blob_exists(blob.digest().as_ref()).await? {
            progress(blob.size());
            return Ok(());
        }
        let what = format!("storing the blob {}", self.label(blob.digest().as_ref()));
        self.send_blob(&blob, progress, || async {
            from.blob(&blob).await.map_err(layout_error(&what))
        })
        .await
    }
}

fn layout_error(what: &str) -> impl FnOnce(LayoutError) -> RegistryError {
    let what = what.to_owned();
    move |error| RegistryError::Layout {
        what,
        source: error,
    }
}
