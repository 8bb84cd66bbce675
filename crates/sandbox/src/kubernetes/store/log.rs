//! The log of changes on disk: one JSON object a line, after a line that names the format.
//!
//! A change is appended by one `write`, so that a kill leaves at most one torn line at the end, of a change that
//! no client saw; it is cut off at the next start. A start also compacts a log that has grown: the objects as
//! they are, then the changes that watches may still ask for.

use std::{
    collections::{BTreeMap, VecDeque},
    fs::{self, File, OpenOptions},
    io::{self, Write},
    path::{Path, PathBuf},
    sync::Arc,
};

use jiff::SignedDuration;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Change, World};
use crate::kubernetes::{
    kinds::KINDS,
    object::{name, namespace},
};

/// The format of the file; a later one must read every earlier one.
const FORMAT: u32 = 1;

/// A log is rewritten at start when it holds more lines than this. At some 2 kB a line that is 20 MB, read in a
/// quarter of a second.
const COMPACTED_LINES: usize = 10_000;

#[derive(Serialize, Deserialize)]
struct Header {
    format: u32,
    /// Watches can resume from this revision on.
    oldest: u64,
    /// So many objects follow that are the world at `oldest`, not changes.
    objects: usize,
}

#[derive(Serialize)]
struct LineOut<'a> {
    kind: &'a str,
    change: Change,
    object: &'a Value,
}

#[derive(Deserialize)]
struct LineIn {
    kind: String,
    change: Change,
    object: Value,
}

/// The open log.
#[derive(Debug)]
pub(super) struct Log {
    file: File,
    /// The length of all whole lines: where the next one begins.
    length: u64,
}

impl Log {
    /// Appends one change. After a failed write the file is cut back, so that a later line is not glued to a torn one.
    pub fn append(&mut self, plural: &str, change: Change, object: &Value) -> io::Result<()> {
        let line = line(plural, change, object)?;
        if let Err(error) = self.file.write_all(&line) {
            self.file.set_len(self.length)?;
            return Err(error);
        }
        self.length += line.len() as u64;
        Ok(())
    }
}

/// Reads the log in `dir`, or begins one, and gives the world it tells of.
pub(super) fn open(dir: &Path) -> io::Result<World> {
    fs::create_dir_all(dir)?;
    let path = dir.join("objects.jsonl");
    if !path.exists() {
        write_new(&path, 0, &BTreeMap::new())?;
    }
    let mut text = fs::read(&path)?;
    let whole = text
        .iter()
        .rposition(|byte| *byte == b'\n')
        .map_or(0, |at| at + 1);
    text.truncate(whole);
    let lines = text.iter().filter(|byte| **byte == b'\n').count();
    let mut world = replay(&path, &text, append_to(&path, whole as u64)?)?;
    if lines > COMPACTED_LINES {
        world.oldest = world.revision;
        world.events.clear();
        write_new(&path, world.revision, &world.objects)?;
        let length = fs::metadata(&path)?.len();
        world.log = append_to(&path, length)?;
    }
    Ok(world)
}

fn append_to(path: &Path, length: u64) -> io::Result<Log> {
    let file = OpenOptions::new().append(true).open(path)?;
    file.set_len(length)?;
    Ok(Log { file, length })
}

fn replay(path: &Path, text: &[u8], log: Log) -> io::Result<World> {
    let damaged = |number: usize, why: String| {
        let message = format!(
            "{}: line {} is damaged: {why}; move the file away to begin an empty world",
            path.display(),
            number + 1
        );
        io::Error::new(io::ErrorKind::InvalidData, message)
    };
    let mut lines = text
        .split(|byte| *byte == b'\n')
        .filter(|line| !line.is_empty());
    let header: Header = serde_json::from_slice(lines.next().unwrap_or_default())
        .map_err(|error| damaged(0, error.to_string()))?;
    if header.format != FORMAT {
        let why = format!("format {}, expected {FORMAT}", header.format);
        return Err(damaged(0, why));
    }
    let mut world = World {
        objects: BTreeMap::new(),
        revision: header.oldest,
        oldest: header.oldest,
        events: VecDeque::new(),
        log,
        clock_ahead: SignedDuration::ZERO,
    };
    for (index, line) in lines.enumerate() {
        let line: LineIn =
            serde_json::from_slice(line).map_err(|error| damaged(index + 1, error.to_string()))?;
        let kind = KINDS.iter().find(|kind| kind.plural == line.kind);
        let kind = kind.ok_or_else(|| damaged(index + 1, format!("unknown kind {}", line.kind)))?;
        let object = Arc::new(line.object);
        if index < header.objects {
            world.place(kind.plural, line.change, &object);
        } else {
            let before = world.get(kind.plural, namespace(&object), name(&object));
            world.accept(kind.plural, line.change, object, before);
        }
    }
    Ok(world)
}

/// Writes the objects as a new log, beside the old one and then in its place.
fn write_new(
    path: &Path,
    revision: u64,
    objects: &BTreeMap<&'static str, BTreeMap<super::Key, Arc<Value>>>,
) -> io::Result<()> {
    let header = Header {
        format: FORMAT,
        oldest: revision,
        objects: objects.values().map(BTreeMap::len).sum(),
    };
    let mut text = serde_json::to_vec(&header)?;
    text.push(b'\n');
    for (plural, objects) in objects {
        for object in objects.values() {
            text.extend(line(plural, Change::Added, object)?);
        }
    }
    let beside: PathBuf = path.with_extension("new");
    let mut file = File::create(&beside)?;
    file.write_all(&text)?;
    file.sync_all()?;
    fs::rename(beside, path)
}

fn line(plural: &str, change: Change, object: &Value) -> io::Result<Vec<u8>> {
    let mut line = serde_json::to_vec(&LineOut {
        kind: plural,
        change,
        object,
    })?;
    line.push(b'\n');
    Ok(line)
}
