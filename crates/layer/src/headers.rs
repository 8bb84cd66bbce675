//! A limit for the headers of an archive's entries. The tar reader keeps long names and extended headers in memory, and a small
//! layer can unpack to one endless name.

use std::{
    cell::Cell,
    io::{self, Read},
    rc::Rc,
};

/// What the headers of one entry may have together. Linux allows 4 KiB for a name, 64 KiB for an extended attribute.
const LIMIT_BYTES: u64 = 1 << 20;

/// How many bytes may come before the next content.
#[derive(Clone)]
pub struct Headers(Rc<Cell<u64>>);

impl Headers {
    /// The next bytes of `source` are headers.
    pub fn of<R: Read>(source: R) -> (Self, Limited<R>) {
        let headers = Self(Rc::new(Cell::new(LIMIT_BYTES)));
        (headers.clone(), Limited(source, headers))
    }

    /// Lets the content of an entry pass, and then the headers of the next. What is left of the content when `content` is done
    /// must have been read too, with `content` or inside it.
    pub fn pass<T, E>(&self, content: impl FnOnce() -> Result<T, E>) -> Result<T, E> {
        self.0.set(u64::MAX);
        let passed = content();
        self.0.set(LIMIT_BYTES);
        passed
    }
}

/// A reader that ends in an error where the headers are too large.
pub struct Limited<R>(R, Headers);

impl<R: Read> Read for Limited<R> {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_have_a_limit_and_content_has_none() {
        let (headers, mut limited) = Headers::of(io::repeat(7));
        let mut much = vec![0; 3 << 20];
        let passed: io::Result<()> = headers.pass(|| limited.read_exact(&mut much));
        passed.unwrap();
        limited.read_exact(&mut much[..1 << 20]).unwrap();
        let error = limited.read_exact(&mut [0]).unwrap_err();
        assert!(error.to_string().contains("1 MiB"), "{error}");
    }
}
