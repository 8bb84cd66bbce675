//! The HTTP side: one handler that reads the route, asks `access`, and hands over to the noun that is meant.

use axum::{
    Router,
    body::Body,
    extract::{Request, State},
    http::{HeaderName, HeaderValue, Method, Response, StatusCode, header},
};

use super::{
    Refusal, Registry, Route, answer::empty, blobs, lists, manifests, refusal::Answer, uploads,
};

impl Registry {
    /// The service, to be served by axum.
    pub fn router(&self) -> Router {
        Router::new().fallback(answer).with_state(self.clone())
    }

    async fn dispatch(&self, request: Request) -> Answer {
        let route = Route::parse(request.uri().path())?;
        let method = request.method().clone();
        self.access().check(&method, &route, request.headers())?;
        if method == Method::HEAD && self.quirks().refuses_head {
            return Err(Refusal::Unsupported);
        }
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
