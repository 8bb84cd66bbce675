//! `HOST[:PORT]/PATH`.

use std::{fmt, str::FromStr, sync::LazyLock};

use regex_lite::Regex;
use trireme_evidence::is_sha256;
use trireme_transport::is_loopback;

use crate::RegistryError;

/// `HOST[:PORT]` (`domainAndPort` of github.com/distribution/reference, `regexp.go`). The `Reference` of `oci-spec` has the
/// same grammar, with Unicode classes that take 45 ms to compile, more than a whole `check`.
static HOST: LazyLock<Regex> = LazyLock::new(|| {
    let label = "[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?";
    grammar(&format!(
        r"(?:{label}(?:\.{label})*|\[[a-fA-F0-9:]+\])(?::[0-9]+)?"
    ))
});

/// A path in a registry (`remoteName` there).
static PATH: LazyLock<Regex> = LazyLock::new(|| {
    let component = "[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*";
    grammar(&format!("{component}(?:/{component})*"))
});

/// `RepositoryNameTotalLengthMax` there.
const PATH_LIMIT_CHARACTERS: usize = 255;
const DOCKER_HUB: &str = "docker.io";

fn grammar(expression: &str) -> Regex {
    Regex::new(&format!("^(?:{expression})$")).expect("a grammar of this file")
}

/// Whether the text can be a tag: at most 128 letters, digits, `_`, `.` and `-`, the first one no `.` or `-` (the
/// distribution specification's rule).
pub fn is_tag(text: &str) -> bool {
    let may = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-');
    (1..=128).contains(&text.len()) && text.chars().all(may) && !text.starts_with(['.', '-'])
}

/// Whether the text is a digest, `sha256:HEX` or `sha512:HEX`.
pub fn is_digest(text: &str) -> bool {
    is_sha256(text) || is_hex_after(text, "sha512:", 128)
}

fn is_hex_after(text: &str, algorithm: &str, count: usize) -> bool {
    let is_hex = |digit: u8| matches!(digit, b'0'..=b'9' | b'a'..=b'f');
    text.strip_prefix(algorithm)
        .is_some_and(|digits| digits.len() == count && digits.bytes().all(is_hex))
}

/// A repository: which registry, and the path in it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RepositoryName {
    host: String,
    path: String,
}

impl RepositoryName {
    /// The registry, `HOST[:PORT]`.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The path in it.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Whether the registry is on this machine.
    pub(crate) fn is_here(&self) -> bool {
        is_here(&self.host)
    }

    /// Where its API is: the host of Docker Hub's API differs from its name.
    pub(crate) fn base_url(&self, is_plain: bool) -> String {
        let host = match self.host.as_str() {
            DOCKER_HUB => "registry-1.docker.io",
            host => host,
        };
        let scheme = if is_plain { "http" } else { "https" };
        format!("{scheme}://{host}/v2/{}", self.path)
    }
}

/// Whether a host, perhaps with a port, is this machine.
fn is_here(host: &str) -> bool {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.chars().all(|c| c.is_ascii_digit()) => name,
        _ => host,
    };
    is_loopback(name)
}

impl FromStr for RepositoryName {
    type Err = RegistryError;

    fn from_str(text: &str) -> Result<Self, RegistryError> {
        let refused = |reason: &str| RegistryError::Name {
            text: text.into(),
            reason: reason.into(),
        };
        let last = text.rsplit('/').next().unwrap_or(text);
        if text.contains("://") {
            return Err(refused("it is a URL"));
        }
        if last.contains([':', '@']) {
            return Err(refused("it has a tag or a digest"));
        }
        let (host, path) = split(text);
        if !HOST.is_match(host) {
            return Err(refused("the part before the first `/` is no host"));
        }
        if !PATH.is_match(&path) {
            return Err(refused(
                "a path has lower-case letters and digits, between them `/`, `.`, `_`, `__` or dashes",
            ));
        }
        if path.len() > PATH_LIMIT_CHARACTERS {
            return Err(refused("its path is longer than 255 characters"));
        }
        Ok(Self {
            host: host.into(),
            path,
        })
    }
}

