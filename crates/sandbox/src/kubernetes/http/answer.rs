//! Responses.

use std::convert::Infallible;

use bytes::Bytes;
use futures_util::Stream;
use http::{HeaderValue, Response, StatusCode, header};
use http_body_util::{BodyExt, Full, StreamBody, combinators::UnsyncBoxBody};
use hyper::body::Frame;
use serde_json::Value;

use crate::kubernetes::failure::Failure;

/// The body of any response.
pub(crate) type Body = UnsyncBoxBody<Bytes, Infallible>;

/// A JSON response.
pub(crate) fn json(code: StatusCode, value: &Value) -> Response<Body> {
    respond(code, "application/json", value.to_string())
}

/// A JSON response of a media type of its own.
pub(crate) fn json_as(media_type: &'static str, value: &Value) -> Response<Body> {
    respond(StatusCode::OK, media_type, value.to_string())
}

/// A response in plain text.
pub(crate) fn plain(code: StatusCode, text: &str) -> Response<Body> {
    respond(code, "text/plain; charset=utf-8", text.to_owned())
}

/// The answer of the real server to a path outside of its API groups.
pub(crate) fn not_found_page() -> Response<Body> {
    plain(StatusCode::NOT_FOUND, "404 page not found\n")
}

fn respond(code: StatusCode, media_type: &'static str, text: String) -> Response<Body> {
    let mut response = Response::new(Full::new(Bytes::from(text)).boxed_unsync());
    *response.status_mut() = code;
    let media_type = HeaderValue::from_static(media_type);
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, media_type);
    response
}

/// A refusal.
pub(crate) fn failure(failure: &Failure) -> Response<Body> {
    let code = StatusCode::from_u16(failure.code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = json(code, &failure.status());
    if let Some(seconds) = failure.retry_after_s() {
        let headers = response.headers_mut();
        headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}

/// A streamed response: the lines of a watch.
pub(crate) fn stream(lines: impl Stream<Item = Bytes> + Send + 'static) -> Response<Body> {
    use futures_util::StreamExt;
    let frames = lines.map(|line| Ok::<_, Infallible>(Frame::data(line)));
    let mut response = Response::new(StreamBody::new(frames).boxed_unsync());
    let media_type = HeaderValue::from_static("application/json");
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, media_type);
    response
}
