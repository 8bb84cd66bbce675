//! Asking only for what has changed.

use std::time::Duration;

use http::{
    HeaderMap, StatusCode,
    header::{DATE, ETAG, IF_MODIFIED_SINCE, IF_NONE_MATCH, LAST_MODIFIED},
};
use serde::{Deserialize, Serialize};

use crate::{Client, Fetched, Request, TransportError};

/// How much older than its answer a file must be so that no second change can hide behind its `Last-Modified`, which
/// has whole seconds (RFC 9110, section 8.8.2.2, says one second; its predecessor, more carefully, sixty).
const SETTLED: Duration = Duration::from_secs(60);
/// What is read of an answer that should have no body.
const HEAD_LIMIT_BYTES: u64 = 1;

/// What a server said about the state of a resource, to be sent back with the next question.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Validator {
    /// `ETag`.
    pub etag: Option<String>,
    /// `Last-Modified`.
    pub last_modified: Option<String>,
}

impl Validator {
    fn of(headers: &HeaderMap) -> Self {
        let text = |name| {
            headers
                .get(name)
                .and_then(|v| v.to_str().ok())
                .map(String::from)
        };
        Self {
            etag: text(ETAG),
            last_modified: text(LAST_MODIFIED),
        }
    }

    /// The validator that stands for these very bytes: a strong `ETag`, or without one a `Last-Modified` that has
    /// settled. A weak `ETag` only says that something like them was served.
    pub(crate) fn strong(headers: &HeaderMap) -> Option<Self> {
        let Self {
            etag,
            last_modified,
        } = Self::of(headers);
        if etag.is_some() {
            return etag.filter(|tag| !tag.starts_with("W/")).map(|tag| Self {
                etag: Some(tag),
                last_modified: None,
            });
        }
        let answered = httpdate::parse_http_date(headers.get(DATE)?.to_str().ok()?).ok()?;
        let changed = httpdate::parse_http_date(last_modified.as_ref()?).ok()?;
        let settled = answered.duration_since(changed).ok()? >= SETTLED;
        settled.then_some(Self {
            etag: None,
            last_modified,
        })
    }

    fn ask(&self, mut request: Request) -> Request {
        if let Some(etag) = &self.etag {
            request = request.header(IF_NONE_MATCH, etag);
        }
        if let Some(date) = &self.last_modified {
            request = request.header(IF_MODIFIED_SINCE, date);
        }
        request
    }
}

/// The answer to a conditional request.
#[derive(Clone, Debug)]
pub enum Conditional {
    /// Nothing has changed.
    NotModified,
    /// The whole answer, of whatever status.
    Fresh {
        /// The answer.
        fetched: Fetched,
        /// For the next question.
        validator: Validator,
    },
}

impl Client {
    /// Fetches `url` unless it is as `validator` says.
    ///
    /// # Errors
    /// As [`Client::fetch`].
    pub async fn fetch_if_changed(
        &self,
        url: &str,
        validator: Option<&Validator>,
        limit_bytes: u64,
    ) -> Result<Conditional, TransportError> {
        let request = match validator {
            Some(validator) => validator.ask(Request::get(url)),
            None => Request::get(url),
        };
        let fetched = self.fetch(request, limit_bytes).await?;
        if fetched.status == StatusCode::NOT_MODIFIED && validator.is_some() {
            return Ok(Conditional::NotModified);
        }
        let validator = Validator::of(&fetched.headers);
        Ok(Conditional::Fresh { fetched, validator })
    }

    /// Whether `url` still holds the bytes that `validator` (of [`Downloaded`](crate::Downloaded)) stands for, asked
    /// without reading them. Only the server's word counts: any other answer, also that HEAD is not allowed, is no.
    ///
    /// # Errors
    /// As [`Client::fetch`].
    pub async fn is_unchanged(
        &self,
        url: &str,
        validator: &Validator,
    ) -> Result<bool, TransportError> {
        let request = validator.ask(Request::head(url));
        let answer = self.fetch(request, HEAD_LIMIT_BYTES).await?;
        Ok(match answer.status {
            StatusCode::NOT_MODIFIED => true,
            // Some servers know no conditions for HEAD, or none at all.
            StatusCode::OK => Validator::strong(&answer.headers).as_ref() == Some(validator),
            _ => false,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn strong(headers: &[(&'static str, &'static str)]) -> Option<Validator> {
        let headers = headers.iter().map(|(name, value)| {
            let name = http::HeaderName::from_static(name);
            (name, http::HeaderValue::from_static(value))
        });
        Validator::strong(&headers.collect())
    }

    #[test]
    fn only_what_stands_for_the_very_bytes_is_strong() {
        let date = ("date", "Tue, 24 Nov 2026 12:01:00 GMT");
        let settled = ("last-modified", "Tue, 24 Nov 2026 12:00:00 GMT");
        let fresh = ("last-modified", "Tue, 24 Nov 2026 12:00:01 GMT");
        let tag = strong(&[("etag", "\"a\""), date, fresh]).unwrap();
        assert_eq!(tag.etag.as_deref(), Some("\"a\""));
        assert_eq!(tag.last_modified, None);
        let dated = strong(&[date, settled]).unwrap();
        assert_eq!(dated.last_modified.as_deref(), Some(settled.1));
        for none in [
            &[date, fresh][..],
            &[settled],
            &[("etag", "W/\"a\""), date, settled],
            &[date, ("last-modified", "yesterday")],
            &[date, ("last-modified", "Tue, 24 Nov 2026 12:01:01 GMT")],
            &[],
        ] {
            assert_eq!(strong(none), None, "{none:?}");
        }
    }
}
