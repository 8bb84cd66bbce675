//! Content digests: the only names of files in the store.

use std::{fmt, io, path::Path};

use sha2::{Digest as _, Sha256};

/// A sha256 digest, written `sha256:` and 64 lower-case hexadecimal digits. Nothing else can be a file name of the store.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest(String);

impl Digest {
    /// The digest of some bytes.
    pub fn of(bytes: &[u8]) -> Self {
        Self(hex::encode(Sha256::digest(bytes)))
    }

    /// The digest of a file, read in pieces.
    pub fn of_file(path: &Path) -> io::Result<Self> {
        let mut hasher = Sha256::new();
        let mut file = std::fs::File::open(path)?;
        let mut piece = vec![0_u8; 64 * 1024];
        loop {
            let read = io::Read::read(&mut file, &mut piece)?;
            if read == 0 {
                return Ok(Self(hex::encode(hasher.finalize())));
            }
            hasher.update(&piece[..read]);
        }
    }

    /// Reads `sha256:HEX`; anything else, other algorithms included, is `None`.
    pub fn parse(text: &str) -> Option<Self> {
        let hex = text.strip_prefix("sha256:")?;
        let valid = hex.len() == 64
            && hex
                .bytes()
                .all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
        valid.then(|| Self(hex.to_owned()))
    }

    /// The hexadecimal part.
    pub fn hex(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "sha256:{}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_sha256_is_a_digest() {
        let good = Digest::of(b"x").to_string();
        assert_eq!(Digest::parse(&good).unwrap().to_string(), good);
        for bad in [
            "",
            "sha256:",
            "sha256:../../etc/passwd",
            "sha512:00",
            &good.to_uppercase(),
            &good[..70],
        ] {
            assert_eq!(Digest::parse(bad), None, "{bad}");
        }
    }
}
