//! The HTTP side: one handler that reads the route, asks `access`, and hands over to the noun that is meant.

use std::{path::PathBuf, sync::Arc};

use axum::{
    Router,
    body::Body,
    extract::{Request, State},
    http::{HeaderName, HeaderValue, Method, Response, StatusCode, header},
};

use super::{Access, Refusal, Route, Store, blobs, lists, manifests, uploads};
use crate::SandboxError;

/// How a registry is set up.
pub struct RegistryOptions {
    /// Where content is kept.
    pub folder: PathBuf,
    /// Credentials of everything that is not `upstream/`.
    pub access: Access,
    /// How many entries a list has at most; longer ones go on at the `Link` header.
    pub page_size: usize,
}

/// A registry, ready to be served.
#[derive(Clone)]
pub struct Registry(Arc<Inner>);

struct Inner {
    store: Store,
    access: Access,
    page_size: usize,
}

/// A request, once its route is known and allowed.
pub(super) type Answer = Result<Response<Body>, Refusal>;

impl Registry {
    /// Opens the folder.
    pub fn open(options: RegistryOptions) -> Result<Self, SandboxError> {
        let RegistryOptions {
            folder,
            access,
            page_size,
        } = options;
        Ok(Self(Arc::new(Inner {
            store: Store::open(folder)?,
            access,
            page_size,
        })))
    }

    /// What is stored, for seeding: no credentials are asked here.
    pub fn store(&self) -> &Store {
        &self.0.store
    }

    pub(super) fn page_size(&self) -> usize {
        self.0.page_size
    }

    /// The service, to be served by axum.
    pub fn router(&self) -> Router {
        Router::new().fallback(answer).with_state(self.clone())
    }

    async fn dispatch(&self, request: Request) -> Answer {
        let route = Route::parse(request.uri().path())?;
        let method = request.method().clone();
        self.0.access.check(&method, &route, request.headers())?;
        let reads = method == Method::GET || method == Method::HEAD;
        match route {
            Route::Base if reads => Ok(empty(StatusCode::OK)),
            Route::Catalog if reads => lists::catalog(self, request.uri()),
            Route::Tags { name } if reads => lists::tags(self, &name, request.uri()),
            Route::Referrers { name, digest } if reads => {
                lists::referrers(self, &name, &digest, request.uri())
            }
            Route::Manifest { name, reference } => {
                manifests::serve(self, &name, &reference, request).await
            }
            Route::Blob { name, digest } if reads => {
                blobs::serve(self, &name, &digest, request.headers()).await
            }
            Route::Uploads { name } if method == Method::POST => {
                uploads::begin(self, &name, request).await
            }
            Route::Upload { name, id } => uploads::go_on(self, &name, &id, request).await,
            _ => Err(Refusal::Unsupported),
        }
    }
}

async fn answer(State(registry): State<Registry>, request: Request) -> Response<Body> {
    let head = request.method() == Method::HEAD;
    let mut response = registry
        .dispatch(request)
        .await
        .unwrap_or_else(|refusal| refusal.response());
    let version = HeaderValue::from_static("registry/2.0");
    response.headers_mut().insert(
        HeaderName::from_static("docker-distribution-api-version"),
        version,
    );
    if head {
        let length = response.headers().get(header::CONTENT_LENGTH).cloned();
        *response.body_mut() = Body::empty();
        if let Some(length) = length {
            response
                .headers_mut()
                .insert(header::CONTENT_LENGTH, length);
        }
    }
    response
}

/// A response without a body.
pub(super) fn empty(status: StatusCode) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    response
}

/// Adds a header whose value is made of names and digests, which are always valid in one.
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
pub(super) fn parameter(uri: &axum::http::Uri, key: &str) -> Option<String> {
    let pairs = url::form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes());
    pairs
        .into_iter()
        .find(|(name, _)| name == key)
        .map(|(_, value)| value.into_owned())
}
