//! `in` fills its directory atomically: a staging folder inside it, renamed into place at the end.
//!
//! The destination is a mount point, so it cannot be renamed itself. Its children can: folders first and files last, so that
//! the small files by which readers recognise a complete artifact (`metadata.json`, `digest` …) appear after the rest.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::Duration;

const PREFIX: &str = ".trireme-partial-";

/// A file whose writing was begun may still come while the folder is removed. It comes at once, or never.
const REMOVALS: u32 = 50;
const BETWEEN_REMOVALS: Duration = Duration::from_millis(10);

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

    /// Moves everything into the destination, or nothing. What an earlier run left under the same name is replaced.
    pub(crate) fn publish(self) -> io::Result<()> {
        let mut children = fs::read_dir(self.folder.path())?
            .map(|entry| entry.map(|entry| entry.path()))
            .collect::<io::Result<Vec<_>>>()?;
        children.sort_by_key(|path| (!path.is_dir(), path.clone()));
        let replaced = tempfile::Builder::new()
            .prefix(PREFIX)
            .tempdir_in(&self.destination)?;
        move_all(&children, &self.destination, replaced.path())
    }
}

impl Drop for Staging {
    fn drop(&mut self) {
        for _ in 0..REMOVALS {
            match fs::remove_dir_all(self.folder.path()) {
                Err(error) if error.kind() == io::ErrorKind::DirectoryNotEmpty => {
                    sleep(BETWEEN_REMOVALS);
                }
                // What else is wrong, e.g. a folder that nobody may remove, no later removal mends.
                _ => break,
            }
        }
    }
}

/// One rename that can be undone.
struct Moved {
    from: PathBuf,
    to: PathBuf,
}

impl Moved {
    fn new(from: &Path, to: PathBuf) -> io::Result<Self> {
        fs::rename(from, &to)?;
        let from = from.to_owned();
        Ok(Self { from, to })
    }
}

/// Moves `children` into `destination` and what is in their way into `replaced`; after a failure all is as it was.
fn move_all(children: &[PathBuf], destination: &Path, replaced: &Path) -> io::Result<()> {
    let mut done = Vec::new();
    let moved = children
        .iter()
        .try_for_each(|child| move_in(child, destination, replaced, &mut done));
    if moved.is_err() {
        for moved in done.iter().rev() {
            // What cannot be moved back is reported by the error that led here: nothing more can be done about it.
            let _ = fs::rename(&moved.to, &moved.from);
        }
    }
    moved
}

fn move_in(
    child: &Path,
    destination: &Path,
    replaced: &Path,
    done: &mut Vec<Moved>,
) -> io::Result<()> {
    let Some(name) = child.file_name() else {
        return Ok(());
    };
    let place = destination.join(name);
    match Moved::new(&place, replaced.join(name)) {
        Ok(moved) => done.push(moved),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    done.push(Moved::new(child, place)?);
    Ok(())
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
    fn what_an_earlier_run_left_is_replaced() {
        let destination = tempfile::tempdir().unwrap();
        fs::create_dir(destination.path().join("rootfs")).unwrap();
        fs::write(destination.path().join("rootfs/old"), "").unwrap();
        fs::write(destination.path().join("digest"), "old").unwrap();
        let staging = Staging::new(destination.path()).unwrap();
        fs::create_dir(staging.path().join("rootfs")).unwrap();
        fs::write(staging.path().join("digest"), "new").unwrap();
        staging.publish().unwrap();
        let digest = fs::read_to_string(destination.path().join("digest")).unwrap();
        assert_eq!(digest, "new");
        assert!(!destination.path().join("rootfs/old").exists());
        assert_eq!(fs::read_dir(destination.path()).unwrap().count(), 2);
    }

    #[test]
    fn what_cannot_be_moved_whole_is_not_moved() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        for name in ["staging", "staging/rootfs", "to", "to/rootfs", "replaced"] {
            fs::create_dir(at(name)).unwrap();
        }
        fs::write(at("to/rootfs/old"), "").unwrap();
        let children = [at("staging/rootfs"), at("staging/absent")];
        assert!(move_all(&children, &at("to"), &at("replaced")).is_err());
        assert!(at("to/rootfs/old").exists() && at("staging/rootfs").exists());
        assert_eq!(fs::read_dir(at("replaced")).unwrap().count(), 0);
    }

    #[test]
    fn what_is_still_being_written_goes_too() {
        let destination = tempfile::tempdir().unwrap();
        let staging = Staging::new(destination.path()).unwrap();
        let folder = staging.path().to_owned();
        let writer = std::thread::spawn(move || {
            // Until the folder is gone.
            let files = (0..2000).map(|number| fs::write(folder.join(number.to_string()), ""));
            files.take_while(Result::is_ok).count()
        });
        drop(staging);
        writer.join().unwrap();
        assert_eq!(fs::read_dir(destination.path()).unwrap().count(), 0);
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
