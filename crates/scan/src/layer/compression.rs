//! Plain, gzip or zstd, told by the first bytes.

use std::io::{self, BufReader, Read};

use flate2::bufread::MultiGzDecoder;
use ruzstd::decoding::{FrameDecoder, StreamingDecoder};

/// The largest window that a zstd layer may ask for: what `zstd --ultra` produces, and containerd accepts.
const ZSTD_WINDOW_LIMIT_BYTES: u64 = 128 << 20;

/// The bytes of a layer, decompressed. A cut or garbage behind the end is an error of the reader that comes out.
pub(super) fn decompressed<'a>(layer: impl Read + 'a) -> io::Result<Box<dyn Read + 'a>> {
    let mut source = Source {
        pushed_back: Vec::new(),
        rest: Box::new(BufReader::with_capacity(64 << 10, layer)),
    };
    let magic = source.peek_magic()?;
    Ok(match magic[..] {
        [0x1f, 0x8b, ..] => Box::new(MultiGzDecoder::new(BufReader::with_capacity(
            64 << 10,
            source,
        ))),
        [0x28, 0xb5, 0x2f, 0xfd] | [0x50..=0x5f, 0x2a, 0x4d, 0x18] => {
            Box::new(Frames::Between(source))
        }
        _ => Box::new(source),
    })
}

/// A reader that takes back what was looked at.
struct Source<'a> {
    pushed_back: Vec<u8>,
    rest: Box<dyn Read + 'a>,
}

impl Source<'_> {
    /// The next four bytes, fewer at the end. They are read again afterwards.
    fn peek_magic(&mut self) -> io::Result<Vec<u8>> {
        let mut magic = Vec::with_capacity(4);
        self.take(4).read_to_end(&mut magic)?;
        self.pushed_back.clone_from(&magic);
        Ok(magic)
    }
}

impl Read for Source<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if self.pushed_back.is_empty() {
            return self.rest.read(into);
        }
        let count = into.len().min(self.pushed_back.len());
        into[..count].copy_from_slice(&self.pushed_back[..count]);
        self.pushed_back.drain(..count);
        Ok(count)
    }
}

/// Zstandard frames one after another: parallel compressors and `zstd:chunked` write many in one layer, and a decoder
/// that stops after the first would miss packages.
enum Frames<'a> {
    Between(Source<'a>),
    Inside(Box<StreamingDecoder<Source<'a>, FrameDecoder>>),
    Ended,
}

impl Read for Frames<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        loop {
            *self = match std::mem::replace(self, Self::Ended) {
                Self::Ended => return Ok(0),
                Self::Between(source) => next_frame(source)?,
                Self::Inside(mut decoder) => match decoder.read(into)? {
                    0 if !into.is_empty() => Self::Between(decoder.into_inner()),
                    count => {
                        *self = Self::Inside(decoder);
                        return Ok(count);
                    }
                },
            };
        }
    }
}

/// Opens the next frame; skips one that carries no content (RFC 8878, section 3.1.2).
fn next_frame(mut source: Source<'_>) -> io::Result<Frames<'_>> {
    match source.peek_magic()?[..] {
        [] => Ok(Frames::Ended),
        [0x50..=0x5f, 0x2a, 0x4d, 0x18] => {
            let mut header = [0; 8];
            source.read_exact(&mut header)?;
            let length = u64::from(u32::from_le_bytes([
                header[4], header[5], header[6], header[7],
            ]));
            let skipped = io::copy(&mut source.by_ref().take(length), &mut io::sink())?;
            if skipped < length {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            Ok(Frames::Between(source))
        }
        _ => {
            let decoder =
                StreamingDecoder::new_with_max_window_size(source, ZSTD_WINDOW_LIMIT_BYTES);
            Ok(Frames::Inside(Box::new(decoder.map_err(io::Error::other)?)))
        }
    }
}
