//! What the name of an entry says: a path below the root, or a mark that hides what lies there in the layers below.

use std::{
    ffi::{OsStr, OsString},
    os::unix::ffi::{OsStrExt as _, OsStringExt as _},
    path::{Component, Path, PathBuf},
};

use trireme_layer::Mark;

use super::error::{LayerError, hostile};

/// What an entry is about.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Name {
    /// The root itself.
    Root,
    /// This in that folder.
    In(PathBuf, OsString),
    /// A mark: this in that folder is not there any more.
    Hidden(PathBuf, OsString),
    /// A mark: nothing that is in this folder is there any more.
    Opaque(PathBuf),
}

impl Name {
    /// Reads the name of an entry.
    ///
    /// # Errors
    /// When it goes up, or is a mark that removes its own folder: no honest layer has such names.
    pub(super) fn read(entry: &Path) -> Result<Self, LayerError> {
        let mut folder = plain(entry, entry)?;
        let Some(name) = folder.file_name().map(OsStr::to_owned) else {
            return Ok(Self::Root);
        };
        folder.pop();
        match Mark::of(name.as_bytes()) {
            None => Ok(Self::In(folder, name)),
            Some(Mark::HidesAll) => Ok(Self::Opaque(folder)),
            Some(Mark::Hides(hidden)) => {
                Ok(Self::Hidden(folder, OsString::from_vec(hidden.to_vec())))
            }
            Some(Mark::Hostile) => {
                let reason = "a mark that removes its own folder or what is above it";
                Err(hostile(entry, reason))
            }
        }
    }
}

/// A path of `entry` from the root of the image, which never goes up: no honest layer has such a name. `/a` is `./a`: kaniko
/// and ko write absolute names, and container runtimes take them so.
pub(super) fn plain(path: &Path, entry: &Path) -> Result<PathBuf, LayerError> {
    let mut clean = PathBuf::new();
    for part in path.components() {
        match part {
            Component::Normal(part) => clean.push(part),
            Component::CurDir | Component::RootDir | Component::Prefix(_) => {}
            Component::ParentDir => return Err(hostile(entry, "its name goes up with ..")),
        }
    }
    Ok(clean)
}
