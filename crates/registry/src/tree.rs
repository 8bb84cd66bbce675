//! An image with everything that belongs to it: an index with its children, their configurations and layers.

use std::{collections::HashSet, future::Future};

use bytes::Bytes;
use oci_spec::image::{Descriptor, ImageIndex, ImageManifest};
use serde_json::Value;

use crate::RegistryError;

/// The most manifests of one image. The widest official images have some dozens of platforms, each with an attestation.
const MANIFESTS_LIMIT: usize = 1000;
/// What all of them together may have, since all are kept. Most have one or two kilobytes.
const MANIFESTS_LIMIT_BYTES: usize = 32 * 1024 * 1024;

/// All manifests and blobs below one digest.
#[derive(Clone, Debug)]
pub struct Tree {
    /// What it was read from.
    pub root: Descriptor,
    /// The manifests with their bytes, children before their parents: stored in this order, nothing ever points to what
    /// is not there.
    pub manifests: Vec<(Descriptor, Bytes)>,
    /// Configurations and layers, each once.
    pub blobs: Vec<Descriptor>,
}

/// A manifest on the way through the tree: before its children, and after them.
enum Visit {
    Enter(Descriptor),
    Leave(Descriptor, Bytes),
}

impl Tree {
    /// Reads the tree below `root`; `fetch` gives the verified bytes of a manifest.
    ///
    /// # Errors
    /// When `fetch` fails, or a manifest is neither an image nor an index.
    pub async fn read<F, Fetching>(root: Descriptor, fetch: F) -> Result<Self, RegistryError>
    where
        F: Fn(Descriptor) -> Fetching,
        Fetching: Future<Output = Result<Bytes, RegistryError>>,
    {
        let mut tree = Self {
            root: root.clone(),
            manifests: Vec::new(),
            blobs: Vec::new(),
        };
        let (mut seen, mut blobs, mut size) = (HashSet::new(), HashSet::new(), 0);
        let mut waiting = vec![Visit::Enter(root)];
        while let Some(visit) = waiting.pop() {
            let descriptor = match visit {
                Visit::Leave(descriptor, bytes) => {
                    tree.manifests.push((descriptor, bytes));
                    continue;
                }
                Visit::Enter(descriptor) => descriptor,
            };
            if !seen.insert(descriptor.digest().to_string()) {
                continue;
            }
            if seen.len() > MANIFESTS_LIMIT {
                let reason = format!("it has more than {MANIFESTS_LIMIT} manifests");
                return Err(RegistryError::malformed(&label(&tree.root), reason));
            }
            let bytes = fetch(descriptor.clone()).await?;
            size += bytes.len();
            if size > MANIFESTS_LIMIT_BYTES {
                let reason = format!("its manifests have more than {MANIFESTS_LIMIT_BYTES} bytes");
                return Err(RegistryError::malformed(&label(&tree.root), reason));
            }
            let children = tree.take_in(&descriptor, &bytes, &mut blobs)?;
            waiting.push(Visit::Leave(descriptor, bytes));
            waiting.extend(children.into_iter().map(Visit::Enter));
        }
        Ok(tree)
    }

    /// Takes the blobs of a manifest in and gives the manifests that it names.
    fn take_in(
        &mut self,
        descriptor: &Descriptor,
        bytes: &[u8],
        known: &mut HashSet<String>,
    ) -> Result<Vec<Descriptor>, RegistryError> {
        let what = label(descriptor);
        let children = if is_index(descriptor) {
            let index: ImageIndex = serde_json::from_slice(bytes)
                .map_err(|error| RegistryError::malformed(&what, error))?;
            index.manifests().clone()
        } else {
            let manifest = image_manifest(descriptor, bytes)?;
            let layers = manifest.layers().iter().filter(|layer| !is_foreign(layer));
            for blob in std::iter::once(manifest.config()).chain(layers) {
                if known.insert(blob.digest().to_string()) {
                    self.blobs.push(blob.clone());
                }
            }
            Vec::new()
        };
        Ok(children)
    }

    /// The size of its blobs, in bytes.
    pub fn size_bytes(&self) -> u64 {
        let sizes = self.blobs.iter().map(Descriptor::size);
        // What a manifest says of a size may be anything.
        sizes.fold(0, u64::saturating_add)
    }
}

/// Whether the descriptor names an index (OCI) or a manifest list (Docker).
pub fn is_index(descriptor: &Descriptor) -> bool {
    matches!(
        descriptor.media_type().to_string().as_str(),
        "application/vnd.oci.image.index.v1+json"
            | "application/vnd.docker.distribution.manifest.list.v2+json"
    )
}

/// The image manifest that these bytes are.
///
/// # Errors
/// When they are none; the oldest format (schema 1), which has no digests of configurations, is named.
pub fn image_manifest(
    descriptor: &Descriptor,
    bytes: &[u8],
) -> Result<ImageManifest, RegistryError> {
    read_image(bytes).map_err(|error| {
        let media_type = descriptor.media_type().to_string();
        let hint = match media_type.starts_with("application/vnd.docker.distribution.manifest.v1") {
            true => {
                "; Docker's schema 1 is not supported: pull and push the image with a tool of today"
            }
            false => "",
        };
        let reason = format!("expected an image manifest, found {media_type:?} ({error}){hint}");
        RegistryError::malformed(&label(descriptor), reason)
    })
}

/// An image of nothing may leave `layers` out, or have null there, as Go's encoder writes an empty list.
fn read_image(bytes: &[u8]) -> serde_json::Result<ImageManifest> {
    let mut manifest: Value = serde_json::from_slice(bytes)?;
    if manifest.get("config").is_some() && manifest.get("layers").is_none_or(Value::is_null) {
        manifest["layers"] = Value::Array(Vec::new());
    }
    serde_json::from_value(manifest)
}

