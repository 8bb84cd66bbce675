//! Every request of a client, as an event for people who debug.

use std::task::{Context, Poll};
use std::time::Instant;

use futures_util::future::{BoxFuture, FutureExt as _};
use http::{Request, Response, Uri};
use tower::Service;
use trireme_transport::{log_request, redacted};
use url::Url;

/// A service that logs each request with its status, or that no answer came.
#[derive(Clone)]
pub(crate) struct RequestLogging<S> {
    inner: S,
    /// What the paths of requests follow.
    server: String,
}

impl<S> RequestLogging<S> {
    /// Logs what is asked of `server`.
    pub(crate) fn new(inner: S, server: &Uri) -> Self {
        let server = server.to_string().trim_end_matches('/').to_owned();
        Self { inner, server }
    }

    /// The whole address, without what may be secret.
    fn address(&self, asked: &Uri) -> String {
        let path = asked.path_and_query().map_or("", |path| path.as_str());
        let url = Url::parse(&format!("{}{path}", self.server));
        url.map_or_else(|_| asked.path().to_owned(), |url| redacted(&url))
    }
}

impl<S, A, B> Service<Request<A>> for RequestLogging<S>
where
    S: Service<Request<A>, Response = Response<B>>,
    S::Future: Send + 'static,
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
        answer
            .inspect(move |answer| {
                let status = answer.as_ref().ok();
                let status = status.map(|answer| answer.status().as_u16());
                log_request(&method, &url, status, started.elapsed(), 1);
            })
            .boxed()
    }
}
