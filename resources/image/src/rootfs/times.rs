//! When what an entry holds was last changed.

use std::{io, io::Read, path::Path};

use rustix::fs::{AtFlags, CWD, Timespec, Timestamps, UTIME_OMIT, utimensat};
use tar::Entry;

const NANOSECONDS: i64 = 1_000_000_000;

/// The time of an entry: that of its pax header, which has parts of a second and no end, else that of the header. `None` where
/// it cannot be read: an archive need not have one.
pub(super) fn of(entry: &mut Entry<'_, impl Read>) -> Option<Timespec> {
    let extensions = entry.pax_extensions().ok().flatten();
    let mut extensions = extensions.into_iter().flatten().flatten();
    let precise = extensions.find(|extension| extension.key_bytes() == b"mtime");
    let precise = precise.and_then(|extension| parse(extension.value().ok()?));
    precise.or_else(|| {
        let seconds = entry.header().mtime().ok()?;
        Some(timespec(i64::try_from(seconds).ok()?, 0))
    })
}

/// Gives what is at `path` this time; a link is not followed.
pub(super) fn set(path: &Path, modified: Timespec) -> io::Result<()> {
    let times = Timestamps {
        last_access: timespec(0, UTIME_OMIT),
        last_modification: modified,
    };
    Ok(utimensat(CWD, path, &times, AtFlags::SYMLINK_NOFOLLOW)?)
}

/// Seconds since 1970 with a fraction, e.g. `1700000000.25`; negative before.
fn parse(text: &str) -> Option<Timespec> {
    let (seconds, fraction) = text.split_once('.').unwrap_or((text, ""));
    let is_negative = seconds.starts_with('-');
    let seconds: i64 = seconds.parse().ok()?;
    if !fraction.bytes().all(|digit| digit.is_ascii_digit()) {
        return None;
    }
    let digits: String = fraction
        .chars()
        .chain("000000000".chars())
        .take(9)
        .collect();
    let nanoseconds: i64 = digits.parse().ok()?;
    match is_negative && nanoseconds > 0 {
        true => Some(timespec(seconds.checked_sub(1)?, NANOSECONDS - nanoseconds)),
        false => Some(timespec(seconds, nanoseconds)),
    }
}

fn timespec(tv_sec: i64, tv_nsec: i64) -> Timespec {
    Timespec { tv_sec, tv_nsec }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_of_pax_headers_have_parts_of_a_second() {
        for (text, seconds, nanoseconds) in [
            ("1700000000", 1_700_000_000, 0),
            ("1700000000.25", 1_700_000_000, 250_000_000),
            ("1700000000.1234567891", 1_700_000_000, 123_456_789),
            ("-1.25", -2, 750_000_000),
            ("-0.5", -1, 500_000_000),
            ("-3", -3, 0),
        ] {
            let found = parse(text).unwrap();
            assert_eq!(
                (found.tv_sec, found.tv_nsec),
                (seconds, nanoseconds),
                "{text}"
            );
        }
        for text in ["", "x", "1.x", "1.-2", "99999999999999999999"] {
            assert!(parse(text).is_none(), "{text}");
        }
    }
}
