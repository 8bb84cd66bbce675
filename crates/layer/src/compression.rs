//! Plain, gzip or zstd, told by the first bytes.
//!
//! The media type is not asked: BuildKit once wrote zstd layers under the gzip type, and every reader that believed it
//! failed. The first bytes cannot lie.

mod gzip;
mod zstd;

use std::io::{self, BufReader, Read};

use gzip::Members;
use zstd::Frames;

/// Large reads: layers have hundreds of megabytes.
const BUFFER_BYTES: usize = 256 * 1024;

/// The tar archive in a layer that is compressed with gzip, with zstd, or not at all. A cut, or garbage behind the end, is an
/// error of the reader that comes out.
///
/// The layer's digest must have been verified before anything of it is used.
///
/// # Errors
/// When the first bytes cannot be read.
pub fn decompress<'a>(layer: impl Read + Send + 'a) -> io::Result<Box<dyn Read + Send + 'a>> {
    let mut layer = BufReader::with_capacity(BUFFER_BYTES, layer);
    // A reader may give one byte at a time.
    let mut start = Vec::with_capacity(4);
    layer.by_ref().take(4).read_to_end(&mut start)?;
    let kind = kind(&start);
    let whole = io::Cursor::new(start).chain(layer);
    let whole = BufReader::with_capacity(BUFFER_BYTES, whole);
    Ok(match kind {
        Kind::Gzip => Box::new(Members::new(whole)),
        Kind::Zstd => Box::new(Frames::new(whole)),
        Kind::Plain => Box::new(whole),
    })
}

enum Kind {
    Gzip,
    Zstd,
    Plain,
}

fn kind(start: &[u8]) -> Kind {
    match start {
        [0x1f, 0x8b, ..] => Kind::Gzip,
        // The second is a frame that holds no content (RFC 8878, section 3.1.2).
        [0x28, 0xb5, 0x2f, 0xfd] | [0x50..=0x5f, 0x2a, 0x4d, 0x18] => Kind::Zstd,
        _ => Kind::Plain,
    }
}

/// Whether nothing follows.
fn is_at_end(source: &mut impl io::BufRead) -> io::Result<bool> {
    Ok(source.fill_buf()?.is_empty())
}

#[cfg(test)]
mod tests;
