//! A registry of the sandbox on loopback, and plain HTTP to any registry.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Request, StatusCode, header};
use http_body_util::{BodyExt, Full};
use hyper_util::rt::TokioIo;
use tempfile::TempDir;
use tokio::{
    net::{TcpListener, TcpStream},
    task::JoinSet,
    time::timeout,
};
use trireme_sandbox::registry::{Access, Quirks, Registry, RegistryOptions};

/// What opens it.
pub const USERNAME: &str = "robot";
pub const PASSWORD: &str = "secret";
/// The same as a header (`robot:secret` in base64).
pub const AUTHORIZATION: &str = "Basic cm9ib3Q6c2VjcmV0";

/// Longer than any answer here takes, even on a busy machine.
pub const DEADLINE: Duration = Duration::from_secs(30);

pub struct Served {
    pub host: String,
    _folder: TempDir,
    _server: JoinSet<()>,
}

/// As in the untidy sandbox.
pub const QUIRKS: Quirks = Quirks {
    refuses_head: true,
    tags_late: Duration::from_millis(200),
};

impl Served {
    pub async fn start() -> Self {
        Self::start_with(Quirks::default()).await
    }

    pub async fn start_with(quirks: Quirks) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let options = RegistryOptions {
            folder: folder.path().to_owned(),
            access: Access::new(USERNAME, PASSWORD),
            page_size: 100,
        };
        let registry = Registry::open_with(options, quirks);
        let router = registry.expect("a registry").router();
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("its address").port();
        let mut server = JoinSet::new();
        server.spawn(async move { axum::serve(listener, router).await.unwrap_or_default() });
        Self {
            host: format!("localhost:{port}"),
            _folder: folder,
            _server: server,
        }
    }
}

/// An answer, read to its end.
#[derive(Debug)]
pub struct Answer {
    pub code: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Answer {
    /// A header; empty when it is not there.
    pub fn header(&self, name: &str) -> &str {
        let value = self.headers.get(name);
        value
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default()
    }
}

/// Sends a request to `HOST:PORT`, with [`AUTHORIZATION`], which a registry without access control ignores.
pub async fn ask(
    host: &str,
    (method, path): (&str, &str),
    headers: &[(&str, &str)],
    body: &[u8],
) -> Answer {
    let mut request = Request::builder().method(method).uri(path);
    request = request
        .header(header::HOST, host)
        .header(header::AUTHORIZATION, AUTHORIZATION);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request = request
        .body(Full::new(Bytes::copy_from_slice(body)))
        .expect("a request");
    let exchange = async {
        let stream = TcpStream::connect(host.replace("localhost", "127.0.0.1"))
            .await
            .expect("a connection");
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
            .await
            .expect("HTTP");
        let _connection = JoinSet::from_iter([connection]);
        let response = sender.send_request(request).await.expect("an answer");
        let (parts, body) = response.into_parts();
        let body = body.collect().await.expect("its body").to_bytes();
        Answer {
            code: parts.status,
            headers: parts.headers,
            body,
        }
    };
    timeout(DEADLINE, exchange)
        .await
        .expect("an answer in time")
}
