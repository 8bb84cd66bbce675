//! A proxy that does not open the way.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
};
use trireme_transport::{Client, Options, Request, TransportError};

/// A proxy that answers every request with this status line; gives its `HOST:PORT` and how often it was asked.
async fn refusing(status: &'static str) -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("its address");
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    tokio::spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            let mut head = [0; 4096];
            let length = client.read(&mut head).await.unwrap_or_default();
            let head = String::from_utf8_lossy(&head[..length]).to_lowercase();
            assert!(head.starts_with("connect registry.invalid:5000 "), "{head}");
            assert!(
                head.contains("proxy-authorization: basic bwu6c2vjcmv0"),
                "{head}"
            );
            count.fetch_add(1, Ordering::SeqCst);
            let answer = format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\n\r\n");
            drop(client.write_all(answer.as_bytes()).await);
        }
    });
    (address.to_string(), asked)
}

async fn through(proxy: &str) -> TransportError {
    let client = Client::new(Options {
        proxy: Some(format!("http://me:secret@{proxy}")),
        ..Options::default()
    });
    let request = Request::get("https://registry.invalid:5000/v2/");
    let refused = client.expect("a client").fetch(request, 100).await;
    refused.expect_err("there is no such server")
}

#[tokio::test]
async fn a_proxy_that_refuses_is_named_with_its_status_and_without_its_password() {
    for (status, attempts) in [
        ("403 Forbidden", 1),
        ("407 Proxy Authentication Required", 1),
        ("502 Bad Gateway", 5),
    ] {
        let (proxy, asked) = refusing(status).await;
        let error = through(&proxy).await;
        let told = format!("; the proxy http://{proxy} refused the way with {status}");
        assert!(error.to_string().ends_with(&told), "{error}");
        let whole = format!("{error:?}");
        assert!(!whole.contains("secret"), "{whole}");
        // Each time once more for the status.
        assert_eq!(asked.load(Ordering::SeqCst), 2 * attempts, "{status}");
    }
}

#[tokio::test]
async fn a_proxy_that_is_not_there_is_named() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let proxy = listener.local_addr().expect("its address").to_string();
    drop(listener);
    let error = through(&proxy).await.to_string();
    let told = format!("; the way leads through the proxy http://{proxy}");
    assert!(error.ends_with(&told), "{error}");
}

#[tokio::test]
async fn a_name_that_no_proxy_answers_to_is_not_shown() {
    let error = format!("{:?}", through("canary.invalid:3128").await);
    assert!(!error.contains("canary"), "{error}");
    assert!(
        error.contains("that `proxy` or the environment names"),
        "{error}"
    );
}
