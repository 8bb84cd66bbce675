//! Why a layer cannot be applied.

use std::{
    io,
    path::{Path, PathBuf},
};

use super::apply::ENTRIES_LIMIT;

/// Why a layer cannot be applied.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LayerError {
    #[error("the layer is not a tar archive that can be read")]
    Read(#[source] io::Error),
    #[error("entry {entry:?} is refused: {reason}")]
    Hostile {
        entry: PathBuf,
        reason: &'static str,
    },
    #[error(
        "the layers unpack to more than {limit_bytes} bytes; raise unpacked_limit if that is right"
    )]
    TooLarge { limit_bytes: u64 },
    #[error("the layers have more than {ENTRIES_LIMIT} entries")]
    TooMany,
    #[error("writing {entry:?} failed")]
    Write {
        entry: PathBuf,
        #[source]
        source: io::Error,
    },
}

impl LayerError {
    /// Whether the machine is at fault (a full disk), not the image (a file where a folder must be, a link to nothing).
    pub fn is_of_this_machine(&self) -> bool {
        let Self::Write { source, .. } = self else {
            return false;
        };
        let of_image = [
            io::ErrorKind::NotFound,
            io::ErrorKind::NotADirectory,
            io::ErrorKind::AlreadyExists,
            io::ErrorKind::InvalidFilename,
            io::ErrorKind::InvalidData,
            io::ErrorKind::InvalidInput,
        ];
        !of_image.contains(&source.kind())
    }
}

pub(super) fn hostile(entry: &Path, reason: &'static str) -> LayerError {
    LayerError::Hostile {
        entry: entry.into(),
        reason,
    }
}

pub(super) fn write_error(entry: &Path) -> impl FnOnce(io::Error) -> LayerError {
    move |source| LayerError::Write {
        entry: entry.into(),
        source,
    }
}
