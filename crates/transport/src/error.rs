//! Why a request failed.

use std::time::Duration;

use http::{Method, StatusCode};
use url::Url;

use crate::Trouble;

/// Why a request got no answer that could be used.
#[derive(Debug, thiserror::Error)]
pub enum TransportError {
    /// The text is not an http or https URL.
    #[error("{url:?} is not an http or https URL: {reason}")]
    Url {
        /// The text, without what may be secret.
        url: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A setting of the client cannot be used.
    #[error("{what} cannot be used: {reason}")]
    Options {
        /// Which one.
        what: &'static str,
        /// What is wrong with it.
        reason: String,
    },
    /// No answer came: no connection, no trust, or none in time.
    #[error("{method} {url}: no answer after {attempts} attempts{}", .trouble.clause())]
    NoAnswer {
        /// The method.
        method: Method,
        /// The URL, redacted.
        url: String,
        /// How often it was tried.
        attempts: u32,
        /// What kept it from coming.
        trouble: Box<Trouble>,
        /// The last failure.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The last attempt still got a transient status.
    #[error("{method} {url}: answered {status} after {attempts} attempts: {detail}")]
    Unavailable {
        /// The method.
        method: Method,
        /// The URL, redacted.
        url: String,
        /// How often it was tried.
        attempts: u32,
        /// The last status.
        status: StatusCode,
        /// How long the server asks to be left alone.
        asked: Option<Duration>,
        /// The start of the answer's body, or what it is.
        detail: String,
    },
    /// The body broke off, or nothing came for too long.
    #[error("GET {url}: the body broke off after {received} bytes")]
    BodyBroken {
        /// The URL, redacted.
        url: String,
        /// Bytes that came.
        received: u64,
        /// What happened.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The body is larger than the caller allows.
    #[error(
        "GET {url}: the body is larger than {limit_bytes} bytes, the most that is accepted here"
    )]
    TooLarge {
        /// The URL, redacted.
        url: String,
        /// The limit.
        limit_bytes: u64,
    },
    /// A download could not be written down.
    #[error("writing what {url} answers failed")]
    Write {
        /// The URL, redacted.
        url: String,
        /// What the file system said.
        #[source]
        source: std::io::Error,
    },
    /// An answer that this request cannot have.
    #[error("{method} {url}: answered {status}, expected {expected}: {detail}")]
    Unexpected {
        /// The method.
        method: Method,
        /// The URL, redacted.
        url: String,
        /// The status.
        status: StatusCode,
        /// What would have been right.
        expected: &'static str,
        /// The start of the answer's body, or what it is.
        detail: String,
    },
}

impl TransportError {
    /// What kept an answer from coming, if none came.
    pub fn trouble(&self) -> Option<&Trouble> {
        match self {
            Self::NoAnswer { trouble, .. } => Some(trouble),
            _ => None,
        }
    }
}

/// A URL without what may be secret: user, password and the values of its query.
pub fn redacted(url: &Url) -> String {
    let mut shown = url.clone();
    // Both fail only for URLs that can hold neither, which then have nothing to hide.
    let _ = shown.set_username("");
    let _ = shown.set_password(None);
    let had_query = shown.query().is_some();
    shown.set_query(None);
    shown.set_fragment(None);
    if had_query {
        format!("{shown}?…")
    } else {
        shown.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shown_url_has_no_secrets() {
        let url =
            Url::parse("https://user:secret@host:5000/v2/a?X-Signature=secret#secret").unwrap();
        assert_eq!(redacted(&url), "https://host:5000/v2/a?…");
    }
}
