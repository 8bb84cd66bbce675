//! Every request of a client, as an event for people who debug; and what kept an answer from coming, in plain words.

use std::task::{Context, Poll};
use std::time::Instant;

use futures_util::future::BoxFuture;
use http::{Request, Response, Uri};
use tower::{BoxError, Service};
use trireme_transport::{explained, log_request, redacted};
use url::Url;

/// A service that logs each request with its status, or that no answer came.
#[derive(Clone)]
pub(crate) struct RequestLogging<S> {
    inner: S,
    server: Uri,
    proxy: Option<Uri>,
}

impl<S> RequestLogging<S> {
    /// Logs what is asked of `server`, through `proxy` if there is one.
    pub(crate) fn new(inner: S, server: Uri, proxy: Option<Uri>) -> Self {
        Self {
            inner,
            server,
            proxy,
        }
    }

    /// The whole address, without what may be secret.
    fn address(&self, asked: &Uri) -> String {
        let path = asked.path_and_query().map_or("", |path| path.as_str());
        let server = self.server.to_string();
        let url = Url::parse(&format!("{}{path}", server.trim_end_matches('/')));
        url.map_or_else(|_| asked.path().to_owned(), |url| redacted(&url))
    }
}

impl<S, A, B> Service<Request<A>> for RequestLogging<S>
where
    S: Service<Request<A>, Response = Response<B>, Error = BoxError>,
    S::Future: Send + 'static,
    B: Send,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = BoxFuture<'static, Result<S::Response, S::Error>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<A>) -> Self::Future {
        let (method, url) = (request.method().clone(), self.address(request.uri()));
        let started = Instant::now();
        let answer = self.inner.call(request);
        let (server, proxy) = (self.server.clone(), self.proxy.clone());
        Box::pin(async move {
            let answer = answer.await;
            let status = answer.as_ref().ok();
            let status = status.map(|answer| answer.status().as_u16());
            log_request(&method, &url, status, started.elapsed(), 1);
            match answer {
                Err(error) => Err(explained(error, &server, proxy.as_ref()).await),
                answer => answer,
            }
        })
    }
}
