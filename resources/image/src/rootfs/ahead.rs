//! Reads ahead on a thread of its own: a layer is inflated while what came before is written to the disk.

use std::{
    io::{self, Read},
    sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel},
    thread,
};

/// How much is read at once; most files of an image fit.
const PIECE_BYTES: usize = 256 * 1024;
/// How many pieces wait at most: 2 MiB.
const PIECES: usize = 8;

/// What a thread reads ahead.
pub(crate) struct Ahead {
    /// Pieces; an empty one is the end.
    filled: Receiver<io::Result<Vec<u8>>>,
    empty: Sender<Vec<u8>>,
    current: Vec<u8>,
    taken: usize,
    is_over: bool,
}

impl Ahead {
    /// Begins to read `source`. The thread ends with the source, or soon after the reader is dropped.
    pub fn of(source: impl Read + Send + 'static) -> Self {
        let (fills, filled) = sync_channel(PIECES);
        let (empty, empties) = channel();
        for _ in 0..PIECES {
            // The receiver is right here.
            let _ = empty.send(Vec::with_capacity(PIECE_BYTES));
        }
        thread::spawn(move || read(source, &empties, &fills));
        Self {
            filled,
            empty,
            current: Vec::new(),
            taken: 0,
            is_over: false,
        }
    }

    /// Goes on to the next piece. A thread that ended without an end has panicked, and what is missing is not known.
    fn go_on(&mut self) -> io::Result<()> {
        let ended = |_| io::Error::other("the thread that reads ahead has failed");
        let next = self.filled.recv().map_err(ended)??;
        self.is_over = next.is_empty();
        self.taken = 0;
        // A thread that is done wants no more.
        let _ = self.empty.send(std::mem::replace(&mut self.current, next));
        Ok(())
    }
}

impl Read for Ahead {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        while self.taken == self.current.len() && !self.is_over {
            self.go_on()?;
        }
        let count = (&self.current[self.taken..]).read(into)?;
        self.taken += count;
        Ok(count)
    }
}

fn read(
    mut source: impl Read,
    empties: &Receiver<Vec<u8>>,
    fills: &SyncSender<io::Result<Vec<u8>>>,
) {
    while let Ok(mut piece) = empties.recv() {
        piece.clear();
        let mut part = source.by_ref().take(PIECE_BYTES as u64);
        let read = part.read_to_end(&mut piece);
        let goes_on = read.is_ok() && !piece.is_empty();
        // What came before an error is content all the same.
        let mut sent = match piece.is_empty() && read.is_err() {
            true => Ok(()),
            false => fills.send(Ok(piece)),
        };
        if let Err(error) = read {
            sent = sent.and_then(|()| fills.send(Err(error)));
        }
        if sent.is_err() || !goes_on {
            break;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A source that fails after its content.
    struct Failing(&'static [u8]);

    impl Read for Failing {
        fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
            match self.0.read(into)? {
                0 => Err(io::Error::other("broken")),
                count => Ok(count),
            }
        }
    }

    #[test]
    fn everything_comes_in_its_order() {
        let content: Vec<u8> = (0..3_000_000_u32).flat_map(u32::to_le_bytes).collect();
        let mut read = Vec::new();
        let mut ahead = Ahead::of(io::Cursor::new(content.clone()));
        ahead.read_to_end(&mut read).unwrap();
        assert!(read == content);
        assert_eq!(ahead.read(&mut [0]).unwrap(), 0);
    }

    #[test]
    fn an_error_comes_after_what_was_before_it() {
        let mut read = Vec::new();
        let error = Ahead::of(Failing(b"content")).read_to_end(&mut read);
        assert_eq!(error.unwrap_err().to_string(), "broken");
        assert_eq!(read, b"content");
    }

    /// What is read until then may look whole.
    #[test]
    fn a_thread_that_fails_is_no_end() {
        struct Panicking;
        impl Read for Panicking {
            fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
                panic!("as a decoder may that meets what it does not expect");
            }
        }
        let read = Ahead::of(Panicking).read(&mut [0]);
        assert!(read.unwrap_err().to_string().contains("has failed"));
    }

    #[test]
    fn who_stops_reading_stops_the_thread() {
        let mut ahead = Ahead::of(io::repeat(7));
        ahead.read_exact(&mut [0; 10]).unwrap();
        let Ahead { filled, empty, .. } = ahead;
        drop(empty);
        // Ends only when the thread has dropped its end.
        while filled.recv().is_ok() {}
    }
}
