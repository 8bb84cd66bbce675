//! What a program says of what it was built from: the build info of Go, and the audit data of Rust (`cargo auditable`).
//!
//! A program streams by and is not kept. Both data are found by what they begin with, so that no header has to be trusted:
//! Go's by its magic at a multiple of 16 bytes, which is how Go's own `debug/buildinfo` finds it, and Rust's, which is
//! compressed JSON, by what it inflates to. A program that carries another one inside is found to carry what that one does.
//!
//! **Invariant:** memory is bounded whatever the file holds: one piece of it, and the data found, at most [`LIMIT_BYTES`]
//! of each kind.

mod audit;
mod go;

use std::io::{self, Read};

/// The most that data of one kind may have. That of kube-apiserver has 20 KB.
const LIMIT_BYTES: usize = 4 << 20;
/// How much is looked at at once.
const PIECE_BYTES: usize = 256 << 10;
/// How much of a piece is looked at again with the next one: enough to tell whether data begins there.
const OVERLAP_BYTES: usize = 1 << 10;
/// How many data of one kind are taken from one file. One with more cannot be read.
const FINDS: usize = 16;

/// What was found in a program.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BuildData {
    /// Build info of Go: the version of Go, a line end, and the text that lists the modules.
    pub go: Vec<Vec<u8>>,
    /// Audit data of Rust: JSON.
    pub rust: Vec<Vec<u8>>,
    /// Data was there and cannot be read: cut off, too large, too many, or as Go wrote it before version 1.18.
    pub unreadable: bool,
}

impl BuildData {
    /// The memory that it takes.
    pub(crate) fn bytes(&self) -> u64 {
        let each = self.go.iter().chain(&self.rust);
        each.map(|data| data.len() as u64).sum()
    }
}

/// What becomes of data that began.
enum State {
    /// More of it is to come.
    More,
    /// It is whole.
    Whole,
    /// It is none, or cannot be read.
    Broken,
}

/// Reads a program to its end. `start` is what was read of it already.
///
/// # Errors
/// What the reader says.
pub(crate) fn read(start: &[u8], rest: &mut impl Read) -> io::Result<BuildData> {
    let mut search = Search::default();
    let mut piece = start.to_vec();
    loop {
        let before = piece.len();
        let wanted = (PIECE_BYTES - before.min(PIECE_BYTES)).max(OVERLAP_BYTES) as u64;
        let read = rest.by_ref().take(wanted).read_to_end(&mut piece)?;
        let is_end = (read as u64) < wanted;
        // Data that began in an earlier piece has seen what is looked at again.
        search.go_on(&piece[search.overlap.min(piece.len())..]);
        let decided = match is_end {
            true => piece.len(),
            false => piece.len() - OVERLAP_BYTES,
        };
        search.begin(&piece, decided);
        if is_end {
            return Ok(search.finish());
        }
        piece.drain(..decided);
        search.offset += decided as u64;
        search.overlap = piece.len();
    }
}

#[derive(Default)]
struct Search {
    /// Where in the file the piece begins.
    offset: u64,
    /// How much of the piece was in the one before.
    overlap: usize,
    go: Vec<go::Info>,
    rust: Vec<audit::Data>,
    probe: audit::Probe,
    found: BuildData,
}

impl Search {
    /// Hands new bytes on to the data that began before.
    fn go_on(&mut self, bytes: &[u8]) {
        for mut info in std::mem::take(&mut self.go) {
            let state = info.take(bytes);
            self.keep_go(info, &state);
        }
        for mut data in std::mem::take(&mut self.rust) {
            let state = data.take(bytes);
            self.keep_rust(data, &state);
        }
    }

    /// Looks for data that begins before `end`.
    fn begin(&mut self, piece: &[u8], end: usize) {
        for at in go::places(piece, self.offset, end) {
            let mut info = go::Info::default();
            let state = info.take(&piece[at..]);
            if self.go.len() + self.found.go.len() < FINDS {
                self.keep_go(info, &state);
            } else {
                self.found.unreadable |= !matches!(state, State::Broken) || info.is_old();
            }
        }
        for at in memchr::memchr_iter(audit::FIRST_BYTE, &piece[..end]) {
            if !self.probe.begins(&piece[at..]) {
                continue;
            }
            let mut data = audit::Data::default();
            let state = data.take(&piece[at..]);
            if self.rust.len() + self.found.rust.len() < FINDS {
                self.keep_rust(data, &state);
            } else {
                self.found.unreadable = true;
            }
        }
    }

    fn keep_go(&mut self, info: go::Info, state: &State) {
        match state {
            State::More => self.go.push(info),
            State::Whole => self.found.go.extend(info.text()),
            State::Broken => self.found.unreadable |= info.is_old(),
        }
    }

    fn keep_rust(&mut self, data: audit::Data, state: &State) {
        match state {
            State::More => self.rust.push(data),
            State::Whole => self.found.rust.push(data.json()),
            State::Broken => self.found.unreadable = true,
        }
    }

    /// Data that has not ended with the file is cut off.
    fn finish(self) -> BuildData {
        let mut found = self.found;
        found.unreadable |= !self.go.is_empty() || !self.rust.is_empty();
        found
    }
}

#[cfg(test)]
mod tests;
