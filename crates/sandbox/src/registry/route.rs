//! Which resource of the distribution API a path names. Pure: text in, route out.

use super::Digest;

/// What a path below `/v2/` asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Route {
    /// `/v2/`: is this a registry, and are these credentials good?
    Base,
    /// `/v2/_catalog`
    Catalog,
    /// `/v2/NAME/tags/list`
    Tags {
        /// The repository.
        name: String,
    },
    /// `/v2/NAME/manifests/REFERENCE`
    Manifest {
        /// The repository.
        name: String,
        /// A tag or a digest.
        reference: Reference,
    },
    /// `/v2/NAME/blobs/DIGEST`
    Blob {
        /// The repository.
        name: String,
        /// Of its content.
        digest: Digest,
    },
    /// `/v2/NAME/blobs/uploads/`
    Uploads {
        /// The repository.
        name: String,
    },
    /// `/v2/NAME/blobs/uploads/ID`
    Upload {
        /// The repository.
        name: String,
        /// As a `Location` gave it.
        id: String,
    },
    /// `/v2/NAME/referrers/DIGEST`
    Referrers {
        /// The repository.
        name: String,
        /// The subject.
        digest: Digest,
    },
}

/// A tag or a digest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reference {
    /// A name that may move.
    Tag(String),
    /// The content itself.
    Digest(Digest),
}

/// Why a path is no route: each is one error code of the specification.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unroutable {
    /// No such resource.
    Unknown,
    /// The repository's name is not in the grammar.
    Name,
    /// The digest is not `sha256:HEX`.
    Digest,
    /// Neither a tag nor a digest.
    Reference,
    /// No id that was ever given out.
    Upload,
}

impl Route {
    /// Reads the path of a request, percent-decoded, without its query.
    pub fn parse(path: &str) -> Result<Self, Unroutable> {
        let rest = path.strip_prefix("/v2").ok_or(Unroutable::Unknown)?;
        match rest.strip_prefix('/').unwrap_or(rest) {
            "" => Ok(Self::Base),
            "_catalog" => Ok(Self::Catalog),
            below => Self::in_repository(below),
        }
    }

    fn in_repository(below: &str) -> Result<Self, Unroutable> {
        let mut parts: Vec<&str> = below.split('/').collect();
        if parts.ends_with(&["blobs", "uploads"]) {
            parts.push("");
        }
        match parts.as_slice() {
            [name @ .., "tags", "list"] => Ok(Self::Tags {
                name: repository(name)?,
            }),
            [name @ .., "manifests", reference] => Ok(Self::Manifest {
                name: repository(name)?,
                reference: Reference::parse(reference)?,
            }),
            [name @ .., "blobs", "uploads", ""] => Ok(Self::Uploads {
                name: repository(name)?,
            }),
            [name @ .., "blobs", "uploads", id] => Ok(Self::Upload {
                name: repository(name)?,
                id: upload_id(id)?,
            }),
            [name @ .., "blobs", digest] => Ok(Self::Blob {
                name: repository(name)?,
                digest: parse_digest(digest)?,
            }),
            [name @ .., "referrers", digest] => Ok(Self::Referrers {
                name: repository(name)?,
                digest: parse_digest(digest)?,
            }),
            _ => Err(Unroutable::Unknown),
        }
    }

    /// The repository that is asked about, if one is.
    pub fn repository(&self) -> Option<&str> {
        match self {
            Self::Base | Self::Catalog => None,
            Self::Tags { name }
            | Self::Manifest { name, .. }
            | Self::Blob { name, .. }
            | Self::Uploads { name }
            | Self::Upload { name, .. }
            | Self::Referrers { name, .. } => Some(name),
        }
    }
}

impl Reference {
    /// A digest when it has a colon, otherwise a tag of the grammar `[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}`.
    pub fn parse(text: &str) -> Result<Self, Unroutable> {
        if text.contains(':') {
            return parse_digest(text).map(Self::Digest);
        }
        let word = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
        let starts = text.bytes().next().is_some_and(word);
        let goes_on = text.bytes().all(|b| word(b) || b == b'.' || b == b'-');
        (starts && goes_on && text.len() <= 128)
            .then(|| Self::Tag(text.to_owned()))
            .ok_or(Unroutable::Reference)
    }
}

