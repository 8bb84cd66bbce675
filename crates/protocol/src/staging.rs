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

    /// Moves everything into the destination, or nothing.
    pub(crate) fn publish(self) -> io::Result<()> {
        let mut children = fs::read_dir(self.folder.path())?
            .map(|entry| entry.map(|entry| entry.path()))
            .collect::<io::Result<Vec<_>>>()?;
        children.sort_by_key(|path| (!path.is_dir(), path.clone()));
        let mut moved = Vec::new();
        for child in children {
            let Some(name) = child.file_name() else {
                continue;
            };
            let place = self.destination.join(name);
            if let Err(error) = fs::rename(&child, &place) {
                take_back(&moved);
                return Err(error);
            }
            moved.push((child, place));
        }
        Ok(())
    }
}

/// Moves back what was moved already, the files first: the folder of the staging takes it away.
fn take_back(moved: &[(PathBuf, PathBuf)]) {
    for (child, place) in moved.iter().rev() {
        // What cannot be moved back is reported by the error that led here: nothing more can be done about it.
        let _ = fs::rename(place, child);
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
    fn what_cannot_be_published_whole_is_not_published() {
        let destination = tempfile::tempdir().unwrap();
        let staging = Staging::new(destination.path()).unwrap();
        fs::create_dir(staging.path().join("rootfs")).unwrap();
        fs::write(staging.path().join("digest"), "sha256:0").unwrap();
        fs::create_dir(destination.path().join("digest")).unwrap();
        assert!(staging.publish().is_err());
        assert!(!destination.path().join("rootfs").exists());
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
