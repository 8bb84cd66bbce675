//! Holds the headers of an archive's entries to a limit: the tar reader keeps long names and extended headers in memory,
//! and a small layer can unpack to one endless name.

use std::{
    cell::Cell,
    io::{self, Read},
    rc::Rc,
};

/// What the headers of one entry may have together. Linux allows 4 KiB for a name, 64 KiB for an extended attribute.
const LIMIT_BYTES: u64 = 1 << 20;

/// How many bytes may come before the next content.
#[derive(Clone)]
pub(super) struct Allowance(Rc<Cell<u64>>);

impl Allowance {
    /// The next bytes are headers.
    pub(super) fn headers() -> Self {
        Self(Rc::new(Cell::new(LIMIT_BYTES)))
    }

    /// Lets the content of an entry pass, and then the headers of the next.
    pub(super) fn pass<T>(&self, content: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
        self.0.set(u64::MAX);
        let passed = content();
        self.0.set(LIMIT_BYTES);
        passed
    }
}

/// A reader that ends in an error where the allowance does.
pub(super) struct Allowed<R>(pub(super) R, pub(super) Allowance);

impl<R: Read> Read for Allowed<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let left = self.1.0.get();
        if left == 0 {
            let reason = "an entry has headers of more than 1 MiB";
            return Err(io::Error::new(io::ErrorKind::InvalidData, reason));
        }
        let wanted = into.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        let count = self.0.read(&mut into[..wanted])?;
        self.1.0.set(left - count as u64);
        Ok(count)
    }
}
