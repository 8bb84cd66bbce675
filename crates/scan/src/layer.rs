//! Layers: what an image's file system looks like in the end, as far as it concerns packages.
//!
//! Layers are applied from the base up. Three things of them stay in memory: the content of the files that a cataloguer
//! reads, what programs say that they were built from, and the paths of files that may carry packages of a kind that is not read.

mod file_class;
mod files;
mod links;

use std::io::{self, Read};

use tar::{Archive, Entry, EntryType};
use trireme_layer::{Extensions, Headers, decompress};

pub use file_class::{UncataloguedFile, UncataloguedKind};
pub use files::Files;

use crate::{ScanError, program};
use file_class::FileClass;

/// The most that one layer may unpack to. Real layers stay below 20 GiB; a bomb does not.
pub const LAYER_LIMIT_BYTES: u64 = 64 << 30;
/// The largest package database or file list that is read. The status file of a full Debian desktop has 5 MB.
pub const FILE_LIMIT_BYTES: u64 = 64 << 20;
/// The most that all kept files may take together.
pub const RETAINED_LIMIT_BYTES: u64 = 256 << 20;

/// The most files in one layer. Real ones have some hundred thousand; empty files compress to almost nothing.
pub const ENTRIES_LIMIT: usize = 2_000_000;

/// Applies layers one after another.
#[derive(Default)]
pub struct Layers {
    files: Files,
    applied: usize,
}

impl Layers {
    /// No layer yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Applies the next layer: a tar archive, plain or compressed with gzip or zstd (told by its first bytes).
    ///
    /// # Errors
    /// The layer is no such archive, ends too early, or is larger than the limits.
    pub fn apply(&mut self, layer: impl Read + Send) -> Result<(), ScanError> {
        self.applied += 1;
        let number = self.applied;
        let broken = |source| ScanError::Layer {
            layer: number,
            source,
        };
        let unpacked = decompress(layer).map_err(broken)?;
        let mut counted = unpacked.take(LAYER_LIMIT_BYTES);
        let above = read_archive(&mut counted, &self.files, number)?;
        // What follows the archive (padding, or the checksum of the compression) is read too: a cut is no end.
        io::copy(&mut counted, &mut io::sink()).map_err(broken)?;
        if counted.limit() == 0 {
            return Err(too_large(format!("layer {number}"), LAYER_LIMIT_BYTES));
        }
        self.files.stack(above);
        if self.files.retained_bytes() > RETAINED_LIMIT_BYTES {
            return Err(too_large(
                "the package databases".to_owned(),
                RETAINED_LIMIT_BYTES,
            ));
        }
        Ok(())
    }

    /// The file system after the last layer.
    pub fn finish(self) -> Files {
        self.files
    }
}

fn too_large(what: String, limit_bytes: u64) -> ScanError {
    ScanError::TooLarge { what, limit_bytes }
}

/// One layer as changes to what is below it.
fn read_archive(from: impl Read, below: &Files, number: usize) -> Result<files::Layer, ScanError> {
    let broken = |source| ScanError::Layer {
        layer: number,
        source,
    };
    let mut layer = files::Layer::default();
    let (headers, limited) = Headers::of(from);
    let mut archive = Archive::new(limited);
    let mut retained_bytes = 0;
    for (count, entry) in archive.entries().map_err(broken)?.enumerate() {
        let mut entry = entry.map_err(broken)?;
        let taken = headers.pass(|| {
            let taken = read_entry(&mut entry, &mut layer, below)?;
            // What is left of its content belongs to it, and not to the headers of the next one.
            io::copy(&mut entry, &mut io::sink()).map(|_| taken)
        });
        retained_bytes += taken.map_err(broken)?;
        if count >= ENTRIES_LIMIT || retained_bytes > RETAINED_LIMIT_BYTES {
            let what = format!(
                "the names and package databases of layer {number} (or {ENTRIES_LIMIT} files)"
            );
            return Err(too_large(what, RETAINED_LIMIT_BYTES));
        }
    }
    Ok(layer)
}

