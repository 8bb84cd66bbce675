//! Clients that stop in the middle are let go.

use bytes::Bytes;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::*;
use crate::{
    kubernetes::tls,
    registry::{Access, Registry, RegistryOptions},
};

/// Longer than anything here takes, even on a busy machine.
const TEST_DEADLINE: Duration = Duration::from_secs(30);

/// As short as it is still longer than nothing.
const SHORT: Deadlines = Deadlines {
    head: Duration::from_millis(200),
    piece: Duration::from_millis(200),
};

async fn connect(tls: Option<TlsAcceptor>, handler: Handler) -> (TcpStream, JoinSet<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let mut server = JoinSet::new();
    server.spawn(serve(listener, tls, SHORT, handler));
    (TcpStream::connect(address).await.unwrap(), server)
}

/// What the server sends until it hangs up.
async fn rest(mut client: TcpStream) -> String {
    let mut text = Vec::new();
    let read = client.read_to_end(&mut text);
    // An end by reset is an end too.
    let _ = timeout(TEST_DEADLINE, read).await.expect("it hangs up");
    String::from_utf8_lossy(&text).into_owned()
}

fn registry(folder: &std::path::Path) -> Handler {
    let registry = Registry::open(RegistryOptions {
        folder: folder.to_owned(),
        access: Access::new("u", "p"),
        page_size: 10,
    });
    handler_of(registry.unwrap().router())
}

#[tokio::test]
async fn a_client_that_sends_no_whole_head_is_let_go() {
    let folder = tempfile::tempdir().unwrap();
    for sent in ["", "GET /v2/ HT", "GET /v2/ HTTP/1.1\r\nhost: x\r\n"] {
        let (mut client, _server) = connect(None, registry(folder.path())).await;
        client.write_all(sent.as_bytes()).await.unwrap();
        let answer = rest(client).await;
        assert!(!answer.contains("200 OK"), "{sent:?}: {answer}");
    }
}

#[tokio::test]
async fn a_client_that_begins_no_tls_is_let_go() {
    let folder = tempfile::tempdir().unwrap();
    let identity = tls::load_or_make(folder.path(), &[]).unwrap();
    for sent in ["", "\u{16}\u{3}\u{1}", "GET / HTTP/1.1\r\n\r\n"] {
        let tls = Some(identity.acceptor.clone());
        let (mut client, _server) = connect(tls, registry(folder.path())).await;
        client.write_all(sent.as_bytes()).await.unwrap();
        rest(client).await;
    }
}

#[tokio::test]
async fn a_body_that_stops_in_the_middle_is_408() {
    let folder = tempfile::tempdir().unwrap();
    for line in [
        "PUT /v2/a/manifests/1",
        "POST /v2/a/blobs/uploads/?digest=DIGEST",
    ] {
        let digest = crate::registry::Digest::of(b"0123456789").to_string();
        let line = line.replace("DIGEST", &digest);
        let (mut client, _server) = connect(None, registry(folder.path())).await;
        let head = format!(
            "{line} HTTP/1.1\r\nhost: x\r\nauthorization: Basic dTpw\r\ncontent-type: x\r\ncontent-length: 10\r\n\r\n01234"
        );
        client.write_all(head.as_bytes()).await.unwrap();
        let answer = rest(client).await;
        assert!(answer.starts_with("HTTP/1.1 408 "), "{line}: {answer}");
    }
}

#[tokio::test]
async fn a_client_that_never_reads_is_let_go() {
    // The handler holds it once, and every answer that is still being sent once more.
    let held = Arc::new(());
    let in_handler = Arc::clone(&held);
    let handler: Handler = Arc::new(move |_| {
        let in_answer = Arc::clone(&in_handler);
        let endless = stream::repeat_with(move || {
            let _held = &in_answer;
            Ok::<_, std::convert::Infallible>(Bytes::from_static(&[0; 1 << 16]))
        });
        Box::pin(async move { Ok(Response::new(Body::from_stream(endless))) })
    });
    let (mut client, _server) = connect(None, handler).await;
    let request = b"GET / HTTP/1.1\r\nhost: x\r\n\r\n";
    client.write_all(request).await.unwrap();
    let mut first = [0; 8];
    client.read_exact(&mut first).await.unwrap();
    let let_go = async {
        while Arc::strong_count(&held) > 2 {
            sleep(Duration::from_millis(10)).await;
        }
    };
    timeout(TEST_DEADLINE, let_go).await.expect("it is let go");
}

#[tokio::test]
async fn a_head_that_is_too_large_is_431() {
    let folder = tempfile::tempdir().unwrap();
    for filler in ["y: z\r\n", "a"] {
        let (client, _server) = connect(None, registry(folder.path())).await;
        let (mut reading, mut writing) = client.into_split();
        let head = format!(
            "GET /v2/ HTTP/1.1\r\nhost: x\r\nx: {}",
            filler.repeat(1 << 20)
        );
        // The server answers before it has read all of it; what it does not take is not the matter here.
        let writing = tokio::spawn(async move { writing.write_all(head.as_bytes()).await });
        let mut answer = [0; 12];
        let read = reading.read_exact(&mut answer);
        timeout(TEST_DEADLINE, read)
            .await
            .expect("an answer")
            .unwrap();
        assert_eq!(&answer, b"HTTP/1.1 431");
        drop(writing);
    }
}
