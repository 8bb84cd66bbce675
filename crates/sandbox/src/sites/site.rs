//! A web site of files in memory, with validators; the release server and the advisory database are such sites.

use std::{
    collections::BTreeMap,
    sync::{Arc, PoisonError, RwLock},
};

use axum::{
    Router,
    body::Body,
    extract::{Request, State},
    http::{HeaderValue, Method, Response, StatusCode, header},
};

use sha2::{Digest as _, Sha256};

/// Files by path. Clones share them, so that a test can publish something new while the site is being served.
#[derive(Clone, Default)]
pub struct Site(Arc<RwLock<BTreeMap<String, File>>>);

#[derive(Clone)]
struct File {
    bytes: Vec<u8>,
    media_type: &'static str,
    etag: HeaderValue,
}

impl Site {
    /// Adds or replaces a file. `path` starts with `/`.
    pub fn publish(
        &self,
        path: impl Into<String>,
        media_type: &'static str,
        bytes: impl Into<Vec<u8>>,
    ) {
        let bytes = bytes.into();
        let etag = HeaderValue::try_from(format!("\"{}\"", hex::encode(Sha256::digest(&bytes))))
            .unwrap_or_else(|_| HeaderValue::from_static("\"\""));
        let mut files = self.0.write().unwrap_or_else(PoisonError::into_inner);
        files.insert(
            path.into(),
            File {
                bytes,
                media_type,
                etag,
            },
        );
    }

    /// The service, to be served by axum.
    pub fn router(&self) -> Router {
        Router::new().fallback(serve).with_state(self.clone())
    }

    /// The content of a file of text, if it is there.
    pub(super) fn text(&self, path: &str) -> Option<String> {
        let file = self.file(path)?;
        Some(String::from_utf8_lossy(&file.bytes).into_owned())
    }

    fn file(&self, path: &str) -> Option<File> {
        self.0
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .get(path)
            .cloned()
    }
}

async fn serve(State(site): State<Site>, request: Request) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    if request.method() != Method::GET && request.method() != Method::HEAD {
        *response.status_mut() = StatusCode::METHOD_NOT_ALLOWED;
        return response;
    }
    let Some(file) = site.file(request.uri().path()) else {
        *response.status_mut() = StatusCode::NOT_FOUND;
        return response;
    };
    let headers = response.headers_mut();
    headers.insert(header::ETAG, file.etag.clone());
    if request.headers().get(header::IF_NONE_MATCH) == Some(&file.etag) {
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        return response;
    }
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static(file.media_type),
    );
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(file.bytes.len()));
    if request.method() == Method::GET {
        *response.body_mut() = Body::from(file.bytes);
    }
    response
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt as _;
    use tower::ServiceExt as _;

    use super::*;

    async fn get(
        site: &Site,
        path: &str,
        etag: Option<&HeaderValue>,
    ) -> (StatusCode, HeaderValue, Vec<u8>) {
        let mut request = Request::new(Body::empty());
        *request.uri_mut() = path.parse().unwrap();
        if let Some(etag) = etag {
            request
                .headers_mut()
                .insert(header::IF_NONE_MATCH, etag.clone());
        }
        let response = site.router().oneshot(request).await.unwrap();
        let etag = response
            .headers()
            .get(header::ETAG)
            .cloned()
            .unwrap_or_else(|| HeaderValue::from_static(""));
        (
            response.status(),
            etag,
            response
                .into_body()
                .collect()
                .await
                .unwrap()
                .to_bytes()
                .to_vec(),
        )
    }

    #[tokio::test]
    async fn a_validator_saves_the_body_until_the_content_changes() {
        let site = Site::default();
        site.publish("/stable.txt", "text/plain", "v1.37.2");
        let (status, etag, body) = get(&site, "/stable.txt", None).await;
        assert_eq!(
            (status, body.as_slice()),
            (StatusCode::OK, b"v1.37.2".as_slice())
        );
        assert_eq!(
            get(&site, "/stable.txt", Some(&etag)).await,
            (StatusCode::NOT_MODIFIED, etag.clone(), vec![])
        );
        site.publish("/stable.txt", "text/plain", "v1.37.3");
        let (status, fresh, body) = get(&site, "/stable.txt", Some(&etag)).await;
        assert_eq!(
            (status, body.as_slice()),
            (StatusCode::OK, b"v1.37.3".as_slice())
        );
        assert_ne!(fresh, etag);
        assert_eq!(
            get(&site, "/other.txt", None).await.0,
            StatusCode::NOT_FOUND
        );
    }
}