/// One entry into the layer; gives the memory that it takes.
fn read_entry(
    entry: &mut Entry<'_, impl Read>,
    layer: &mut files::Layer,
    below: &Files,
) -> io::Result<u64> {
    let kind = trireme_layer::kind(entry);
    // A comment on the whole archive (`git archive` writes one) is no file.
    if kind == EntryType::XGlobalHeader {
        return Ok(0);
    }
    let sparse = Extensions::of(entry)?.sparse;
    let path = match &sparse {
        Some(name) => normal(name),
        None => normal(&entry.path_bytes()),
    };
    let path = layer.resolve(&path)?;
    let name_bytes = path.len() as u64;
    let retained_bytes = match kind {
        EntryType::Regular | EntryType::Continuous | EntryType::GNUSparse => {
            let retained = match sparse {
                Some(_) => retain_unread(&path)?,
                None => {
                    // A mode that cannot be read may say that the file is to be run.
                    let mode = entry.header().mode().unwrap_or(0o111);
                    retain(&path, mode, entry)?
                }
            };
            layer.file(path, retained, below)?
        }
        EntryType::Directory => layer.directory(path),
        EntryType::Symlink => {
            let target = entry.link_name_bytes().unwrap_or_default();
            let target = links::target(&path, &target)?;
            layer.symlink(path, target, below)
        }
        EntryType::Link => {
            let target = entry.link_name_bytes().map(|target| normal(&target));
            layer.hard_link(path, &target.unwrap_or_default(), below)?
        }
        _ => layer.file(path, files::Retained::Nothing, below)?,
    };
    Ok(name_bytes + retained_bytes)
}

/// What stays of a file whose content cannot be read: it may be a program.
fn retain_unread(path: &str) -> io::Result<files::Retained> {
    match file_class::classify(path) {
        FileClass::PackageData => {
            let reason = format!("{path} is a sparse file as pax headers describe it");
            Err(io::Error::new(io::ErrorKind::InvalidData, reason))
        }
        FileClass::Uncatalogued(kind) => Ok(files::Retained::Uncatalogued(kind)),
        FileClass::MaybeProgram => Ok(files::Retained::Uncatalogued(UncataloguedKind::Program)),
    }
}

/// What stays in memory of one file.
fn retain(path: &str, mode: u32, content: &mut impl Read) -> io::Result<files::Retained> {
    match file_class::classify(path) {
        FileClass::PackageData => {
            let mut bytes = Vec::new();
            content.take(FILE_LIMIT_BYTES + 1).read_to_end(&mut bytes)?;
            if bytes.len() as u64 > FILE_LIMIT_BYTES {
                return Err(io::Error::other(format!(
                    "{path} has more than {FILE_LIMIT_BYTES} bytes"
                )));
            }
            if file_class::runs(&bytes, mode).is_some() {
                let reason = format!("{path} is package data that is a program");
                return Err(io::Error::new(io::ErrorKind::InvalidData, reason));
            }
            Ok(files::Retained::Content(bytes))
        }
        FileClass::Uncatalogued(kind) => Ok(files::Retained::Uncatalogued(kind)),
        FileClass::MaybeProgram => {
            let mut start = Vec::with_capacity(4);
            content.take(4).read_to_end(&mut start)?;
            match file_class::classify_executable(path, &start, mode) {
                Some(UncataloguedKind::Program) => {
                    Ok(files::Retained::Program(program::read(&start, content)?))
                }
                Some(kind) => Ok(files::Retained::Uncatalogued(kind)),
                None => Ok(files::Retained::Nothing),
            }
        }
    }
}

/// A path without leading `/` or `./`, empty and `.` parts; `..` goes up and stops at the root, as in a container.
fn normal(path: &[u8]) -> String {
    let mut parts: Vec<String> = Vec::new();
    for part in path.split(|&byte| byte == b'/') {
        match part {
            b"" | b"." => (),
            b".." => {
                parts.pop();
            }
            name => parts.push(String::from_utf8_lossy(name).into_owned()),
        }
    }
    parts.join("/")
}

#[cfg(test)]
mod tests;
