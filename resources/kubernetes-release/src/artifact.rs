//! A file of a release, and the checksum that is published beside it.

use std::borrow::Cow;

use trireme_protocol::Fault;
use trireme_transport::Downloaded;

/// The path of a file below the folder of its release, e.g. `bin/linux/amd64/kubeadm`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Artifact(Cow<'static, str>);

impl Artifact {
    /// Part of every release since 1.4.
    pub(crate) const KUBEADM: Self = Self(Cow::Borrowed("bin/linux/amd64/kubeadm"));

    /// An artifact that a pipeline names.
    ///
    /// # Errors
    /// A configuration fault when the path could leave the folder of the release, or be more than a path in a URL.
    pub(crate) fn named(path: &str) -> Result<Self, Fault> {
        let segment = |segment: &str| {
            let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-+".contains(&byte);
            !segment.is_empty() && segment != "." && segment != ".." && segment.bytes().all(plain)
        };
        if path.split('/').all(segment) {
            return Ok(Self(path.to_owned().into()));
        }
        Err(Fault::config(format!(
            "params.artifact is `{path}`; expected a path in the folder of a release, e.g. `bin/linux/amd64/kubeadm`"
        )))
    }

    /// The whole path.
    pub(crate) fn path(&self) -> &str {
        &self.0
    }

    /// The last segment of the path.
    pub(crate) fn file_name(&self) -> &str {
        self.0.rsplit('/').next().unwrap_or(&self.0)
    }

    /// Whether it is a program, so that its file is made executable.
    pub(crate) fn is_program(&self) -> bool {
        self.0.starts_with("bin/")
    }
}

/// What was published beside an artifact.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Checksum {
    Sha512(String),
    Sha256(String),
}

impl Checksum {
    /// The kinds that a release publishes, the strongest first.
    pub(crate) const KINDS: [&'static str; 2] = ["sha512", "sha256"];

    /// Reads `HEX` or `HEX  FILE`. The error is the number of digits that was expected.
    pub(crate) fn read(kind: &str, text: &[u8]) -> Result<Self, usize> {
        let digits = if kind == "sha512" { 128 } else { 64 };
        let word = std::str::from_utf8(text)
            .ok()
            .and_then(|text| text.split_whitespace().next());
        let is_hex =
            |word: &&str| word.len() == digits && word.bytes().all(|b| b.is_ascii_hexdigit());
        let hex = word.filter(is_hex).ok_or(digits)?.to_ascii_lowercase();
        Ok(if kind == "sha512" {
            Self::Sha512(hex)
        } else {
            Self::Sha256(hex)
        })
    }

    /// Which kind it is.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Sha512(_) => "sha512",
            Self::Sha256(_) => "sha256",
        }
    }

    /// Its digits.
    pub(crate) fn hex(&self) -> &str {
        match self {
            Self::Sha512(hex) | Self::Sha256(hex) => hex,
        }
    }

    /// The checksum that was found, when it is not this one.
    pub(crate) fn found_instead<'a>(&self, downloaded: &'a Downloaded) -> Option<&'a str> {
        let found = match self {
            Self::Sha512(_) => &downloaded.sha512,
            Self::Sha256(_) => &downloaded.sha256,
        };
        (found != self.hex()).then_some(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_stays_in_its_release() {
        assert_eq!(
            Artifact::named("bin/linux/amd64/kubeadm").unwrap(),
            Artifact::KUBEADM
        );
        assert_eq!(Artifact::KUBEADM.file_name(), "kubeadm");
        for bad in [
            "",
            "/etc/passwd",
            "../v1.0.0/x",
            "bin//x",
            "a/./b",
            "x?y",
            "a b",
            "bin/",
            "%2e%2e/x",
        ] {
            assert!(Artifact::named(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_checksum_is_all_digits() {
        let hex = "AB".repeat(32);
        let expected = Ok(Checksum::Sha256("ab".repeat(32)));
        assert_eq!(Checksum::read("sha256", hex.as_bytes()), expected);
        assert_eq!(
            Checksum::read("sha256", format!("{hex}  kubeadm\n").as_bytes()),
            expected
        );
        assert_eq!(Checksum::read("sha512", hex.as_bytes()), Err(128));
        for bad in ["", "<html>", &hex[1..], "\u{e4}"] {
            assert_eq!(Checksum::read("sha256", bad.as_bytes()), Err(64), "{bad}");
        }
    }
}
