//! Parts of answers, and parameters of queries.

use axum::{
    body::Body,
    http::{HeaderName, HeaderValue, Response, StatusCode, Uri},
};

/// A response without a body.
pub(super) fn empty(status: StatusCode) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    response
}

/// Adds a header. Its value is made of names and digests, which are always valid in a header.
pub(super) fn with(
    mut response: Response<Body>,
    name: &'static str,
    value: impl ToString,
) -> Response<Body> {
    if let Ok(value) = HeaderValue::from_str(&value.to_string()) {
        response
            .headers_mut()
            .insert(HeaderName::from_static(name), value);
    }
    response
}

/// One parameter of a query, decoded.
pub(super) fn parameter(uri: &Uri, key: &str) -> Option<String> {
    let pairs = url::form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes());
    pairs
        .into_iter()
        .find(|(name, _)| name == key)
        .map(|(_, value)| value.into_owned())
}
