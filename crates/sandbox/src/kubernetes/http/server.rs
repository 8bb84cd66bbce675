//! Connections over TLS, HTTP/1.1 and HTTP/2.

use std::{convert::Infallible, sync::Arc, time::Duration};

use hyper::service::service_fn;
use hyper_util::{
    rt::{TokioExecutor, TokioIo},
    server::conn::auto,
};
use tokio::{
    net::{TcpListener, TcpStream},
    task::JoinSet,
    time::{sleep, timeout},
};
use tokio_rustls::TlsAcceptor;

use super::Service;

/// A client that has not finished its TLS handshake by then is let go.
const HANDSHAKE_DEADLINE: Duration = Duration::from_secs(10);

/// After a failed accept (out of file descriptors) the next try waits so long, so as not to spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Accepts connections for ever; when the future is dropped, all of them end.
pub(crate) async fn serve(listener: TcpListener, tls: TlsAcceptor, service: Arc<Service>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    connections.spawn(connection(stream, tls.clone(), Arc::clone(&service)));
                }
                Err(_) => sleep(ACCEPT_PAUSE).await,
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

/// Serves one connection. Its errors are the client's affair: it hangs up, or never spoke TLS.
async fn connection(stream: TcpStream, tls: TlsAcceptor, service: Arc<Service>) {
    let Ok(Ok(stream)) = timeout(HANDSHAKE_DEADLINE, tls.accept(stream)).await else {
        return;
    };
    let handler = service_fn(|request| {
        let service = Arc::clone(&service);
        async move { Ok::<_, Infallible>(service.answer(request).await) }
    });
    let builder = auto::Builder::new(TokioExecutor::new());
    let _ = builder
        .serve_connection(TokioIo::new(stream), handler)
        .await;
}
