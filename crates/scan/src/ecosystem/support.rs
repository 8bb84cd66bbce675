//! When security support of a distribution's release ends: the long-term support that is free for everyone, because only its
//! advisories reach everyone.
//!
//! From the publishers' own lists: <https://www.debian.org/releases/> and its LTS, <https://ubuntu.com/about/release-cycle>
//! (without Ubuntu Pro), <https://alpinelinux.org/releases/>. A release that is newer than those here has an end that is not
//! known here, and nothing is said of it; one that is older has none any more.

use jiff::civil::{Date, date};

/// Release, last day.
type End = ([u32; 2], Date);

const DEBIAN: &[End] = &[
    ([6, 0], date(2016, 2, 29)),
    ([7, 0], date(2018, 5, 31)),
    ([8, 0], date(2020, 6, 30)),
    ([9, 0], date(2022, 6, 30)),
    ([10, 0], date(2024, 6, 30)),
    ([11, 0], date(2026, 8, 31)),
    ([12, 0], date(2028, 6, 30)),
    ([13, 0], date(2030, 6, 30)),
];

const UBUNTU: &[End] = &[
    ([14, 4], date(2019, 4, 25)),
    ([16, 4], date(2021, 4, 30)),
    ([18, 4], date(2023, 5, 31)),
    ([19, 10], date(2020, 7, 17)),
    ([20, 4], date(2025, 5, 31)),
    ([20, 10], date(2021, 7, 22)),
    ([21, 4], date(2022, 1, 20)),
    ([21, 10], date(2022, 7, 14)),
    ([22, 4], date(2027, 5, 31)),
    ([22, 10], date(2023, 7, 20)),
    ([23, 4], date(2024, 1, 25)),
    ([23, 10], date(2024, 7, 11)),
    ([24, 4], date(2029, 5, 31)),
    ([24, 10], date(2025, 7, 10)),
    ([25, 4], date(2026, 1, 15)),
];

const ALPINE: &[End] = &[
    ([3, 12], date(2022, 5, 1)),
    ([3, 13], date(2022, 11, 1)),
    ([3, 14], date(2023, 5, 1)),
    ([3, 15], date(2023, 11, 1)),
    ([3, 16], date(2024, 5, 23)),
    ([3, 17], date(2024, 11, 22)),
    ([3, 18], date(2025, 5, 9)),
    ([3, 19], date(2025, 11, 1)),
    ([3, 20], date(2026, 4, 1)),
    ([3, 21], date(2026, 11, 1)),
    ([3, 22], date(2027, 5, 1)),
];

/// The last day of security support of a release, if it is over.
pub(super) fn ended(family: &str, release: [u32; 2], today: Date) -> Option<Date> {
    let ends = match family {
        "Debian" => DEBIAN,
        "Ubuntu" => UBUNTU,
        "Alpine" => ALPINE,
        _ => return None,
    };
    let exact = ends.iter().find(|(known, _)| *known == release);
    // One that is older than a known one was over before that, at the latest.
    let later = || ends.iter().find(|(known, _)| *known > release);
    let (_, end) = exact.or_else(later)?;
    (*end < today).then_some(*end)
}
