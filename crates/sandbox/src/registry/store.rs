//! Where the registry keeps its content, so that it survives a kill at any instant.
//!
//! ```text
//! blobs/HEX                               content, named by its digest
//! uploads/ID                              sessions; emptied at start
//! repositories/NAME/_blobs/HEX            this repository has that blob (empty file)
//! repositories/NAME/_manifests/HEX        this repository has that manifest (its media type)
//! repositories/NAME/_tags/TAG             a digest
//! repositories/NAME/_referrers/HEX/HEX    a descriptor, filed under its subject
//! ```
//! Every file is written beside its place and renamed into it: a reader, or the next start after a kill, sees all or
//! nothing. A component of a repository's name never starts with `_`, so names and folders cannot meet.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use serde_json::Value;

use super::{Digest, Manifest, Reference, Refusal, manifest};
use crate::SandboxError;

/// The content of a registry, in one folder.
#[derive(Debug)]
pub struct Store {
    root: PathBuf,
}

impl Store {
    /// Opens the folder, makes it if need be, and forgets the upload sessions of an earlier life.
    pub fn open(root: impl Into<PathBuf>) -> Result<Self, SandboxError> {
        let root = root.into();
        let uploads = root.join("uploads");
        match fs::remove_dir_all(&uploads) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(SandboxError::file("empty", uploads)(error));
            }
            _ => {}
        }
        for folder in [uploads, root.join("blobs"), root.join("repositories")] {
            fs::create_dir_all(&folder).map_err(SandboxError::file("create", folder))?;
        }
        Ok(Self { root })
    }

    /// Where a blob's content is, whether or not it is there.
    pub fn content(&self, digest: &Digest) -> PathBuf {
        self.root.join("blobs").join(digest.hex())
    }

    /// Where an upload session collects its bytes.
    pub fn upload(&self, id: &str) -> PathBuf {
        self.root.join("uploads").join(id)
    }

    fn repository(&self, name: &str) -> PathBuf {
        self.root.join("repositories").join(name)
    }

    /// Whether a repository has ever been written to.
    pub fn knows(&self, name: &str) -> bool {
        ["_blobs", "_manifests"]
            .iter()
            .any(|folder| self.repository(name).join(folder).is_dir())
    }

    /// The size of a blob, if this repository has it.
    pub fn blob_size(&self, name: &str, digest: &Digest) -> io::Result<Option<u64>> {
        if !self
            .repository(name)
            .join("_blobs")
            .join(digest.hex())
            .exists()
        {
            return Ok(None);
        }
        fs::metadata(self.content(digest)).map(|m| Some(m.len()))
    }

    /// Adds content to a repository that another one has already.
    pub fn link_blob(&self, name: &str, digest: &Digest) -> io::Result<()> {
        self.write(
            &self.repository(name).join("_blobs").join(digest.hex()),
            b"",
        )
    }

    /// Stores a blob that is in memory.
    pub fn put_blob(&self, name: &str, bytes: &[u8]) -> io::Result<Digest> {
        let digest = Digest::of(bytes);
        if !self.content(&digest).exists() {
            self.write(&self.content(&digest), bytes)?;
        }
        self.link_blob(name, &digest)?;
        Ok(digest)
    }

    /// Ends an upload session: its bytes must have the digest, else they are thrown away.
    pub fn finish_upload(
        &self,
        name: &str,
        id: &str,
        expected: &Digest,
    ) -> io::Result<Result<(), Refusal>> {
        let collected = self.upload(id);
        let found = Digest::of_file(&collected)?;
        if found != *expected {
            fs::remove_file(&collected)?;
            return Ok(Err(Refusal::DigestInvalid {
                expected: expected.to_string(),
                found: found.to_string(),
            }));
        }
        fs::rename(&collected, self.content(expected))?;
        self.link_blob(name, expected)?;
        Ok(Ok(()))
    }

    /// Stores a manifest when the repository has all its content, and lists it under its subject. The tag is
    /// written last: what it points to is complete.
    pub fn put_manifest(
        &self,
        name: &str,
        reference: &Reference,
        media_type: &str,
        bytes: &[u8],
    ) -> io::Result<Result<Manifest, Refusal>> {
        let facts = match manifest::read(media_type, bytes) {
            Ok(facts) => facts,
            Err(refusal) => return Ok(Err(refusal)),
        };
        let digest = Digest::of(bytes);
        if let Reference::Digest(expected) = reference
            && *expected != digest
        {
            return Ok(Err(Refusal::DigestInvalid {
                expected: expected.to_string(),
                found: digest.to_string(),
            }));
        }
        if let Some(missing) = self.first_missing(name, &facts)? {
            return Ok(Err(Refusal::ManifestBlobUnknown {
                digest: missing.to_string(),
            }));
        }
        let folder = self.repository(name);
        self.write(&self.content(&digest), bytes)?;
        self.write(
            &folder.join("_manifests").join(digest.hex()),
            media_type.as_bytes(),
        )?;
        if let Some(subject) = &facts.subject {
            let descriptor = facts
                .descriptor(media_type, &digest, bytes.len())
                .to_string();
            self.write(
                &folder
                    .join("_referrers")
                    .join(subject.hex())
                    .join(digest.hex()),
                descriptor.as_bytes(),
            )?;
        }
        if let Reference::Tag(tag) = reference {
            self.write(
                &folder.join("_tags").join(tag),
                digest.to_string().as_bytes(),
            )?;
        }
        Ok(Ok(Manifest {
            digest,
            media_type: media_type.to_owned(),
            bytes: bytes.to_vec(),
            subject: facts.subject,
        }))
    }

    fn first_missing(&self, name: &str, facts: &manifest::Facts) -> io::Result<Option<Digest>> {
        for blob in &facts.blobs {
            if self.blob_size(name, blob)?.is_none() {
                return Ok(Some(blob.clone()));
            }
        }
        let is_missing = |digest: &&Digest| {
            !self
                .repository(name)
                .join("_manifests")
                .join(digest.hex())
                .exists()
        };
        Ok(facts.manifests.iter().find(is_missing).cloned())
    }

    /// The manifest that a tag or digest names in this repository.
    pub fn manifest(&self, name: &str, reference: &Reference) -> io::Result<Option<Manifest>> {
        let digest = match reference {
            Reference::Digest(digest) => digest.clone(),
            Reference::Tag(tag) => match self.tag(name, tag)? {
                Some(digest) => digest,
                None => return Ok(None),
            },
        };
        let Some(media_type) =
            read_if_there(&self.repository(name).join("_manifests").join(digest.hex()))?
        else {
            return Ok(None);
        };
        let bytes = fs::read(self.content(&digest))?;
        let media_type = String::from_utf8_lossy(&media_type).into_owned();
        Ok(Some(Manifest {
            digest,
            media_type,
            bytes,
            subject: None,
        }))
    }

    fn tag(&self, name: &str, tag: &str) -> io::Result<Option<Digest>> {
        let text = read_if_there(&self.repository(name).join("_tags").join(tag))?;
        Ok(text.and_then(|bytes| Digest::parse(&String::from_utf8_lossy(&bytes))))
    }

    /// Takes a tag away, or a manifest with every tag that points to it. False: there was none.
    pub fn delete_manifest(&self, name: &str, reference: &Reference) -> io::Result<bool> {
        let folder = self.repository(name);
        let digest = match reference {
            Reference::Tag(tag) => return remove_if_there(&folder.join("_tags").join(tag)),
            Reference::Digest(digest) => digest,
        };
        for tag in self.tags(name)? {
            if self.tag(name, &tag)?.as_ref() == Some(digest) {
                remove_if_there(&folder.join("_tags").join(tag))?;
            }
        }
        for subject in names_in(&folder.join("_referrers"))? {
            remove_if_there(&folder.join("_referrers").join(subject).join(digest.hex()))?;
        }
        remove_if_there(&folder.join("_manifests").join(digest.hex()))
    }

    /// All tags, in lexical order.
    pub fn tags(&self, name: &str) -> io::Result<Vec<String>> {
        names_in(&self.repository(name).join("_tags"))
    }

    /// The descriptors of all manifests with this subject, by digest.
    pub fn referrers(&self, name: &str, subject: &Digest) -> io::Result<Vec<Value>> {
        let folder = self.repository(name).join("_referrers").join(subject.hex());
        let read = |file| Ok(serde_json::from_slice(&fs::read(folder.join(file))?)?);
        names_in(&folder)?.into_iter().map(read).collect()
    }

    /// The names of all repositories, in lexical order.
    pub fn repositories(&self) -> io::Result<Vec<String>> {
        let mut found = Vec::new();
        let root = self.root.join("repositories");
        let mut open = vec![root.clone()];
        while let Some(folder) = open.pop() {
            for name in names_in(&folder)?
                .into_iter()
                .filter(|name| !name.starts_with('_'))
            {
                open.push(folder.join(name));
            }
            if folder.join("_manifests").is_dir()
                && let Ok(name) = folder.strip_prefix(&root)
            {
                found.push(name.to_string_lossy().into_owned());
            }
        }
        found.sort();
        Ok(found)
    }

    /// Writes beside, then renames. Not synced to the disk: a killed process loses nothing, and the sandbox does not
    /// promise to survive the loss of power.
    fn write(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        let draft = self
            .root
            .join("uploads")
            .join(format!("draft-{:016x}", fastrand::u64(..)));
        fs::write(&draft, bytes)?;
        fs::rename(&draft, path)
    }
}

fn read_if_there(path: &Path) -> io::Result<Option<Vec<u8>>> {
    match fs::read(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        read => read.map(Some),
    }
}

fn remove_if_there(path: &Path) -> io::Result<bool> {
    match fs::remove_file(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        removed => removed.map(|()| true),
    }
}

/// The sorted names in a folder; a folder that is not there has none.
fn names_in(folder: &Path) -> io::Result<Vec<String>> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    let name = |entry: io::Result<fs::DirEntry>| {
        entry.map(|e| e.file_name().to_string_lossy().into_owned())
    };
    let mut names = entries.map(name).collect::<io::Result<Vec<_>>>()?;
    names.sort();
    Ok(names)
}