/// Whether a layer may not be distributed: it lies on a server of its owner, and registries need not have it.
pub fn is_foreign(layer: &Descriptor) -> bool {
    matches!(
        layer.media_type().to_string().as_str(),
        "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip"
            | "application/vnd.docker.image.rootfs.foreign.diff.tar"
            | "application/vnd.oci.image.layer.nondistributable.v1.tar"
            | "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip"
            | "application/vnd.oci.image.layer.nondistributable.v1.tar+zstd"
    )
}

fn label(descriptor: &Descriptor) -> String {
    format!("reading the manifest {}", descriptor.digest())
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use serde_json::json;

    use super::*;
    use crate::{descriptor_of, digest_of};

    const INDEX: &str = "application/vnd.oci.image.index.v1+json";
    const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";

    fn json_descriptor(media_type: &str, bytes: &[u8]) -> serde_json::Value {
        json!({"mediaType": media_type, "digest": digest_of(bytes), "size": bytes.len()})
    }

    #[test]
    fn an_image_of_nothing_may_say_so_in_three_ways() {
        let config = json_descriptor("application/vnd.oci.image.config.v1+json", b"{}");
        let empty = json!({"schemaVersion": 2, "config": config});
        for layers in [None, Some(json!(null)), Some(json!([]))] {
            let mut manifest = empty.clone();
            if let Some(layers) = layers {
                manifest["layers"] = layers;
            }
            let bytes = manifest.to_string().into_bytes();
            let descriptor = descriptor_of(MANIFEST, &bytes).unwrap();
            let read = image_manifest(&descriptor, &bytes).unwrap();
            assert!(read.layers().is_empty(), "{manifest}");
        }
        let bytes = br#"{"schemaVersion": 2}"#;
        let descriptor = descriptor_of(MANIFEST, bytes).unwrap();
        image_manifest(&descriptor, bytes).unwrap_err();
    }

    fn image(layer: &str) -> Bytes {
        let manifest = json!({
            "schemaVersion": 2,
            "config": json_descriptor("application/vnd.oci.image.config.v1+json", b"{}"),
            "layers": [json_descriptor("text/plain", layer.as_bytes())],
        });
        Bytes::from(manifest.to_string())
    }

    #[tokio::test]
    async fn children_come_before_parents_and_shared_blobs_once() {
        let (a, b) = (image("a"), image("b"));
        let children = [json_descriptor(MANIFEST, &a), json_descriptor(MANIFEST, &b)];
        let index = Bytes::from(json!({"schemaVersion": 2, "manifests": children}).to_string());
        let root = descriptor_of(INDEX, &index).unwrap();
        let stored = HashMap::from([a, b, index.clone()].map(|bytes| (digest_of(&bytes), bytes)));
        let fetch = |d: Descriptor| {
            let bytes = stored[d.digest().as_ref()].clone();
            async move { Ok(bytes) }
        };
        let tree = Tree::read(root, fetch).await.unwrap();
        assert_eq!(tree.manifests.len(), 3);
        assert_eq!(tree.manifests[2].1, index);
        assert_eq!(
            tree.blobs.len(),
            3,
            "one shared configuration and two layers"
        );
        assert_eq!(tree.size_bytes(), 4);
    }

    #[tokio::test]
    async fn a_manifest_that_two_indexes_name_comes_before_both() {
        let a = image("a");
        let child = json_descriptor(MANIFEST, &a);
        let inner = json!({"schemaVersion": 2, "manifests": [child]}).to_string();
        let inner = Bytes::from(inner);
        let nested = json_descriptor(INDEX, &inner);
        for children in [
            [child.clone(), nested.clone()],
            [nested.clone(), child.clone()],
        ] {
            let outer = json!({"schemaVersion": 2, "manifests": children}).to_string();
            let outer = Bytes::from(outer);
            let root = descriptor_of(INDEX, &outer).unwrap();
            let contents = [a.clone(), inner.clone(), outer.clone()];
            let stored = HashMap::from(contents.clone().map(|bytes| (digest_of(&bytes), bytes)));
            let fetch = |d: Descriptor| {
                let bytes = stored[d.digest().as_ref()].clone();
                async move { Ok(bytes) }
            };
            let tree = Tree::read(root, fetch).await.unwrap();
            let order: Vec<Bytes> = tree.manifests.into_iter().map(|(_, bytes)| bytes).collect();
            assert_eq!(order, contents);
        }
    }

    #[tokio::test]
    async fn what_is_no_manifest_is_named() {
        let bytes = Bytes::from_static(b"{\"schemaVersion\": 1}");
        let root = descriptor_of(MANIFEST, &bytes).unwrap();
        let error = Tree::read(root.clone(), |_| async { Ok(bytes.clone()) })
            .await
            .unwrap_err();
        assert!(
            error.to_string().contains(root.digest().as_ref()),
            "{error}"
        );
    }

    #[tokio::test]
    async fn manifests_that_are_large_together_are_refused() {
        let one = Bytes::from(
            " ".repeat(MANIFESTS_LIMIT_BYTES / 2)
                + &json!({"schemaVersion": 2, "manifests": [json_descriptor(INDEX, b"other")]})
                    .to_string(),
        );
        let root = descriptor_of(INDEX, &one).unwrap();
        let read = Tree::read(root, |_| async { Ok(one.clone()) }).await;
        let reason = read.unwrap_err().to_string();
        assert!(reason.contains("more than"), "{reason}");
    }
}
