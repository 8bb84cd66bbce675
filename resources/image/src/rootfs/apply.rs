//! Applying one layer on the ones below it (OCI image specification, `layer.md`).

use std::{
    collections::{BTreeMap, BTreeSet},
    fs, io,
    io::{Read, Write as _},
    os::unix::fs::{PermissionsExt as _, lchown, symlink},
    path::{Component, Path, PathBuf},
    time::{Duration, SystemTime},
};

use tar::{Archive, Entry, EntryType};

use super::{
    Root,
    meter::{Meter, Metered},
};

/// The most entries of all layers together; the largest images known have some hundred thousand.
const ENTRIES_LIMIT: u64 = 5_000_000;
const BUFFER_BYTES: usize = 256 * 1024;
const WHITEOUT: &str = ".wh.";
const OPAQUE: &str = ".wh..wh..opq";

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
        ];
        !of_image.contains(&source.kind())
    }
}

/// What was unpacked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Unpacked {
    pub files: u64,
    pub bytes: u64,
    /// Device nodes and pipes, which are left out.
    pub devices: u64,
}

pub(crate) struct Applier {
    root: Root,
    limit_bytes: u64,
    unpacked: Unpacked,
    entries: u64,
    /// Set at the end: a folder that its owner may not write to must not stop what comes into it.
    folder_modes: BTreeMap<PathBuf, u32>,
    /// What the present layer made; marks hide only what lies below.
    made: BTreeSet<PathBuf>,
    /// Only root may give files away; without it everything belongs to us, as with `tar -x`.
    is_root: bool,
    buffer: Vec<u8>,
}

impl Applier {
    pub fn new(root: Root, limit_bytes: u64) -> Self {
        Self {
            root,
            limit_bytes,
            unpacked: Unpacked::default(),
            entries: 0,
            folder_modes: BTreeMap::new(),
            made: BTreeSet::new(),
            is_root: rustix::process::geteuid().is_root(),
            buffer: vec![0; BUFFER_BYTES],
        }
    }

    pub fn layer(&mut self, tar: impl Read) -> Result<(), LayerError> {
        self.made.clear();
        let meter = Meter::new();
        let mut archive = Archive::new(Metered(tar, meter.clone()));
        for entry in archive.entries().map_err(LayerError::Read)? {
            self.entries += 1;
            if self.entries > ENTRIES_LIMIT {
                return Err(LayerError::TooMany);
            }
            let mut entry = entry.map_err(LayerError::Read)?;
            meter.expect_content();
            self.entry(&mut entry)?;
            io::copy(&mut entry, &mut io::sink()).map_err(LayerError::Read)?;
            meter.expect_headers();
        }
        Ok(())
    }

    pub fn finish(self) -> Result<Unpacked, LayerError> {
        // Children before their parents: a parent may forbid to look into it.
        for (path, mode) in self.folder_modes.iter().rev() {
            set_mode(path, *mode).map_err(write_error(path))?;
        }
        Ok(self.unpacked)
    }

    fn entry(&mut self, entry: &mut Entry<'_, impl Read>) -> Result<(), LayerError> {
        // A comment on the whole archive (`git archive` writes one).
        if entry.header().entry_type() == EntryType::XGlobalHeader {
            return Ok(());
        }
        let name = entry.path().map_err(LayerError::Read)?.into_owned();
        if is_sparse(entry).map_err(LayerError::Read)? {
            let reason = "a sparse file as pax headers describe it, which is not supported; write the layer without";
            return Err(LayerError::Hostile {
                entry: name,
                reason,
            });
        }
        let clean = plain(&name, &name)?;
        let Some(file_name) = clean.file_name().map(|n| n.to_string_lossy().into_owned()) else {
            return Ok(()); // "./": the root itself
        };
        let parent = clean.parent().unwrap_or(Path::new(""));
        let parent = self.root.resolve(parent).map_err(write_error(&name))?;
        if file_name == OPAQUE {
            return self.hide_below(&parent).map_err(write_error(&name));
        }
        if let Some(hidden) = file_name.strip_prefix(WHITEOUT) {
            if matches!(hidden, "" | "." | "..") {
                let reason = "a mark that removes its own folder or what is above it";
                return Err(LayerError::Hostile {
                    entry: name,
                    reason,
                });
            }
            return self.hide(&parent.join(hidden)).map_err(write_error(&name));
        }
        fs::create_dir_all(&parent).map_err(write_error(&name))?;
        let path = parent.join(clean.file_name().unwrap_or_default());
        self.made.insert(path.clone());
        self.create(entry, &name, &path)
    }

