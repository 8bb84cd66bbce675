//! Artifacts: a few small files in a registry, as OCI 1.1 keeps them. A manifest with an `artifactType`, an empty configuration,
//! and one layer for each file, with its name in `org.opencontainers.image.title`. `oras` and `crane` read and write the same.

use std::collections::{BTreeSet, HashMap};

use bytes::Bytes;
use oci_spec::image::{
    ANNOTATION_TITLE, Descriptor, ImageManifest, ImageManifestBuilder, MediaType,
};

use crate::{RegistryError, Repository, content::descriptor_of, is_tag};

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const EMPTY: &str = "application/vnd.oci.empty.v1+json";
const EMPTY_CONFIG: &[u8] = b"{}";
/// The most files of one artifact.
const FILES_LIMIT: usize = 32;
/// The longest name of a file, in bytes: what file systems take.
const NAME_LIMIT_BYTES: usize = 255;

/// One file of an artifact.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ArtifactFile {
    /// Its name: one component of a path.
    pub name: String,
    /// What it holds, e.g. `application/json`.
    pub media_type: String,
    /// Its content.
    pub bytes: Bytes,
}

impl Repository {
    /// Stores files as an artifact, under its digest and under each of `tags`, and looks it up again. The same files are the same
    /// artifact: nothing in it depends on the time. Gives its descriptor.
    ///
    /// # Errors
    /// When a name is not one of a file or a tag, or the registry does not accept and then show it.
    pub async fn push_artifact(
        &self,
        artifact_type: &str,
        files: &[ArtifactFile],
        tags: &[&str],
    ) -> Result<Descriptor, RegistryError> {
        let what = format!("storing an artifact in {}", self.name());
        let names = files.iter().map(|file| file.name.as_str());
        check_names(&what, names)?;
        if let Some(tag) = tags.iter().find(|tag| !is_tag(tag)) {
            return Err(RegistryError::malformed(
                &what,
                format!("{tag:?} is not a tag"),
            ));
        }
        let manifest = self.push_contents(&what, artifact_type, files).await?;
        let malformed = |error: serde_json::Error| RegistryError::malformed(&what, error);
        let bytes = Bytes::from(serde_json::to_vec(&manifest).map_err(malformed)?);
        let descriptor = descriptor_of(MANIFEST, &bytes)?;
        let digest = descriptor.digest().to_string();
        for reference in std::iter::once(digest.as_str()).chain(tags.iter().copied()) {
            self.put_manifest(reference, MANIFEST, bytes.clone())
                .await?;
            self.expect_at(reference, &digest).await?;
        }
        Ok(descriptor)
    }

    /// Stores the blobs, and gives the manifest that names them.
    async fn push_contents(
        &self,
        what: &str,
        artifact_type: &str,
        files: &[ArtifactFile],
    ) -> Result<ImageManifest, RegistryError> {
        let config = descriptor_of(EMPTY, EMPTY_CONFIG)?;
        self.push_bytes(&config, Bytes::from_static(EMPTY_CONFIG))
            .await?;
        let mut layers = Vec::new();
        for file in files {
            let mut layer = descriptor_of(&file.media_type, &file.bytes)?;
            self.push_bytes(&layer, file.bytes.clone()).await?;
            let title = (ANNOTATION_TITLE.to_owned(), file.name.clone());
            layer.set_annotations(Some(HashMap::from([title])));
            layers.push(layer);
        }
        ImageManifestBuilder::default()
            .schema_version(2_u32)
            .media_type(MediaType::from(MANIFEST))
            .artifact_type(MediaType::from(artifact_type))
            .config(config)
            .layers(layers)
            .build()
            .map_err(|error| RegistryError::malformed(what, error))
    }

    async fn expect_at(&self, reference: &str, digest: &str) -> Result<(), RegistryError> {
        let found = self.shown(reference, digest).await?;
        match found {
            Some(found) if found == digest => Ok(()),
            found => Err(RegistryError::Content {
                what: format!("looking up {} after storing it", self.label(reference)),
                property: "digest",
                expected: digest.to_owned(),
                found: found.unwrap_or_else(|| "none".to_owned()),
            }),
        }
    }

