//! Applying one layer on the ones below it (OCI image specification, `layer.md`).

use std::{
    collections::{BTreeMap, BTreeSet},
    fs, io,
    io::{Read, Write as _},
    os::unix::fs::{PermissionsExt as _, fchown, lchown, symlink},
    path::{Path, PathBuf},
};

use rustix::fs::{CWD, FileType, Mode, Timespec, mknodat};
use tar::{Archive, Entry, EntryType, Header};
use trireme_layer::{Ambiguous, Extensions, Headers, kind};

use super::{
    Root,
    error::{LayerError, hostile, write_error},
    name::{Name, plain},
    times,
};

/// The most entries of all layers together; the largest images known have some hundred thousand.
pub(super) const ENTRIES_LIMIT: u64 = 5_000_000;
const BUFFER_BYTES: usize = 256 * 1024;

/// What was unpacked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Unpacked {
    pub files: u64,
    pub bytes: u64,
    /// Device nodes and hard links to them, which are left out.
    pub devices: u64,
}

pub(crate) struct Applier {
    root: Root,
    limit_bytes: u64,
    /// What all entries together say that they hold, also those that are left out.
    passed_bytes: u64,
    unpacked: Unpacked,
    entries: u64,
    /// Mode and time of each folder, set at the end: what comes into it needs to write to it, and changes its time.
    folders: BTreeMap<PathBuf, (u32, Option<Timespec>)>,
    /// Where device nodes would be: a hard link to one is left out too.
    left_out: BTreeSet<PathBuf>,
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
            passed_bytes: 0,
            unpacked: Unpacked::default(),
            entries: 0,
            folders: BTreeMap::new(),
            left_out: BTreeSet::new(),
            made: BTreeSet::new(),
            is_root: rustix::process::geteuid().is_root(),
            buffer: vec![0; BUFFER_BYTES],
        }
    }

    pub fn layer(&mut self, tar: impl Read) -> Result<(), LayerError> {
        self.made.clear();
        let (headers, limited) = Headers::of(tar);
        let mut archive = Archive::new(limited);
        for entry in archive.entries().map_err(LayerError::Read)? {
            let mut entry = entry.map_err(LayerError::Read)?;
            self.count(&entry)?;
            headers.pass(|| {
                self.entry(&mut entry)?;
                io::copy(&mut entry, &mut io::sink()).map_err(LayerError::Read)
            })?;
        }
        Ok(())
    }

    pub fn finish(self) -> Result<Unpacked, LayerError> {
        // Children before their parents: a parent may forbid to look into it.
        for (path, (mode, modified)) in self.folders.iter().rev() {
            let mode = fs::Permissions::from_mode(*mode);
            fs::set_permissions(path, mode).map_err(write_error(path))?;
            set_time(path, *modified, path)?;
        }
        Ok(self.unpacked)
    }

    /// Holds what comes to the limits before any of it is read.
    fn count(&mut self, entry: &Entry<'_, impl Read>) -> Result<(), LayerError> {
        self.entries += 1;
        if self.entries > ENTRIES_LIMIT {
            return Err(LayerError::TooMany);
        }
        self.passed_bytes = self.passed_bytes.saturating_add(entry.size());
        if self.passed_bytes > self.limit_bytes {
            let limit_bytes = self.limit_bytes;
            return Err(LayerError::TooLarge { limit_bytes });
        }
        Ok(())
    }

    fn entry(&mut self, entry: &mut Entry<'_, impl Read>) -> Result<(), LayerError> {
        // A comment on the whole archive (`git archive` writes one).
        if kind(entry) == EntryType::XGlobalHeader {
            return Ok(());
        }
        let name = entry.path().map_err(LayerError::Read)?.into_owned();
        refuse_ambiguous(entry, &name)?;
        match Name::read(&name)? {
            Name::Root => Ok(()),
            Name::Opaque(folder) => {
                let folder = self.root.resolve(&folder).map_err(write_error(&name))?;
                self.hide_below(&folder).map_err(write_error(&name))
            }
            Name::Hidden(folder, hidden) => {
                let folder = self.root.resolve(&folder).map_err(write_error(&name))?;
                self.hide(&folder.join(hidden)).map_err(write_error(&name))
            }
            Name::In(folder, file) => {
                let folder = self.root.make(&folder).map_err(write_error(&name))?;
                let path = folder.join(file);
                self.create(entry, &name, &path)?;
                self.made.insert(path);
                Ok(())
            }
        }
    }

    fn create(
        &mut self,
        entry: &mut Entry<'_, impl Read>,
        name: &Path,
        path: &Path,
    ) -> Result<(), LayerError> {
        let modified = times::of(entry);
        match kind(entry) {
            EntryType::Directory => {
                let mode = mode(entry.header())?;
                self.folder(path).map_err(write_error(name))?;
                self.own(path, entry, name)?;
                self.folders.insert(path.to_owned(), (mode, modified));
                return Ok(());
            }
            EntryType::Regular | EntryType::Continuous | EntryType::GNUSparse => {
                self.file(entry, name, path)?;
                set_time(path, modified, name)?;
            }
            EntryType::Symlink => {
                let target = link_name(entry, name)?;
                let linked = self.anew(path, || symlink(&target, path));
                linked.map_err(write_error(name))?;
                self.own(path, entry, name)?;
                set_time(path, modified, name)?;
            }
            EntryType::Fifo => {
                self.pipe(entry, name, path)?;
                set_time(path, modified, name)?;
            }
            EntryType::Link => {
                let target = self.link_target(&link_name(entry, name)?, name)?;
                if self.is_left_out(&target) {
                    return self.leave_out(path).map_err(write_error(name));
                }
                self.hard_link(&target, name, path)?;
            }
            EntryType::Char | EntryType::Block => {
                return self.leave_out(path).map_err(write_error(name));
            }
            _ => return Err(hostile(name, "its type is none that an image layer has")),
        }
        self.unpacked.files += 1;
        Ok(())
    }

    /// Makes what is at `path` from now on; where something is already, that goes first.
    fn anew<T>(&mut self, path: &Path, make: impl Fn() -> io::Result<T>) -> io::Result<T> {
        match make() {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                self.remove(path)?;
                make()
            }
            made => made,
        }
    }

    fn folder(&mut self, path: &Path) -> io::Result<()> {
        match fs::create_dir(path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                if fs::symlink_metadata(path)?.is_dir() {
                    return Ok(());
                }
                self.remove(path)?;
                fs::create_dir(path)
            }
            made => made,
        }
    }

    fn file(
        &mut self,
        entry: &mut Entry<'_, impl Read>,
        name: &Path,
        path: &Path,
    ) -> Result<(), LayerError> {
        let mode = mode(entry.header())?;
        let made = self.anew(path, || fs::File::create_new(path));
        let mut file = made.map_err(write_error(name))?;
        self.unpacked.bytes += self.copy(entry, &mut file, name)?;
        if self.is_root {
            let (user, group) = owner(entry.header());
            fchown(&file, user, group).map_err(write_error(name))?;
        }
        // After the owner, whose change takes setuid away.
        let mode = fs::Permissions::from_mode(mode);
        file.set_permissions(mode).map_err(write_error(name))
    }

    /// A named pipe: unlike a device node, every user may make one, and it leads nowhere.
    fn pipe(
        &mut self,
        entry: &Entry<'_, impl Read>,
        name: &Path,
        path: &Path,
    ) -> Result<(), LayerError> {
        let mode = mode(entry.header())?;
        let ours = Mode::RUSR | Mode::WUSR;
        let make = || mknodat(CWD, path, FileType::Fifo, ours, 0).map_err(io::Error::from);
        self.anew(path, make).map_err(write_error(name))?;
        self.own(path, entry, name)?;
        let mode = fs::Permissions::from_mode(mode);
        fs::set_permissions(path, mode).map_err(write_error(name))
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

    /// A device node; a container gets its own. What a lower layer has at its path goes nevertheless.
    fn leave_out(&mut self, path: &Path) -> io::Result<()> {
        self.remove(path)?;
        self.unpacked.devices += 1;
        self.left_out.insert(path.to_owned());
        Ok(())
    }

    fn is_left_out(&self, path: &Path) -> bool {
        self.left_out.contains(path) && fs::symlink_metadata(path).is_err()
    }

    /// The target of a hard link is named from the root.
    fn link_target(&mut self, target: &Path, name: &Path) -> Result<PathBuf, LayerError> {
        let clean = plain(target, name)?;
        let parent = clean.parent().unwrap_or(Path::new(""));
        let parent = self.root.resolve(parent).map_err(write_error(name))?;
        Ok(parent.join(clean.file_name().unwrap_or_default()))
    }

    /// What it links to must be a file that is there.
    fn hard_link(&mut self, existing: &Path, name: &Path, path: &Path) -> Result<(), LayerError> {
        if existing == path {
            return Ok(());
        }
        if fs::symlink_metadata(existing).is_ok_and(|found| found.is_dir()) {
            return Err(hostile(name, "a hard link to a folder"));
        }
        let linked = self.anew(path, || fs::hard_link(existing, path));
        linked.map_err(write_error(name))
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
        let (user, group) = owner(entry.header());
        lchown(path, user, group).map_err(write_error(name))
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
        if fs::symlink_metadata(path).is_ok_and(|found| found.is_dir()) {
            self.hide_below(path)?;
        }
        Ok(())
    }

    /// Removes what is there, if anything; links are not followed.
    fn remove(&mut self, path: &Path) -> io::Result<()> {
        let removed = match fs::symlink_metadata(path) {
            Ok(found) if found.is_file() => fs::remove_file(path),
            Ok(found) => {
                // The way to a folder may lead through it.
                self.root.forget();
                if found.is_dir() {
                    self.folders.retain(|folder, _| !folder.starts_with(path));
                    fs::remove_dir_all(path)
                } else {
                    fs::remove_file(path)
                }
            }
            Err(error) => Err(error),
        };
        match removed {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            other => other,
        }
    }
}

