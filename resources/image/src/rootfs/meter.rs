//! Holds the headers of an archive's entries to a limit.
//!
//! The content of files has a limit of its own. Long names and extended headers have none in the tar reader, which keeps
//! them in memory: without this, a small layer that unpacks to one endless name would fill it.

use std::{
    cell::Cell,
    io::{self, Read},
    rc::Rc,
};

/// What the name, the link's target and the extended headers of one entry may have together. Linux allows 4 KiB for a
/// name; extended attributes may have 64 KiB each.
const HEADERS_LIMIT_BYTES: u64 = 1024 * 1024;

/// How many bytes may come before the next content.
#[derive(Clone)]
pub(crate) struct Meter(Rc<Cell<u64>>);

impl Meter {
    /// A meter that expects headers.
    pub fn new() -> Self {
        Self(Rc::new(Cell::new(HEADERS_LIMIT_BYTES)))
    }

    /// The next bytes are headers of one entry.
    pub fn expect_headers(&self) {
        self.0.set(HEADERS_LIMIT_BYTES);
    }

    /// The next bytes are content.
    pub fn expect_content(&self) {
        self.0.set(u64::MAX);
    }
}

/// A reader that ends in an error where the meter does.
pub(crate) struct Metered<R>(pub R, pub Meter);

impl<R: Read> Read for Metered<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = self.1.0.get();
        if left == 0 {
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                "an entry has headers of more than 1 MiB",
            ));
        }
        let wanted = buffer
            .len()
            .min(usize::try_from(left).unwrap_or(usize::MAX));
        let count = self.0.read(&mut buffer[..wanted])?;
        self.1.0.set(left - count as u64);
        Ok(count)
    }
}
