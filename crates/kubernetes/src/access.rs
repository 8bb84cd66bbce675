//! The connection to a Kubernetes API.

use std::time::Duration;

use http::Response;
use http_body_util::Limited;
use jiff::Timestamp;
use kube::client::ClientBuilder;
use kube::{Client, Config};
use tower::layer::layer_fn;
use tower::util::MapResponseLayer;
use trireme_transport::system_roots;

use crate::endpoint::address;
use crate::requests::RequestLogging;
use crate::{Error, certificates, kubeconfig, proxy};

/// A TCP and TLS handshake that takes longer has failed.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Watches are asked to end after 60 s, and real servers send something at least that often.
const READ_TIMEOUT: Duration = Duration::from_secs(90);

/// The most that is read of one answer: a page of the largest list is far smaller. A watch that comes to it begins anew.
const ANSWER_LIMIT_BYTES: usize = 128 << 20;

/// Where an API is, and who we are there. Has no `Debug`: it holds secrets.
pub enum Access<'a> {
    /// The content of a kubeconfig file; its current context counts.
    Kubeconfig(&'a str),
    /// An address, a bearer token, and the PEM certificates of the CAs that may sign the server's (empty: those of the system).
    Token {
        /// E.g. `https://10.0.0.1:6443`.
        server: &'a str,
        /// The bearer token.
        token: &'a str,
        /// PEM certificates of CAs.
        ca_certs: &'a [String],
    },
}

/// A client for `access`, through the proxy of the kubeconfig or else of the environment ([`proxy`]). Each request is an event
/// with the target `trireme::request`. Async because it needs the runtime: its worker starts here.
///
/// # Errors
/// [`Error::Access`] when the kubeconfig cannot be read, has no such context, or its current context would start a program or read files (a
/// container has neither), and when its certificates or the proxy cannot be used.
pub async fn connect(access: Access<'_>) -> Result<Client, Error> {
    // A second call finds the provider of the first: both are ring.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let mut config = match access {
        Access::Kubeconfig(text) => kubeconfig::read(text, Timestamp::now())?,
        Access::Token {
            server,
            token,
            ca_certs,
        } => from_token(server, token, ca_certs)?,
    };
    if config.root_cert.is_none() {
        config.root_cert = Some(roots(&config));
    }
    config.connect_timeout = Some(CONNECT_TIMEOUT);
    config.read_timeout = Some(READ_TIMEOUT);
    config.reset_reader_on_write = true;
    // An eviction that a budget refuses is an answer (429), not a reason to ask again.
    config.default_retry = false;
    let (server, proxy) = (config.cluster_url.clone(), config.proxy_url.clone());
    let builder = ClientBuilder::try_from(config).map_err(|error| {
        Error::Access(format!("the connection to the API cannot be made: {error}"))
    })?;
    let logging = layer_fn(|service| RequestLogging::new(service, server.clone(), proxy.clone()));
    let builder = builder.with_layer(&logging);
    Ok(builder.with_layer(&MapResponseLayer::new(limited)).build())
}

/// The roots of every other connection of ours. kube's own reading fails where a system has none, also where none is needed.
fn roots(config: &Config) -> Vec<Vec<u8>> {
    if config.accept_invalid_certs || config.cluster_url.scheme_str() != Some("https") {
        return Vec::new();
    }
    let roots = system_roots().into_iter();
    roots.map(|root| root.to_vec()).collect()
}

/// An answer of which no more than [`ANSWER_LIMIT_BYTES`] is read.
fn limited<B>(answer: Response<B>) -> Response<Limited<B>> {
    answer.map(|body| Limited::new(body, ANSWER_LIMIT_BYTES))
}

