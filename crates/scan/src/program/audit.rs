//! The audit data that `cargo auditable` puts into a program (section `.dep-v0`): JSON, compressed with zlib.

use flate2::{Decompress, FlushDecompress, Status};

use super::{LIMIT_BYTES, State};

/// A zlib stream with a window of 32 KiB, which every compressor writes by default.
pub(super) const FIRST_BYTE: u8 = 0x78;
const BEGIN: &[u8] = b"{\"packages\":";

/// Tells whether audit data begins somewhere; keeps its decoder between questions.
pub(super) struct Probe(Decompress);

impl Default for Probe {
    fn default() -> Self {
        Self(Decompress::new(true))
    }
}

impl Probe {
    /// Whether these bytes inflate to the beginning of audit data.
    pub(super) fn begins(&mut self, bytes: &[u8]) -> bool {
        let [first, second, third, ..] = bytes else {
            return false;
        };
        let is_header = (u16::from(*first) << 8 | u16::from(*second)).is_multiple_of(31);
        let has_dictionary = second & 0x20 != 0;
        // The type of the first block: with fixed or dynamic codes.
        let is_compressed = matches!(third >> 1 & 3, 1 | 2);
        if !is_header || has_dictionary || !is_compressed {
            return false;
        }
        self.0.reset(true);
        let mut start = [0; BEGIN.len()];
        let inflated = self.0.decompress(bytes, &mut start, FlushDecompress::None);
        inflated.is_ok() && start == BEGIN
    }
}

/// Audit data of which bytes come one after another.
pub(super) struct Data {
    decoder: Decompress,
    json: Vec<u8>,
}

impl Default for Data {
    fn default() -> Self {
        Self {
            decoder: Decompress::new(true),
            json: Vec::new(),
        }
    }
}

impl Data {
    pub(super) fn take(&mut self, mut bytes: &[u8]) -> State {
        loop {
            if self.json.len() > LIMIT_BYTES {
                return State::Broken;
            }
            self.json.reserve(16 << 10);
            let (taken, made) = (self.decoder.total_in(), self.decoder.total_out());
            let inflated =
                self.decoder
                    .decompress_vec(bytes, &mut self.json, FlushDecompress::None);
            let used = usize::try_from(self.decoder.total_in() - taken).unwrap_or(usize::MAX);
            bytes = &bytes[used..];
            match inflated {
                Ok(Status::StreamEnd) => return State::Whole,
                Ok(_) if bytes.is_empty() => return State::More,
                Ok(_) if used == 0 && self.decoder.total_out() == made => return State::Broken,
                Ok(_) => {}
                Err(_) => return State::Broken,
            }
        }
    }

    pub(super) fn json(self) -> Vec<u8> {
        self.json
    }
}
