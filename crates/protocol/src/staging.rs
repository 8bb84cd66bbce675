//! `in` fills its directory atomically: a staging folder inside it, renamed into place at the end.
//!
//! The destination is a mount point, so it cannot be renamed itself. Its children can: folders first and files last, so that
//! the small files by which readers recognise a complete artifact (`metadata.json`, `digest` …) appear after the rest.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

const PREFIX: &str = ".trireme-partial-";

/// A folder that is filled, and either published or gone.
pub(crate) struct Staging {
    destination: PathBuf,
    folder: tempfile::TempDir,
}

impl Staging {
    /// Removes what a killed run left behind, and starts anew.
    pub(crate) fn new(destination: &Path) -> io::Result<Self> {
        fs::create_dir_all(destination)?;
        for entry in fs::read_dir(destination)? {
            let entry = entry?;
            if entry.file_name().to_string_lossy().starts_with(PREFIX) {
                fs::remove_dir_all(entry.path())?;
            }
        }
        let folder = tempfile::Builder::new()
            .prefix(PREFIX)
            .tempdir_in(destination)?;
        Ok(Self {
            destination: destination.to_owned(),
            folder,
        })
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Moves everything into the destination.
    pub(crate) fn publish(self) -> io::Result<()> {
        let mut children = fs::read_dir(self.folder.path())?
            .map(|entry| entry.map(|entry| entry.path()))
            .collect::<io::Result<Vec<_>>>()?;
        children.sort_by_key(|path| (!path.is_dir(), path.clone()));
        for child in children {
            if let Some(name) = child.file_name() {
                fs::rename(&child, self.destination.join(name))?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_seen_before_publish_and_leftovers_go() {
        let destination = tempfile::tempdir().unwrap();
        fs::create_dir(destination.path().join(".trireme-partial-dead")).unwrap();
        let staging = Staging::new(destination.path()).unwrap();
        fs::create_dir(staging.path().join("rootfs")).unwrap();
        fs::write(staging.path().join("digest"), "sha256:0").unwrap();
        assert!(!destination.path().join("digest").exists());
        staging.publish().unwrap();
        let mut names: Vec<_> = fs::read_dir(destination.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name())
            .collect();
        names.sort();
        assert_eq!(names, ["digest", "rootfs"]);
    }

    #[test]
    fn a_failure_leaves_nothing() {
        let destination = tempfile::tempdir().unwrap();
        let staging = Staging::new(destination.path()).unwrap();
        fs::write(staging.path().join("digest"), "half").unwrap();
        drop(staging);
        assert_eq!(fs::read_dir(destination.path()).unwrap().count(), 0);
    }
}
