//! The frames of a zstd stream, one after another.

use std::io::{self, BufRead, Read};

use ruzstd::decoding::{
    BlockDecodingStrategy, FrameDecoder,
    errors::{FrameDecoderError, ReadFrameHeaderError},
};

use super::is_at_end;

/// The largest window that a layer may ask for: what `zstd --ultra` produces, and containerd accepts.
const WINDOW_LIMIT_BYTES: u64 = 128 << 20;

/// All frames: parallel compressors and `zstd:chunked` write many in one layer, and a decoder that stops after the first would
/// miss packages.
pub(super) struct Frames<R: BufRead> {
    source: R,
    decoder: FrameDecoder,
    within: bool,
}

impl<R: BufRead> Frames<R> {
    pub(super) fn new(source: R) -> Self {
        let mut decoder = FrameDecoder::new();
        decoder.set_max_window_size(WINDOW_LIMIT_BYTES);
        Self {
            source,
            decoder,
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

impl<R: BufRead> Read for Frames<R> {
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
            } else if is_at_end(&mut self.source)? {
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
