//! A layer on its way: the download writes it to the disk, and who unpacks it reads what is there already.

use std::{
    fs::File,
    io::{self, Read},
    os::unix::fs::FileExt as _,
    path::Path,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
};

/// A new spool in this folder; nothing of it is left once both ends are dropped.
///
/// # Errors
/// When no file can be made there.
pub(crate) fn spool(folder: &Path) -> io::Result<(Writer, Reader)> {
    let shared = Arc::new(Shared {
        file: tempfile::tempfile_in(folder)?,
        state: Mutex::new(State {
            written: 0,
            end: None,
        }),
        changed: Condvar::new(),
    });
    let reader = Reader {
        shared: Arc::clone(&shared),
        read: 0,
    };
    Ok((Writer { shared }, reader))
}

struct Shared {
    file: File,
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    written: u64,
    end: Option<End>,
}

#[derive(Clone, Copy)]
enum End {
    Whole,
    Abandoned,
}

impl Shared {
    /// The state is whole also after a panic: it is numbers.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.state());
        self.changed.notify_all();
    }
}

/// The end that writes. Dropped before [`Writer::finish`], it tells the reader that nothing more comes.
pub(crate) struct Writer {
    shared: Arc<Shared>,
}

impl Writer {
    /// Appends; may wait for the disk.
    pub fn append(&self, bytes: &[u8]) -> io::Result<()> {
        let offset = self.shared.state().written;
        self.shared.file.write_all_at(bytes, offset)?;
        self.shared
            .change(|state| state.written += bytes.len() as u64);
        Ok(())
    }

    /// All of it is there, and is what it should be.
    pub fn finish(self) {
        self.shared.change(|state| state.end = Some(End::Whole));
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.shared.change(|state| {
            state.end.get_or_insert(End::Abandoned);
        });
    }
}

/// The end that reads; it waits for what is not there yet.
pub(crate) struct Reader {
    shared: Arc<Shared>,
    read: u64,
}

impl Read for Reader {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let mut state = self.shared.state();
        while state.written == self.read {
            match state.end {
                Some(End::Whole) => return Ok(0),
                Some(End::Abandoned) => {
                    return Err(io::Error::other("the layer could not be fetched"));
                }
                None => {
                    let waited = self.shared.changed.wait(state);
                    state = waited.unwrap_or_else(PoisonError::into_inner);
                }
            }
        }
        let there = usize::try_from(state.written - self.read).unwrap_or(usize::MAX);
        drop(state);
        let wanted = into.len().min(there);
        let count = self.shared.file.read_at(&mut into[..wanted], self.read)?;
        self.read += count as u64;
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    #[test]
    fn what_is_written_is_read_while_more_comes() {
        let dir = tempfile::tempdir().unwrap();
        let (writer, mut reader) = spool(dir.path()).unwrap();
        let (sender, seen) = std::sync::mpsc::channel();
        let reading = thread::spawn(move || {
            let mut first = [0; 5];
            reader.read_exact(&mut first).unwrap();
            sender.send(first).unwrap();
            let mut rest = Vec::new();
            reader.read_to_end(&mut rest).map(|_| rest)
        });
        writer.append(b"first").unwrap();
        assert_eq!(&seen.recv().unwrap(), b"first");
        writer.append(b", second").unwrap();
        writer.finish();
        assert_eq!(reading.join().unwrap().unwrap(), b", second");
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
    }

    #[test]
    fn a_layer_that_is_not_fetched_to_its_end_has_none() {
        let dir = tempfile::tempdir().unwrap();
        let (writer, mut reader) = spool(dir.path()).unwrap();
        writer.append(b"half").unwrap();
        drop(writer);
        let mut text = Vec::new();
        let error = reader.read_to_end(&mut text).unwrap_err();
        assert!(error.to_string().contains("could not be fetched"));
        assert_eq!(text, b"half");
    }
}