fn set_time(path: &Path, modified: Option<Timespec>, name: &Path) -> Result<(), LayerError> {
    let set = modified.map(|modified| times::set(path, modified));
    set.transpose().map(|_| ()).map_err(write_error(name))
}

/// Refuses what readers of archives take for different things: what is unpacked here must be what others see.
fn refuse_ambiguous(entry: &mut Entry<'_, impl Read>, name: &Path) -> Result<(), LayerError> {
    let reason = match Extensions::of(entry) {
        Ok(Extensions { sparse: None }) => return Ok(()),
        Ok(Extensions { sparse: Some(_) }) => {
            "a sparse file as pax headers describe it, which is not supported; write the layer without"
        }
        Err(Ambiguous::Read(error)) => return Err(LayerError::Read(error)),
        Err(Ambiguous::Content) => "it is no file, and says that it has content",
        Err(Ambiguous::Twice(_)) => {
            "its pax header says something twice, and readers differ in which they take"
        }
    };
    Err(hostile(name, reason))
}

fn mode(header: &Header) -> Result<u32, LayerError> {
    Ok(header.mode().map_err(LayerError::Read)? & 0o7777)
}

/// User and group; a number that no system has changes nothing.
fn owner(header: &Header) -> (Option<u32>, Option<u32>) {
    let id = |id: io::Result<u64>| id.ok().and_then(|id| u32::try_from(id).ok());
    (id(header.uid()), id(header.gid()))
}

fn link_name(entry: &Entry<'_, impl Read>, name: &Path) -> Result<PathBuf, LayerError> {
    let target = entry.link_name().map_err(LayerError::Read)?;
    target
        .map(|target| target.into_owned())
        .ok_or_else(|| hostile(name, "a link to nothing"))
}