    /// Fetches an artifact by tag or digest, every byte verified. Gives its descriptor and files.
    ///
    /// # Errors
    /// [`RegistryError::NotFound`] when it is not there; when it has another type, a name that is not one of a file, or
    /// together more than `limit_bytes`.
    pub async fn pull_artifact(
        &self,
        reference: &str,
        artifact_type: &str,
        limit_bytes: u64,
    ) -> Result<(Descriptor, Vec<ArtifactFile>), RegistryError> {
        let what = format!("fetching the artifact {}", self.label(reference));
        let (descriptor, bytes) = self.get_manifest(reference).await?;
        let manifest = parse(&what, &bytes, artifact_type)?;
        let size = manifest.layers().iter().map(Descriptor::size);
        let size = size.fold(0, u64::saturating_add);
        if size > limit_bytes {
            return Err(RegistryError::Content {
                what,
                property: "size",
                expected: format!("at most {limit_bytes}"),
                found: size.to_string(),
            });
        }
        let titles = manifest.layers().iter().map(title);
        let names: Vec<&str> = titles.map(Option::unwrap_or_default).collect();
        check_names(&what, names.iter().copied())?;
        let mut files = Vec::new();
        for (layer, name) in manifest.layers().iter().zip(names) {
            files.push(ArtifactFile {
                name: name.to_owned(),
                media_type: layer.media_type().to_string(),
                bytes: self.blob(layer, limit_bytes).await?,
            });
        }
        Ok((descriptor, files))
    }
}

fn parse(what: &str, bytes: &[u8], artifact_type: &str) -> Result<ImageManifest, RegistryError> {
    let manifest: ImageManifest = serde_json::from_slice(bytes).map_err(|error| {
        RegistryError::malformed(what, format!("it is not an artifact: {error}"))
    })?;
    let found = manifest.artifact_type().as_ref().map(MediaType::to_string);
    if found.as_deref() == Some(artifact_type) {
        return Ok(manifest);
    }
    let found = found.unwrap_or_else(|| "none".to_owned());
    let reason = format!("it has artifactType {found}, expected {artifact_type}");
    Err(RegistryError::malformed(what, reason))
}

fn title(layer: &Descriptor) -> Option<&str> {
    let annotations = layer.annotations().as_ref()?;
    annotations.get(ANNOTATION_TITLE).map(String::as_str)
}

/// Every name must be the name of one file: written into a folder, none leaves it and none replaces another.
fn check_names<'a>(what: &str, names: impl Iterator<Item = &'a str>) -> Result<(), RegistryError> {
    let mut seen = BTreeSet::new();
    for name in names {
        if !is_file_name(name) {
            let reason =
                format!("{name:?} is not the name of a file (org.opencontainers.image.title)");
            return Err(RegistryError::malformed(what, reason));
        }
        if !seen.insert(name) {
            return Err(RegistryError::malformed(
                what,
                format!("two files have the name {name:?}"),
            ));
        }
        if seen.len() > FILES_LIMIT {
            let reason = format!("it has more than {FILES_LIMIT} files");
            return Err(RegistryError::malformed(what, reason));
        }
    }
    Ok(())
}

fn is_file_name(name: &str) -> bool {
    let odd = |c: char| matches!(c, '/' | '\\') || c.is_control();
    (1..=NAME_LIMIT_BYTES).contains(&name.len())
        && !matches!(name, "." | "..")
        && !name.contains(odd)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_stays_in_its_folder() {
        for name in ["roll.json", ".hidden", "a b", "ä", "..."] {
            assert!(is_file_name(name), "{name}");
        }
        let long = "a".repeat(256);
        for name in [
            "", ".", "..", "../a", "/a", "a/b", "a\\b", "a\0", "a\n", &long,
        ] {
            assert!(!is_file_name(name), "{name:?}");
        }
    }

    #[test]
    fn two_files_of_one_name_and_too_many_files_are_refused() {
        check_names("x", ["a", "b"].into_iter()).unwrap();
        assert!(check_names("x", ["a", "b", "a"].into_iter()).is_err());
        let names: Vec<String> = (0..=FILES_LIMIT).map(|number| number.to_string()).collect();
        let names = names.iter().map(String::as_str);
        check_names("x", names.clone().skip(1)).unwrap();
        assert!(check_names("x", names).is_err());
    }
}
