//! Go's build info in its inline format, which Go has written since version 1.18 (`debug/buildinfo`): the magic, a header of
//! 32 bytes with it, and two texts, each behind its length as a varint.

use memchr::memmem;

use super::{LIMIT_BYTES, State};

const MAGIC: &[u8] = b"\xff Go buildinf:";
const ALIGNMENT: u64 = 16;
const HEADER_BYTES: usize = 32;
/// Where the header says which format follows.
const FLAGS: usize = 15;
const INLINE: u8 = 2;
/// What stands before and behind the list of modules, so that a linker keeps it.
const SENTINEL_BYTES: usize = 16;
const VERSION_LIMIT_BYTES: usize = 1 << 10;

/// Where build info may begin, before `end`.
pub(super) fn places(piece: &[u8], offset: u64, end: usize) -> impl Iterator<Item = usize> {
    let found = memmem::find_iter(piece, MAGIC).take_while(move |at| *at < end);
    found.filter(move |at| (offset + *at as u64).is_multiple_of(ALIGNMENT))
}

/// Build info of which bytes come one after another.
#[derive(Default)]
pub(super) struct Info {
    bytes: Vec<u8>,
}

impl Info {
    pub(super) fn take(&mut self, bytes: &[u8]) -> State {
        let room = (HEADER_BYTES + LIMIT_BYTES).saturating_sub(self.bytes.len());
        self.bytes
            .extend_from_slice(&bytes[..bytes.len().min(room)]);
        match self.parts() {
            Parts::Whole(..) => State::Whole,
            Parts::More if self.bytes.len() < HEADER_BYTES + LIMIT_BYTES => State::More,
            Parts::More | Parts::None => State::Broken,
        }
    }

    /// Whether it has the format of a Go before 1.18, or began as the present one and cannot be read: then there is a
    /// program of Go of which nothing is known. Elsewhere the magic is a constant of a program that reads build info.
    pub(super) fn is_old(&self) -> bool {
        let pointers = matches!(self.bytes.get(14..16), Some([4 | 8, 0 | 1]));
        pointers || self.version().is_some_and(is_version)
    }

    /// The version of Go, a line end, and the list of modules.
    pub(super) fn text(&self) -> Option<Vec<u8>> {
        match self.parts() {
            Parts::Whole(version, modules) => Some([version, b"\n", modules].concat()),
            _ => None,
        }
    }

    fn version(&self) -> Option<&[u8]> {
        match string(self.bytes.get(HEADER_BYTES..)?) {
            Text::Whole(version, _) => Some(version),
            _ => None,
        }
    }

    fn parts(&self) -> Parts<'_> {
        let Some(rest) = self.bytes.get(HEADER_BYTES..) else {
            return Parts::More;
        };
        if self.bytes[FLAGS] & INLINE == 0 {
            return Parts::None;
        }
        match string(rest) {
            Text::More if rest.len() < VERSION_LIMIT_BYTES => Parts::More,
            Text::Whole(version, rest) if is_version(version) => modules(version, rest),
            _ => Parts::None,
        }
    }
}

enum Parts<'a> {
    More,
    None,
    /// The version of Go, and the list of modules.
    Whole(&'a [u8], &'a [u8]),
}

fn modules<'a>(version: &'a [u8], rest: &'a [u8]) -> Parts<'a> {
    match string(rest) {
        Text::More => Parts::More,
        Text::Bad => Parts::None,
        Text::Whole(list, _) => {
            let end = list.len().saturating_sub(SENTINEL_BYTES);
            // As `debug/buildinfo`: without both sentinels there is no list (a program without modules).
            let is_list = end > SENTINEL_BYTES && list[end - 1] == b'\n';
            Parts::Whole(
                version,
                if is_list {
                    &list[SENTINEL_BYTES..end]
                } else {
                    b""
                },
            )
        }
    }
}

fn is_version(version: &[u8]) -> bool {
    version.starts_with(b"go") || version.starts_with(b"devel ")
}

enum Text<'a> {
    More,
    Bad,
    /// The text, and what follows it.
    Whole(&'a [u8], &'a [u8]),
}

/// A text behind its length, seven bits in each byte, the lowest first.
fn string(bytes: &[u8]) -> Text<'_> {
    let mut length = 0_usize;
    for (index, byte) in bytes.iter().enumerate().take(5) {
        length |= usize::from(byte & 0x7f) << (7 * index);
        if byte & 0x80 != 0 {
            continue;
        }
        let rest = &bytes[index + 1..];
        return match rest.split_at_checked(length) {
            Some((text, rest)) => Text::Whole(text, rest),
            None if length > LIMIT_BYTES => Text::Bad,
            None => Text::More,
        };
    }
    if bytes.len() < 5 {
        Text::More
    } else {
        Text::Bad
    }
}
