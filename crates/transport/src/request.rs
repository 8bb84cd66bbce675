//! What is asked.

use std::{fmt, pin::Pin, time::Duration};

use bytes::Bytes;
use futures_util::{Stream, StreamExt as _};
use http::{HeaderMap, HeaderName, HeaderValue, Method};

/// How long the head of an answer may take, from the start of the request.
pub(crate) const HEAD_DEADLINE: Duration = Duration::from_secs(60);
/// The slowest upload that is waited for, in bytes per second; it lengthens [`HEAD_DEADLINE`] for large bodies.
const SLOWEST_UPLOAD_BYTES_PER_S: u64 = 64 * 1024;

/// A request to be sent, once or, while its body can be sent again, several times.
pub struct Request {
    pub(crate) method: Method,
    pub(crate) url: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Body,
}

/// The body of a request.
#[derive(Default)]
pub enum Body {
    /// None.
    #[default]
    Empty,
    /// In memory; it can be sent again.
    Bytes(Bytes),
    /// It can be sent once, so the request is not retried after it was begun.
    Stream {
        /// Its length in bytes.
        length: u64,
        /// Its content.
        stream: Pin<Box<dyn Stream<Item = std::io::Result<Bytes>> + Send>>,
    },
}

impl Request {
    /// A request with this method.
    pub fn new(method: Method, url: impl Into<String>) -> Self {
        Self {
            method,
            url: url.into(),
            headers: HeaderMap::new(),
            body: Body::Empty,
        }
    }

    /// GET.
    pub fn get(url: impl Into<String>) -> Self {
        Self::new(Method::GET, url)
    }

    /// HEAD.
    pub fn head(url: impl Into<String>) -> Self {
        Self::new(Method::HEAD, url)
    }

    /// PUT.
    pub fn put(url: impl Into<String>) -> Self {
        Self::new(Method::PUT, url)
    }

    /// POST.
    pub fn post(url: impl Into<String>) -> Self {
        Self::new(Method::POST, url)
    }

    /// DELETE.
    pub fn delete(url: impl Into<String>) -> Self {
        Self::new(Method::DELETE, url)
    }

    /// Sets a header. A value that cannot be one (a line break in it) is left out.
    #[must_use]
    pub fn header(mut self, name: HeaderName, value: impl AsRef<str>) -> Self {
        if let Ok(value) = HeaderValue::from_str(value.as_ref()) {
            self.headers.insert(name, value);
        }
        self
    }

    /// Sets a header whose value is secret.
    #[must_use]
    pub fn secret_header(mut self, name: HeaderName, value: impl AsRef<str>) -> Self {
        if let Ok(mut value) = HeaderValue::from_str(value.as_ref()) {
            value.set_sensitive(true);
            self.headers.insert(name, value);
        }
        self
    }

    /// A body in memory.
    #[must_use]
    pub fn bytes(mut self, bytes: impl Into<Bytes>) -> Self {
        self.body = Body::Bytes(bytes.into());
        self
    }

    /// A body that is sent as it comes.
    #[must_use]
    pub fn stream(
        mut self,
        length: u64,
        stream: impl Stream<Item = std::io::Result<Bytes>> + Send + 'static,
    ) -> Self {
        self.body = Body::Stream {
            length,
            stream: stream.boxed(),
        };
        self
    }

    /// The same request over TLS.
    #[must_use]
    pub fn over_tls(mut self) -> Self {
        if let Some(rest) = self.url.strip_prefix("http://") {
            self.url = format!("https://{rest}");
        }
        self
    }

    /// The same request again, if its body allows that.
    pub(crate) fn again(&self) -> Option<Self> {
        let body = match &self.body {
            Body::Empty => Body::Empty,
            Body::Bytes(bytes) => Body::Bytes(bytes.clone()),
            Body::Stream { .. } => return None,
        };
        Some(Self {
            method: self.method.clone(),
            url: self.url.clone(),
            headers: self.headers.clone(),
            body,
        })
    }

    /// How long the answer's head may take.
    pub(crate) fn deadline(&self) -> Duration {
        let length = match &self.body {
            Body::Empty => 0,
            Body::Bytes(bytes) => bytes.len() as u64,
            Body::Stream { length, .. } => *length,
        };
        HEAD_DEADLINE + Duration::from_secs(length / SLOWEST_UPLOAD_BYTES_PER_S)
    }
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Request({})", self.method)
    }
}
