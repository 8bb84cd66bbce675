//! What the name of an entry says: a path below the root, or a mark that hides what lies there in the layers below.

use std::{
    ffi::{OsStr, OsString},
    os::unix::ffi::{OsStrExt as _, OsStringExt as _},
    path::{Component, Path, PathBuf},
};

use super::error::{LayerError, hostile};

const WHITEOUT: &[u8] = b".wh.";
const OPAQUE: &[u8] = b".wh..wh..opq";

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
    /// When it starts at the root, goes up, or is a mark that removes its own folder: no honest layer has such names.
    pub(super) fn read(entry: &Path) -> Result<Self, LayerError> {
        let mut folder = plain(entry, entry)?;
        let Some(name) = folder.file_name().map(OsStr::to_owned) else {
            return Ok(Self::Root);
        };
        folder.pop();
        if name.as_bytes() == OPAQUE {
            return Ok(Self::Opaque(folder));
        }
        match name.as_bytes().strip_prefix(WHITEOUT) {
            None => Ok(Self::In(folder, name)),
            Some(b"" | b"." | b"..") => {
                let reason = "a mark that removes its own folder or what is above it";
                Err(hostile(entry, reason))
            }
            Some(hidden) => Ok(Self::Hidden(folder, OsString::from_vec(hidden.to_vec()))),
        }
    }
}

/// A path of `entry` without `./`, which neither starts at the root nor goes up: no honest layer has such a name.
pub(super) fn plain(path: &Path, entry: &Path) -> Result<PathBuf, LayerError> {
    let mut clean = PathBuf::new();
    for part in path.components() {
        match part {
            Component::Normal(part) => clean.push(part),
            Component::CurDir => {}
            Component::ParentDir => return Err(hostile(entry, "its name goes up with ..")),
            Component::RootDir | Component::Prefix(_) => {
                return Err(hostile(entry, "its name is absolute"));
            }
        }
    }
    Ok(clean)
}