fn from_token(server: &str, token: &str, ca_certs: &[String]) -> Result<Config, Error> {
    let server = address(server)?;
    let proxy_url = proxy::of_environment(&server)?;
    let mut config = Config::new(server);
    config.proxy_url = proxy_url;
    config.auth_info.token = Some(kubeconfig::bearer(token)?.into());
    if !ca_certs.is_empty() {
        let text = ca_certs.join("\n");
        config.root_cert = Some(certificates::authorities("`ca_certs`", text.as_bytes())?);
    }
    Ok(config)
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;
    use trireme_protocol::lines::capture;

    use super::*;

    async fn with_token(server: &str) -> Client {
        let access = Access::Token {
            server,
            token: "t0",
            ca_certs: &[],
        };
        connect(access).await.unwrap()
    }

    #[tokio::test]
    async fn a_kubeconfig_that_would_start_a_program_or_read_a_file_is_refused() {
        for key in [
            "exec: {command: sh}",
            "tokenFile: /etc/token",
            "client-key: /etc/key",
        ] {
            let text = format!(
                "current-context: c\ncontexts: [{{name: c, context: {{cluster: k, user: me}}}}]\n\
                 clusters: [{{name: k, cluster: {{server: 'https://127.0.0.1:1'}}}}]\nusers: [{{name: me, user: {{{key}}}}}]"
            );
            let Err(error) = connect(Access::Kubeconfig(&text)).await else {
                panic!("{key} was taken");
            };
            let name = key.split(':').next().unwrap();
            assert!(
                error.to_string().contains(&format!("user me has `{name}`")),
                "{error}"
            );
        }
    }

    #[tokio::test]
    async fn text_that_is_no_kubeconfig_is_refused_without_showing_it() {
        let Err(error) = connect(Access::Kubeconfig("secret: [")).await else {
            panic!("taken");
        };
        assert!(!error.to_string().contains("secret"), "{error}");
    }

    /// Answers one request without end; gives how much it could send.
    async fn endless(listener: TcpListener) -> usize {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut request = [0; 1024];
        let _ = stream.read(&mut request).await.unwrap();
        let head = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\r\n{\"a\": \"";
        stream.write_all(head).await.unwrap();
        let (mut sent, part) = (0, vec![b'a'; 1 << 16]);
        while stream.write_all(&part).await.is_ok() {
            sent += part.len();
        }
        sent
    }

    #[tokio::test]
    async fn an_endless_answer_is_read_to_a_limit() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let server = format!("http://{}", listener.local_addr().unwrap());
        let sent = tokio::spawn(endless(listener));
        let client = with_token(&server).await;
        let request = http::Request::get("/version").body(Vec::new()).unwrap();
        let answered = client.request::<serde_json::Value>(request).await;
        assert!(format!("{:?}", answered.unwrap_err()).contains("LengthLimit"));
        drop(client);
        let (sent, buffers) = (sent.await.unwrap(), 32 << 20);
        assert!(sent <= ANSWER_LIMIT_BYTES + buffers, "{sent} bytes");
    }

    #[tokio::test]
    async fn a_server_that_speaks_no_tls_is_told_in_plain_words() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let server = format!("https://{}", listener.local_addr().unwrap());
        tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let answer = b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n";
            stream.write_all(answer).await.unwrap();
        });
        let client = with_token(&server).await;
        let request = http::Request::get("/version").body(Vec::new()).unwrap();
        let refused = client.request::<serde_json::Value>(request).await;
        let refused = format!("{:?}", refused.unwrap_err());
        assert!(refused.contains("NoTls"), "{refused}");
    }

    #[tokio::test]
    async fn each_request_is_a_debug_line_with_its_status() {
        let lines = capture(true);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let server = format!("http://{}", listener.local_addr().unwrap());
        let answering = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let _ = stream.read(&mut [0; 1024]).await.unwrap();
            let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}";
            stream.write_all(answer).await.unwrap();
        });
        let client = with_token(&server).await;
        let request = http::Request::get("/version?a=b").body(Vec::new()).unwrap();
        client.request::<serde_json::Value>(request).await.unwrap();
        answering.await.unwrap();
        let text = lines.text();
        let begin = format!("request: GET {server}/version?… 200 ");
        assert!(
            text.starts_with(&begin) && text.ends_with(" ms\n"),
            "{text}"
        );
    }
}