/// The host and the path; without a host, those of Docker Hub (`splitDockerDomain` of github.com/distribution/reference,
/// `normalize.go`).
fn split(text: &str) -> (&str, String) {
    let is_host = |first: &str| first.contains(['.', ':']) || first == "localhost";
    let (host, path) = match text.split_once('/') {
        Some((first, rest)) if is_host(first) => (first, rest),
        _ => (DOCKER_HUB, text),
    };
    match host {
        DOCKER_HUB | "index.docker.io" if !path.contains('/') => {
            (DOCKER_HUB, format!("library/{path}"))
        }
        DOCKER_HUB | "index.docker.io" => (DOCKER_HUB, path.into()),
        host => (host, path.into()),
    }
}

impl fmt::Display for RepositoryName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.host, self.path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_have_a_host_and_a_path() {
        let cases = [
            ("localhost:5000/app", "http://localhost:5000/v2/app"),
            ("127.0.0.1:5000/a/b", "http://127.0.0.1:5000/v2/a/b"),
            (
                "registry.k8s.io/kube-proxy",
                "https://registry.k8s.io/v2/kube-proxy",
            ),
            ("alpine", "https://registry-1.docker.io/v2/library/alpine"),
            (
                "index.docker.io/alpine",
                "https://registry-1.docker.io/v2/library/alpine",
            ),
            ("a/b", "https://registry-1.docker.io/v2/a/b"),
            ("[::1]:5000/app", "http://[::1]:5000/v2/app"),
            (
                "Registry.example.com/a__b/c--d/e.f_g",
                "https://Registry.example.com/v2/a__b/c--d/e.f_g",
            ),
        ];
        for (text, url) in cases {
            let name: RepositoryName = text.parse().unwrap();
            assert_eq!(name.base_url(name.is_here()), url);
        }
        let name: RepositoryName = "example.com/app".parse().unwrap();
        assert_eq!(name.base_url(true), "http://example.com/v2/app");
        assert_eq!(name.to_string(), "example.com/app");
    }

    #[test]
    fn tags_are_held_to_the_specification() {
        for tag in ["v1.37.2", "_", "latest", "a-b_c.d"] {
            assert!(is_tag(tag), "{tag}");
        }
        let long = "a".repeat(129);
        for text in ["", ".a", "-a", "a b", "a/b", "a:b", "\u{e4}", &long] {
            assert!(!is_tag(text), "{text}");
        }
    }

    #[test]
    fn a_digest_has_all_its_digits() {
        let hex = "0a".repeat(32);
        assert!(is_digest(&format!("sha256:{hex}")));
        assert!(is_sha256(&format!("sha256:{hex}")));
        assert!(is_digest(&format!("sha512:{hex}{hex}")));
        assert!(!is_sha256(&format!("sha512:{hex}{hex}")));
        for text in [
            "latest",
            "sha256:",
            "sha256:../0",
            &hex,
            &format!("sha256:{}", &hex[1..]),
            &format!("sha256:{}", hex.to_uppercase()),
            &format!("md5:{hex}"),
        ] {
            assert!(!is_digest(text), "{text}");
            assert!(!is_sha256(text), "{text}");
        }
    }

    #[test]
    fn a_tag_a_digest_or_a_url_is_no_repository() {
        let digest = format!("example.com/app@sha256:{}", "a".repeat(64));
        for text in [
            "example.com/app:1",
            "app:1",
            "localhost:5000",
            &digest,
            "https://example.com/app",
            "",
            "a b",
            "example.com/App",
            "App/app",
            "example.com/",
            "example.com//app",
            "example.com/../app",
            "example.com/a___b",
            "example.com/-a",
            "example.com/a.",
            "-example.com/app",
            "user@example.com/app",
            "example.com:port/app",
            "example.com/\u{e4}",
            "example.com/app\n",
            &format!("example.com/{}", "a".repeat(256)),
        ] {
            assert!(text.parse::<RepositoryName>().is_err(), "{text}");
        }
    }
}
