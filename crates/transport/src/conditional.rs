//! Asking only for what has changed.

use http::{
    HeaderMap, StatusCode,
    header::{ETAG, IF_MODIFIED_SINCE, IF_NONE_MATCH, LAST_MODIFIED},
};
use serde::{Deserialize, Serialize};

use crate::{Client, Fetched, Request, TransportError};

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
        let mut request = Request::get(url);
        if let Some(etag) = validator.and_then(|v| v.etag.as_ref()) {
            request = request.header(IF_NONE_MATCH, etag);
        }
        if let Some(date) = validator.and_then(|v| v.last_modified.as_ref()) {
            request = request.header(IF_MODIFIED_SINCE, date);
        }
        let fetched = self.fetch(request, limit_bytes).await?;
        if fetched.status == StatusCode::NOT_MODIFIED && validator.is_some() {
            return Ok(Conditional::NotModified);
        }
        let validator = Validator::of(&fetched.headers);
        Ok(Conditional::Fresh { fetched, validator })
    }
}
