//! The members of a gzip stream, one after another, and zeros behind the last.

use std::io::{self, BufRead, Read};

use flate2::bufread::GzDecoder;

use super::is_at_end;

/// Members one after another. Parallel compressors write many, and tapes and some tools pad the end with zeros, which gzip
/// itself ignores (its manual, "Tapes"). Anything else behind a member is garbage.
pub(super) struct Members<R: BufRead> {
    state: State<R>,
}

enum State<R: BufRead> {
    Within(Box<GzDecoder<R>>),
    Ended,
}

impl<R: BufRead> Members<R> {
    pub(super) fn new(source: R) -> Self {
        Self {
            state: State::Within(Box::new(GzDecoder::new(source))),
        }
    }
}

impl<R: BufRead> Read for Members<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if into.is_empty() {
            return Ok(0);
        }
        loop {
            let State::Within(decoder) = &mut self.state else {
                return Ok(0);
            };
            let count = decoder.read(into)?;
            if count > 0 {
                return Ok(count);
            }
            if let State::Within(decoder) = std::mem::replace(&mut self.state, State::Ended) {
                self.state = next(decoder.into_inner())?;
            }
        }
    }
}

fn next<R: BufRead>(mut source: R) -> io::Result<State<R>> {
    let padding = skip_zeros(&mut source)?;
    if is_at_end(&mut source)? {
        return Ok(State::Ended);
    }
    if padding > 0 {
        let reason = "something follows the zeros behind a gzip stream";
        return Err(io::Error::new(io::ErrorKind::InvalidData, reason));
    }
    Ok(State::Within(Box::new(GzDecoder::new(source))))
}

fn skip_zeros(source: &mut impl BufRead) -> io::Result<u64> {
    let mut skipped = 0;
    loop {
        let buffer = source.fill_buf()?;
        let zeros = buffer.iter().take_while(|&&byte| byte == 0).count();
        let is_over = zeros < buffer.len() || buffer.is_empty();
        source.consume(zeros);
        skipped += zeros as u64;
        if is_over {
            return Ok(skipped);
        }
    }
}
