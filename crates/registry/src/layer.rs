//! Layers: telling how one is compressed, and reading the tar archive in it.
//!
//! The media type is not asked: BuildKit once wrote zstd layers under the gzip type, and every reader that believed it
//! failed. The first bytes cannot lie.

use std::io::{self, BufRead, BufReader, Read};

use flate2::bufread::MultiGzDecoder;
use ruzstd::decoding::{
    BlockDecodingStrategy, FrameDecoder,
    errors::{FrameDecoderError, ReadFrameHeaderError},
};

const GZIP: [u8; 2] = [0x1f, 0x8b];
const ZSTD: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];
/// The first four bytes of a zstd frame that holds no content are `5? 2a 4d 18`.
const ZSTD_SKIPPED: [u8; 3] = [0x2a, 0x4d, 0x18];
/// Large reads: layers have hundreds of megabytes.
const BUFFER_BYTES: usize = 256 * 1024;

/// The tar archive in a layer that is compressed with gzip, with zstd, or not at all.
///
/// The layer's digest must have been verified before anything of it is used.
///
/// # Errors
/// When the first bytes cannot be read.
pub fn decompress<R: Read + Send + 'static>(layer: R) -> io::Result<Box<dyn Read + Send>> {
    let mut layer = BufReader::with_capacity(BUFFER_BYTES, layer);
    let start = layer.fill_buf()?;
    if start.starts_with(&GZIP) {
        return Ok(Box::new(MultiGzDecoder::new(layer)));
    }
    if start.starts_with(&ZSTD) || start.get(1..4) == Some(&ZSTD_SKIPPED[..]) {
        return Ok(Box::new(Zstd::new(layer)));
    }
    Ok(Box::new(layer))
}

/// All frames of a zstd stream, one after another.
struct Zstd<R: BufRead> {
    source: R,
    decoder: FrameDecoder,
    within: bool,
}

impl<R: BufRead> Zstd<R> {
    fn new(source: R) -> Self {
        Self {
            source,
            decoder: FrameDecoder::new(),
            within: false,
        }
    }

    /// Enters the next frame, or passes over one without content.
    fn enter(&mut self) -> io::Result<()> {
        let length = match self.decoder.init(&mut self.source) {
            Ok(()) => {
                self.within = true;
                return Ok(());
            }
            Err(FrameDecoderError::ReadFrameHeaderError(ReadFrameHeaderError::SkipFrame {
                length,
                ..
            })) => u64::from(length),
            Err(error) => return Err(invalid(error)),
        };
        let skipped = io::copy(&mut (&mut self.source).take(length), &mut io::sink())?;
        if skipped < length {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(())
    }
}

impl<R: BufRead> Read for Zstd<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while !buffer.is_empty() {
            if self.decoder.can_collect() > 0 {
                return self.decoder.read(buffer);
            }
            if self.within && !self.decoder.is_finished() {
                let one = BlockDecodingStrategy::UptoBlocks(1);
                let decoded = self.decoder.decode_blocks(&mut self.source, one);
                decoded.map_err(invalid)?;
            } else if self.within {
                self.within = false;
            } else if self.source.fill_buf()?.is_empty() {
                break;
            } else {
                self.enter()?;
            }
        }
        Ok(0)
    }
}

fn invalid(error: FrameDecoderError) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error)
}

#[cfg(test)]
mod tests {
    use std::io::{Cursor, Write as _};

    use flate2::{Compression, write::GzEncoder};
    use ruzstd::encoding::{CompressionLevel, compress_to_vec};

    use super::*;

    fn read(layer: Vec<u8>) -> io::Result<Vec<u8>> {
        let mut content = Vec::new();
        decompress(Cursor::new(layer))?.read_to_end(&mut content)?;
        Ok(content)
    }

    fn gzip(content: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(content).unwrap();
        encoder.finish().unwrap()
    }

    fn zstd(content: &[u8]) -> Vec<u8> {
        compress_to_vec(content, CompressionLevel::Fastest)
    }

    #[test]
    fn every_compression_is_told_by_its_first_bytes() {
        let content = b"the content of a layer, ".repeat(20_000);
        assert_eq!(read(content.clone()).unwrap(), content);
        assert_eq!(read(gzip(&content)).unwrap(), content);
        assert_eq!(read(zstd(&content)).unwrap(), content);
        assert_eq!(read(Vec::new()).unwrap(), b"");
    }

    #[test]
    fn members_and_frames_are_read_to_the_last() {
        let (first, second) = (b"one ".repeat(50_000), b"two".to_vec());
        let both = [first.clone(), second.clone()].concat();
        assert_eq!(read([gzip(&first), gzip(&second)].concat()).unwrap(), both);
        let skipped = [&[0x50, 0x2a, 0x4d, 0x18, 3, 0, 0, 0][..], b"abc"].concat();
        let frames = [skipped.clone(), zstd(&first), skipped, zstd(&second)];
        assert_eq!(read(frames.concat()).unwrap(), both);
    }

    #[test]
    fn a_layer_that_is_cut_off_is_an_error() {
        let content = b"content ".repeat(10_000);
        for whole in [gzip(&content), zstd(&content)] {
            let cut = whole[..whole.len() - 5].to_vec();
            assert!(read(cut).is_err());
        }
    }
}
