//! How a layer is compressed is told by its first bytes: BuildKit once wrote zstd under the media type of gzip.

use std::io::{self, BufRead, BufReader, Read};

use flate2::bufread::MultiGzDecoder;
use ruzstd::decoding::StreamingDecoder;

const GZIP: [u8; 2] = [0x1f, 0x8b];
const ZSTD: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];
/// Large reads: layers have hundreds of megabytes.
const BUFFER_BYTES: usize = 256 * 1024;

/// The tar archive in a layer: gzip, zstd or plain.
pub(crate) fn decompress<'a>(layer: impl Read + 'a) -> io::Result<Box<dyn Read + 'a>> {
    let mut layer = BufReader::with_capacity(BUFFER_BYTES, layer);
    let start = layer.fill_buf()?;
    if start.starts_with(&GZIP) {
        return Ok(Box::new(MultiGzDecoder::new(layer)));
    }
    if start.starts_with(&ZSTD) {
        let decoder = StreamingDecoder::new(layer).map_err(io::Error::other)?;
        return Ok(Box::new(decoder));
    }
    Ok(Box::new(layer))
}
