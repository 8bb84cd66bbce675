//! The address of an API, wherever it was given.

use http::Uri;

use crate::Error;

/// The address of an API server.
pub(crate) fn address(text: &str) -> Result<Uri, Error> {
    let server: Option<Uri> = text.parse().ok();
    let server = server.filter(|server| matches!(server.scheme_str(), Some("https" | "http")));
    server.ok_or_else(|| {
        let message = "`server` is not the address of an API; expected e.g. https://10.0.0.1:6443";
        Error::Access(message.into())
    })
}