fn parse_digest(text: &str) -> Result<Digest, Unroutable> {
    Digest::parse(text).ok_or(Unroutable::Digest)
}

/// Ids are ours: 32 hexadecimal digits. Anything else was never given out and could name another file.
fn upload_id(text: &str) -> Result<String, Unroutable> {
    let ours = text.len() == 32 && text.bytes().all(|b| b.is_ascii_hexdigit());
    ours.then(|| text.to_owned()).ok_or(Unroutable::Upload)
}

/// A repository's name: components of lower-case letters and digits, joined by `.`, `_`, `__` or dashes.
fn repository(parts: &[&str]) -> Result<String, Unroutable> {
    let name = parts.join("/");
    let valid = !parts.is_empty() && name.len() <= 255 && parts.iter().all(|part| component(part));
    valid.then_some(name).ok_or(Unroutable::Name)
}

fn component(part: &str) -> bool {
    let alphanumeric = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    let ends = part.bytes().next().is_some_and(alphanumeric)
        && part.bytes().last().is_some_and(alphanumeric);
    let inside = part
        .bytes()
        .all(|b| alphanumeric(b) || matches!(b, b'.' | b'_' | b'-'));
    let separators_single = !["..", "___", "._", "_.", "-_", "_-", ".-", "-."]
        .iter()
        .any(|bad| part.contains(bad));
    ends && inside && separators_single
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_resource_has_its_path() {
        let digest = Digest::of(b"x");
        let name = "platform/kube/proxy".to_owned();
        let id = "0123456789abcdef0123456789abcdef".to_owned();
        let cases = [
            ("/v2".to_owned(), Route::Base),
            ("/v2/".to_owned(), Route::Base),
            ("/v2/_catalog".to_owned(), Route::Catalog),
            (
                format!("/v2/{name}/tags/list"),
                Route::Tags { name: name.clone() },
            ),
            (
                format!("/v2/{name}/blobs/{digest}"),
                Route::Blob {
                    name: name.clone(),
                    digest: digest.clone(),
                },
            ),
            (
                format!("/v2/{name}/blobs/uploads"),
                Route::Uploads { name: name.clone() },
            ),
            (
                format!("/v2/{name}/blobs/uploads/"),
                Route::Uploads { name: name.clone() },
            ),
            (
                format!("/v2/{name}/blobs/uploads/{id}"),
                Route::Upload {
                    name: name.clone(),
                    id,
                },
            ),
            (
                format!("/v2/{name}/referrers/{digest}"),
                Route::Referrers {
                    name: name.clone(),
                    digest: digest.clone(),
                },
            ),
            (
                format!("/v2/{name}/manifests/v1.37.2"),
                Route::Manifest {
                    name: name.clone(),
                    reference: Reference::Tag("v1.37.2".into()),
                },
            ),
            (
                format!("/v2/{name}/manifests/{digest}"),
                Route::Manifest {
                    name,
                    reference: Reference::Digest(digest),
                },
            ),
        ];
        for (path, route) in cases {
            assert_eq!(Route::parse(&path), Ok(route), "{path}");
        }
    }

    #[test]
    fn what_could_leave_the_store_is_no_route() {
        let cases = [
            ("/v1/x/tags/list", Unroutable::Unknown),
            ("/v2/tags/list", Unroutable::Name),
            ("/v2/../tags/list", Unroutable::Name),
            ("/v2/a/../b/tags/list", Unroutable::Name),
            ("/v2/a//b/tags/list", Unroutable::Name),
            ("/v2/A/tags/list", Unroutable::Name),
            ("/v2/_blobs/tags/list", Unroutable::Name),
            ("/v2/a/manifests/..", Unroutable::Reference),
            ("/v2/a/manifests/", Unroutable::Reference),
            ("/v2/a/manifests/sha256:zz", Unroutable::Digest),
            ("/v2/a/blobs/latest", Unroutable::Digest),
            ("/v2/a/blobs/uploads/../../../x", Unroutable::Unknown),
            ("/v2/a/blobs/uploads/..", Unroutable::Upload),
        ];
        for (path, reason) in cases {
            assert_eq!(Route::parse(path), Err(reason), "{path}");
        }
    }
}
