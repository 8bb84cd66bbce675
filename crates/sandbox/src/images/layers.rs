//! Layers: tar archives without a clock or an owner, gzipped.

use std::io::{self, Write as _};

use flate2::{Compression, GzBuilder};

use crate::registry::Digest;

/// A file in a layer.
pub(super) struct Entry {
    path: String,
    mode: u32,
    content: Vec<u8>,
}

impl Entry {
    /// A file that is read.
    pub(super) fn data(path: impl Into<String>, content: impl Into<Vec<u8>>) -> Self {
        Self {
            path: path.into(),
            mode: 0o644,
            content: content.into(),
        }
    }

    /// A file that is run.
    pub(super) fn program(path: impl Into<String>, content: impl Into<Vec<u8>>) -> Self {
        Self {
            path: path.into(),
            mode: 0o755,
            content: content.into(),
        }
    }
}

/// A layer with both of its names: of the archive (`diff_id`) and of what travels.
pub(super) struct Layer {
    pub(super) diff_id: Digest,
    pub(super) gzip: Vec<u8>,
}

impl Layer {
    /// Packs files, and the folders above them, in the order given.
    pub(super) fn pack(entries: &[Entry]) -> Self {
        let tar = archive(entries).unwrap_or_default();
        let gzip = compress(&tar).unwrap_or_default();
        Self {
            diff_id: Digest::of(&tar),
            gzip,
        }
    }
}

fn archive(entries: &[Entry]) -> io::Result<Vec<u8>> {
    let mut builder = tar::Builder::new(Vec::new());
    let mut made = Vec::new();
    for entry in entries {
        for (end, _) in entry.path.match_indices('/') {
            let folder = &entry.path[..=end];
            if !made.contains(&folder) {
                builder.append_data(
                    &mut header(tar::EntryType::Directory, 0o755, 0),
                    folder,
                    io::empty(),
                )?;
                made.push(folder);
            }
        }
        let mut header = header(
            tar::EntryType::Regular,
            entry.mode,
            entry.content.len() as u64,
        );
        builder.append_data(&mut header, &entry.path, &entry.content[..])?;
    }
    builder.into_inner()
}

fn header(kind: tar::EntryType, mode: u32, size: u64) -> tar::Header {
    let mut header = tar::Header::new_gnu();
    header.set_entry_type(kind);
    header.set_mode(mode);
    header.set_size(size);
    header.set_mtime(0);
    header.set_uid(0);
    header.set_gid(0);
    header
}

fn compress(bytes: &[u8]) -> io::Result<Vec<u8>> {
    let mut encoder = GzBuilder::new()
        .mtime(0)
        .write(Vec::new(), Compression::default());
    encoder.write_all(bytes)?;
    encoder.finish()
}
