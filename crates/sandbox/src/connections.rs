//! The connections of all servers here: HTTP/1.1, and HTTP/2 where TLS agreed on it. A client that does not keep up is
//! disconnected, so that no connection and no buffer stays in use for ever.

use std::{error::Error, sync::Arc, time::Duration};

use axum::{Router, body::Body};
use futures_util::{StreamExt, future::BoxFuture, stream};
use http::{Request, Response};
use http_body_util::BodyExt;
use hyper::{
    body::Incoming,
    server::conn::{http1, http2},
    service::service_fn,
};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
    task::JoinSet,
    time::{error::Elapsed, sleep, timeout},
};
use tokio_io_timeout::TimeoutStream;
use tokio_rustls::TlsAcceptor;
use tower::ServiceExt;

/// So many connections are served at a time; more wait to be accepted.
const MOST_CONNECTIONS: usize = 1000;

/// After a failed accept (out of file descriptors) the next try waits so long, so as not to spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// How long clients are waited for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Deadlines {
    /// For the handshake, for all headers of a request, and for the first request on an idle connection of HTTP/1.1.
    pub head: Duration,
    /// For the next piece of a body, and for the client to take the next piece of an answer.
    pub piece: Duration,
}

impl Default for Deadlines {
    fn default() -> Self {
        Self {
            head: Duration::from_secs(60),
            piece: Duration::from_secs(30),
        }
    }
}

/// Answers requests. When the next piece of a request body is late, reading it gives an error.
pub(crate) type Handler =
    Arc<dyn Fn(Request<Body>) -> BoxFuture<'static, Result<Response<Body>, Dropped>> + Send + Sync>;

/// The connection of a request drops, and there is no answer.
#[derive(Debug, thiserror::Error)]
#[error("the connection is dropped")]
pub(crate) struct Dropped;

/// The handler that an axum router is.
pub(crate) fn handler_of(router: Router) -> Handler {
    Arc::new(move |request| {
        let answer = router.clone().oneshot(request);
        Box::pin(async move {
            let Ok(response) = answer.await;
            Ok(response)
        })
    })
}

/// Accepts connections for ever, over TLS or plain; when the future is dropped, all of them end.
pub(crate) async fn serve(
    listener: TcpListener,
    tls: Option<TlsAcceptor>,
    deadlines: Deadlines,
    handler: Handler,
) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept(), if connections.len() < MOST_CONNECTIONS => match accepted {
                Ok((stream, _)) => {
                    let handler = Arc::clone(&handler);
                    connections.spawn(connection(stream, tls.clone(), deadlines, handler));
                }
                Err(_) => sleep(ACCEPT_PAUSE).await,
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn connection(
    stream: TcpStream,
    tls: Option<TlsAcceptor>,
    deadlines: Deadlines,
    handler: Handler,
) {
    let mut stream = TimeoutStream::new(stream);
    stream.set_write_timeout(Some(deadlines.piece));
    let stream = Box::pin(stream);
    let Some(tls) = tls else {
        return over_http1(stream, deadlines, handler).await;
    };
    let Ok(Ok(mut stream)) = timeout(deadlines.head, tls.accept(stream)).await else {
        return;
    };
    if stream.get_ref().1.alpn_protocol() == Some(b"h2") {
        // The pings of HTTP/2 make a client that waits say something in this time; over HTTP/1.1 a watch has none.
        let silence = deadlines.head + deadlines.piece;
        let below = stream.get_mut().0.as_mut();
        below.set_read_timeout_pinned(Some(silence));
        over_http2(stream, deadlines, handler).await;
    } else {
        over_http1(stream, deadlines, handler).await;
    }
}

/// Errors of a connection are ignored: the client closed it, speaks another protocol, or is late.
async fn over_http1(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    deadlines: Deadlines,
    handler: Handler,
) {
    let service = service_fn(|request| answer(request, deadlines, &handler));
    let mut builder = http1::Builder::new();
    builder
        .timer(TokioTimer::new())
        .header_read_timeout(deadlines.head);
    let _ = builder
        .serve_connection(TokioIo::new(stream), service)
        .await;
}

/// As [`over_http1`].
async fn over_http2(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    deadlines: Deadlines,
    handler: Handler,
) {
    let service = service_fn(|request| answer(request, deadlines, &handler));
    let mut builder = http2::Builder::new(TokioExecutor::new());
    builder
        .timer(TokioTimer::new())
        .keep_alive_interval(deadlines.head)
        .keep_alive_timeout(deadlines.piece);
    let _ = builder
        .serve_connection(TokioIo::new(stream), service)
        .await;
}

fn answer(
    request: Request<Incoming>,
    deadlines: Deadlines,
    handler: &Handler,
) -> BoxFuture<'static, Result<Response<Body>, Dropped>> {
    handler(timely(request, deadlines.piece))
}

/// The request with a body that gives an error when its next piece takes longer than this.
fn timely(request: Request<Incoming>, piece: Duration) -> Request<Body> {
    request.map(|body| {
        let pieces = stream::unfold(body.into_data_stream(), move |mut body| async move {
            let piece = match timeout(piece, body.next()).await {
                Ok(piece) => piece?.map_err(axum::Error::new),
                Err(late) => Err(axum::Error::new(late)),
            };
            Some((piece, body))
        });
        Body::from_stream(pieces)
    })
}

/// Whether the body of a request could not be read because it was late.
pub(crate) fn is_late(error: &(dyn Error + 'static)) -> bool {
    let cause = error.source();
    error.is::<Elapsed>() || cause.is_some_and(is_late)
}

#[cfg(test)]
mod tests;
