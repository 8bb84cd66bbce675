//! The order of package versions.
//!
//! All orders are total over any text: a version that breaks its distribution's rules still has its place, so that
//! a comparison can never fail half-way through a match. [`dpkg`] is the algorithm of Debian policy 5.6.12, [`apk`]
//! the one of apk-tools 3 (`src/version.c`), [`semver`] that of Semantic Versioning 2.0.0.

mod apk;
mod dpkg;
mod semver;

use std::cmp::Ordering;

pub use apk::compare as apk;
pub use dpkg::compare as dpkg;
pub use semver::compare as semver;

/// Whose rules order the versions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// Debian and its descendants.
    Dpkg,
    /// Alpine.
    Apk,
    /// Go and Rust.
    Semver,
}

impl Order {
    /// Compares two versions.
    pub fn compare(self, a: &str, b: &str) -> Ordering {
        match self {
            Self::Dpkg => dpkg(a, b),
            Self::Apk => apk(a, b),
            Self::Semver => semver(a, b),
        }
    }
}

/// Compares two runs of decimal digits of any length by value: dates as versions do not fit into 64 bits.
fn compare_digits(a: &[u8], b: &[u8]) -> Ordering {
    let strip = |digits: &mut &[u8]| {
        while let [b'0', rest @ ..] = digits {
            *digits = rest;
        }
    };
    let (mut a, mut b) = (a, b);
    strip(&mut a);
    strip(&mut b);
    a.len().cmp(&b.len()).then_with(|| a.cmp(b))
}

/// Splits off the leading bytes for which `keep` holds.
fn split_while(text: &[u8], keep: impl Fn(u8) -> bool) -> (&[u8], &[u8]) {
    let end = text
        .iter()
        .position(|&byte| !keep(byte))
        .unwrap_or(text.len());
    text.split_at(end)
}

#[cfg(test)]
mod tests;
