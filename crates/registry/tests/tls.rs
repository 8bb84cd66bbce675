//! A registry on this machine that speaks TLS.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use rustls::{
    ServerConfig,
    crypto::ring,
    pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer},
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};
use tokio_rustls::TlsAcceptor;
use trireme_registry::Repository;
use trireme_transport::{Client, Options, Trouble};

const DIGEST: &str = "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";

/// What a server that expects TLS does with plain HTTP.
#[derive(Clone, Copy, PartialEq)]
enum Plain {
    /// As servers of Go, and nginx: 400 over plain HTTP.
    Answered,
    /// As most others: an alert of TLS.
    Alerted,
}

struct Server {
    host: String,
    ca: String,
    plain_requests: Arc<AtomicUsize>,
}

/// Has one manifest, under every name.
async fn serve(plain: Plain) -> Server {
    let certified = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]);
    let certified = certified.expect("a certificate");
    let key = PrivatePkcs8KeyDer::from(certified.signing_key.serialize_der());
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(
            vec![certified.cert.der().clone()],
            PrivateKeyDer::Pkcs8(key),
        );
    let acceptor = TlsAcceptor::from(Arc::new(config.expect("a server")));
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("its address").port();
    let plain_requests = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&plain_requests);
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            let mut first = [0];
            drop(client.peek(&mut first).await);
            if first != [0x16] {
                count.fetch_add(1, Ordering::SeqCst);
                if plain == Plain::Answered {
                    refuse(client).await;
                    continue;
                }
            }
            // A client that does not trust us hangs up.
            let Ok(mut tls) = acceptor.accept(client).await else {
                continue;
            };
            let head = format!(
                "HTTP/1.1 200 OK\r\ncontent-type: application/vnd.oci.image.manifest.v1+json\r\n\
                 docker-content-digest: {DIGEST}\r\ncontent-length: 7\r\nconnection: close\r\n\r\n"
            );
            drop(tls.read(&mut [0; 4096]).await);
            drop(tls.write_all(head.as_bytes()).await);
            drop(tls.shutdown().await);
        }
    });
    Server {
        host: format!("localhost:{port}"),
        ca: certified.cert.pem(),
        plain_requests,
    }
}

async fn refuse(mut client: TcpStream) {
    drop(client.read(&mut [0; 4096]).await);
    let answer =
        b"HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n";
    drop(client.write_all(answer).await);
}

fn repository(server: &Server, ca_certs: &[&str]) -> Repository {
    let client = Client::new(Options {
        ca_certs: ca_certs.iter().map(ToString::to_string).collect(),
        ..Options::default()
    });
    let name = format!("{}/app", server.host).parse().expect("a name");
    Repository::new(client.expect("a client"), name, None, false, |_| {})
}

#[tokio::test]
async fn a_registry_on_loopback_that_speaks_tls_is_asked_over_it_and_never_again_in_clear() {
    for plain in [Plain::Answered, Plain::Alerted] {
        let server = serve(plain).await;
        let repository = repository(&server, &[&server.ca]);
        for _ in 0..2 {
            let found = repository.head_manifest("1").await.expect("an answer");
            assert_eq!(found.expect("a manifest").digest().as_ref(), DIGEST);
        }
        assert_eq!(server.plain_requests.load(Ordering::SeqCst), 1);
    }
}

#[tokio::test]
async fn a_registry_on_loopback_whose_certificate_is_not_trusted_is_told_so() {
    for plain in [Plain::Answered, Plain::Alerted] {
        let server = serve(plain).await;
        let refused = repository(&server, &[]).head_manifest("1").await;
        let refused = refused.expect_err("nobody knows its authority");
        let source = std::error::Error::source(&refused).expect("a cause");
        let said = source.to_string();
        assert!(said.contains(&Trouble::Untrusted.to_string()), "{said}");
    }
}
