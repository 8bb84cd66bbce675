//! Whom the client trusts, against a real TLS server on loopback.

use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, IsCa, KeyPair};
use rustls::{
    ServerConfig,
    crypto::ring,
    pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, pem::PemObject as _},
    sign::{CertifiedKey, SingleCertAndKey},
};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio_rustls::TlsAcceptor;
use trireme_transport::{Client, Options, Request, TransportError, Trouble};

/// Serves `ok` for `localhost` with a certificate of its own; gives its port and the certificate.
async fn serve() -> (String, String) {
    let names = vec!["localhost".to_owned()];
    let certified = rcgen::generate_simple_self_signed(names).expect("a certificate");
    let key = PrivatePkcs8KeyDer::from(certified.signing_key.serialize_der());
    let chain = vec![certified.cert.der().clone()];
    let port = serve_with(chain, PrivateKeyDer::Pkcs8(key)).await;
    (port, certified.cert.pem())
}

/// The same with this certificate, whatever is wrong with it.
async fn serve_with(chain: Vec<CertificateDer<'static>>, key: PrivateKeyDer<'static>) -> String {
    let provider = Arc::new(ring::default_provider());
    let key = provider.key_provider.load_private_key(key).expect("a key");
    let served = Arc::new(SingleCertAndKey::from(CertifiedKey::new(chain, key)));
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_cert_resolver(served);
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
    port.to_string()
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
    let TransportError::NoAnswer { attempts, .. } = &error else {
        panic!("{error}");
    };
    assert_eq!(*attempts, 1, "waiting does not make a certificate trusted");
    assert_eq!(error.trouble(), Some(&Trouble::Untrusted));
    assert!(error.to_string().contains("ca_certs"), "{error}");
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

#[tokio::test]
async fn a_server_whose_certificate_no_server_can_have_is_told_what_to_do() {
    let (old, old_key) = (
        &include_bytes!("data/x509-v1.pem")[..],
        include_bytes!("data/x509-v1.key"),
    );
    let old = CertificateDer::from_pem_slice(old).expect("PEM");
    let old_key = PrivateKeyDer::from_pem_slice(old_key).expect("PEM");
    let mut ca = CertificateParams::new(["127.0.0.1".to_owned()]).expect("names");
    ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let ca_key = KeyPair::generate().expect("a key");
    let ca = ca.self_signed(&ca_key).expect("a certificate");
    let ca_key = PrivatePkcs8KeyDer::from(ca_key.serialize_der());
    for (chain, key, told) in [
        (old, old_key, "X.509 version 1"),
        (ca.der().clone(), ca_key.into(), "is that of a CA"),
    ] {
        let options = Options {
            ca_certs: vec![ca.pem()],
            ..Options::default()
        };
        let port = serve_with(vec![chain], key).await;
        let error = ask(format!("https://127.0.0.1:{port}/"), options).await;
        let error = error.unwrap_err();
        assert!(
            matches!(error.trouble(), Some(Trouble::Certificate(_))),
            "{error}"
        );
        assert!(error.to_string().contains(told), "{error}");
    }
}

#[tokio::test]
async fn who_speaks_the_other_of_http_and_https_is_told_so_at_once() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await;
    let listener = listener.expect("a port");
    let plain = listener.local_addr().expect("its address");
    tokio::spawn(async move { axum::serve(listener, axum::Router::new()).await });
    let error = ask(format!("https://{plain}/"), Options::default()).await;
    let error = error.unwrap_err();
    assert_eq!(error.trouble(), Some(&Trouble::NoTls), "{error}");
    assert!(
        error
            .to_string()
            .contains("after 1 attempts; it speaks no TLS: "),
        "{error}"
    );
    assert!(error.to_string().contains("`insecure: true`"), "{error}");

    let (port, _) = serve().await;
    let error = ask(format!("http://127.0.0.1:{port}/"), Options::default()).await;
    let error = error.unwrap_err();
    assert_eq!(error.trouble(), Some(&Trouble::NoHttp), "{error}");
}