    fn create(
        &mut self,
        entry: &mut Entry<'_, impl Read>,
        name: &Path,
        path: &Path,
    ) -> Result<(), LayerError> {
        let header = entry.header().clone();
        let mode = header.mode().map_err(LayerError::Read)? & 0o7777;
        match header.entry_type() {
            EntryType::Directory => {
                self.folder(path).map_err(write_error(name))?;
                self.own(path, entry, name)?;
                self.folder_modes.insert(path.to_owned(), mode);
                return Ok(());
            }
            EntryType::Regular | EntryType::Continuous | EntryType::GNUSparse => {
                self.remove(path).map_err(write_error(name))?;
                self.file(entry, name, path)?;
                self.own(path, entry, name)?;
                // After the owner, whose change takes setuid away.
                set_mode(path, mode).map_err(write_error(name))?;
            }
            EntryType::Symlink => {
                let target = link_name(entry, name)?;
                self.remove(path).map_err(write_error(name))?;
                symlink(target, path).map_err(write_error(name))?;
                self.own(path, entry, name)?;
            }
            EntryType::Link => self.hard_link(&link_name(entry, name)?, name, path)?,
            EntryType::Char | EntryType::Block | EntryType::Fifo => {
                self.unpacked.devices += 1;
                return Ok(());
            }
            _ => {
                let reason = "its type is none that an image layer has";
                return Err(LayerError::Hostile {
                    entry: name.into(),
                    reason,
                });
            }
        }
        self.unpacked.files += 1;
        Ok(())
    }

    fn folder(&mut self, path: &Path) -> io::Result<()> {
        match fs::symlink_metadata(path) {
            Ok(found) if found.is_dir() => Ok(()),
            _ => {
                self.remove(path)?;
                fs::create_dir(path)
            }
        }
    }

