//! Whom the client trusts, against a real TLS server on loopback.

use std::sync::Arc;

use rustls::{
    ServerConfig,
    crypto::ring,
    pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer},
};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio_rustls::TlsAcceptor;
use trireme_transport::{Client, Options, Request, TransportError};

/// Serves `ok` for `localhost` with a certificate of its own; gives its URL and the certificate.
async fn serve() -> (String, String) {
    let names = vec!["localhost".to_owned()];
    let certified = rcgen::generate_simple_self_signed(names).expect("a certificate");
    let key = PrivatePkcs8KeyDer::from(certified.signing_key.serialize_der());
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(
            vec![certified.cert.der().clone()],
            PrivateKeyDer::Pkcs8(key),
        )
        .expect("a server");
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
        .await
        .expect("a port");
    let port = listener.local_addr().expect("its address").port();
    tokio::spawn(async move {
        while let Ok((connection, _)) = listener.accept().await {
            // A client that does not trust us hangs up.
            let Ok(mut tls) = acceptor.accept(connection).await else {
                continue;
            };
            let mut request = [0; 1024];
            let length = tls.read(&mut request).await.unwrap_or_default();
            assert!(request[..length].starts_with(b"GET / "));
            let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok";
            drop(tls.write_all(answer).await);
            drop(tls.shutdown().await);
        }
    });
    (port.to_string(), certified.cert.pem())
}

async fn ask(url: String, options: Options) -> Result<String, TransportError> {
    let client = Client::new(options)?;
    let fetched = client.fetch(Request::get(url), 100).await?;
    Ok(String::from_utf8_lossy(&fetched.body).into_owned())
}

#[tokio::test]
async fn a_certificate_is_trusted_if_its_authority_is_named() {
    let (port, pem) = serve().await;
    let url = format!("https://localhost:{port}/");
    let options = Options {
        ca_certs: vec![pem],
        ..Options::default()
    };
    assert_eq!(ask(url, options).await.unwrap(), "ok");
}

#[tokio::test]
async fn a_stranger_is_refused_at_once_with_what_to_do() {
    let (port, _) = serve().await;
    let error = ask(format!("https://localhost:{port}/"), Options::default())
        .await
        .unwrap_err();
    let TransportError::NoAnswer { attempts, hint, .. } = &error else {
        panic!("{error}");
    };
    assert_eq!(*attempts, 1, "waiting does not make a certificate trusted");
    assert!(hint.contains("ca_certs"), "{error}");
}

#[tokio::test]
async fn a_trusted_certificate_of_another_host_is_refused() {
    let (port, pem) = serve().await;
    let options = Options {
        ca_certs: vec![pem],
        ..Options::default()
    };
    assert!(
        ask(format!("https://127.0.0.1:{port}/"), options)
            .await
            .is_err()
    );
}

#[tokio::test]
async fn insecure_accepts_any() {
    let (port, _) = serve().await;
    let options = Options {
        insecure: true,
        ..Options::default()
    };
    assert_eq!(
        ask(format!("https://127.0.0.1:{port}/"), options)
            .await
            .unwrap(),
        "ok"
    );
}