    fn file(
        &mut self,
        entry: &mut Entry<'_, impl Read>,
        name: &Path,
        path: &Path,
    ) -> Result<(), LayerError> {
        let left = self.limit_bytes - self.unpacked.bytes;
        if entry.size() > left {
            let limit_bytes = self.limit_bytes;
            return Err(LayerError::TooLarge { limit_bytes });
        }
        let modified = entry.header().mtime().ok();
        let mut file = fs::File::create_new(path).map_err(write_error(name))?;
        self.unpacked.bytes += self.copy(entry, &mut file, name)?;
        let modified =
            modified.and_then(|s| SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(s)));
        match modified {
            Some(time) => file.set_modified(time).map_err(write_error(name)),
            None => Ok(()),
        }
    }

    /// Tells a layer that cannot be read from a disk that cannot be written.
    fn copy(
        &mut self,
        entry: &mut impl Read,
        file: &mut fs::File,
        name: &Path,
    ) -> Result<u64, LayerError> {
        let mut copied = 0;
        loop {
            let count = match entry.read(&mut self.buffer) {
                Ok(0) => return Ok(copied),
                Ok(count) => count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(LayerError::Read(error)),
            };
            let written = file.write_all(&self.buffer[..count]);
            written.map_err(write_error(name))?;
            copied += count as u64;
        }
    }

    /// Its target is named from the root, and must be a file that is there.
    fn hard_link(&mut self, target: &Path, name: &Path, path: &Path) -> Result<(), LayerError> {
        let clean = plain(target, name)?;
        let parent = clean.parent().unwrap_or(Path::new(""));
        let parent = self.root.resolve(parent).map_err(write_error(name))?;
        let existing = parent.join(clean.file_name().unwrap_or_default());
        if existing == path {
            return Ok(());
        }
        if fs::symlink_metadata(&existing).is_ok_and(|found| found.is_dir()) {
            return Err(LayerError::Hostile {
                entry: name.into(),
                reason: "a hard link to a folder",
            });
        }
        self.remove(path).map_err(write_error(name))?;
        fs::hard_link(existing, path).map_err(write_error(name))
    }

    fn own(
        &self,
        path: &Path,
        entry: &Entry<'_, impl Read>,
        name: &Path,
    ) -> Result<(), LayerError> {
        if !self.is_root {
            return Ok(());
        }
        let header = entry.header();
        let id = |id: io::Result<u64>| id.ok().and_then(|id| u32::try_from(id).ok());
        lchown(path, id(header.uid()), id(header.gid())).map_err(write_error(name))
    }

    fn hide_below(&mut self, folder: &Path) -> io::Result<()> {
        let entries = match fs::read_dir(folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(error),
        };
        for entry in entries {
            self.hide(&entry?.path())?;
        }
        Ok(())
    }

    /// Removes what lower layers have at this path and below it.
    fn hide(&mut self, path: &Path) -> io::Result<()> {
        let next = self.made.range(path.to_owned()..).next();
        if next.is_none_or(|made| !made.starts_with(path)) {
            return self.remove(path);
        }
        if fs::symlink_metadata(path)?.is_dir() {
            self.hide_below(path)?;
        }
        Ok(())
    }

    /// Removes what is there, if anything; links are not followed.
    fn remove(&mut self, path: &Path) -> io::Result<()> {
        let removed = match fs::symlink_metadata(path) {
            Ok(found) if found.is_dir() => {
                self.folder_modes
                    .retain(|folder, _| !folder.starts_with(path));
                fs::remove_dir_all(path)
            }
            Ok(_) => fs::remove_file(path),
            Err(error) => Err(error),
        };
        match removed {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            other => other,
        }
    }
}

/// Whether its name and content are only a description of the true ones (GNU tar and libarchive write such entries).
fn is_sparse(entry: &mut Entry<'_, impl Read>) -> io::Result<bool> {
    let Some(extensions) = entry.pax_extensions()? else {
        return Ok(false);
    };
    for extension in extensions {
        if extension?.key_bytes().starts_with(b"GNU.sparse.") {
            return Ok(true);
        }
    }
    Ok(false)
}

/// A path without `./`, which neither starts at the root nor goes up: no honest layer has such a name.
fn plain(path: &Path, entry: &Path) -> Result<PathBuf, LayerError> {
    let hostile = |reason| LayerError::Hostile {
        entry: entry.into(),
        reason,
    };
    let mut clean = PathBuf::new();
    for part in path.components() {
        match part {
            Component::Normal(part) => clean.push(part),
            Component::CurDir => {}
            Component::ParentDir => return Err(hostile("its name goes up with ..")),
            Component::RootDir | Component::Prefix(_) => {
                return Err(hostile("its name is absolute"));
            }
        }
    }
    Ok(clean)
}

fn link_name(entry: &Entry<'_, impl Read>, name: &Path) -> Result<PathBuf, LayerError> {
    let target = entry.link_name().map_err(LayerError::Read)?;
    target
        .map(|target| target.into_owned())
        .ok_or_else(|| LayerError::Hostile {
            entry: name.into(),
            reason: "a link to nothing",
        })
}

fn set_mode(path: &Path, mode: u32) -> io::Result<()> {
    fs::set_permissions(path, fs::Permissions::from_mode(mode))
}

fn write_error(entry: &Path) -> impl FnOnce(io::Error) -> LayerError {
    let entry = entry.to_owned();
    move |source| LayerError::Write { entry, source }
}
