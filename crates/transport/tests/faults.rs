//! A real server on loopback that answers wrongly, late or not at all.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use axum::{
    Router,
    body::Body,
    extract::State,
    http::{HeaderMap, StatusCode},
    response::{IntoResponse as _, Redirect, Response},
    routing::get,
};
use futures_util::stream;
use http::header::AUTHORIZATION;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use trireme_protocol::lines::capture;
use trireme_transport::{Client, Conditional, Options, Request, TransportError};

const LIMIT: u64 = 1024;

#[derive(Clone, Default)]
struct Hits(Arc<AtomicUsize>);

impl Hits {
    fn next(&self) -> usize {
        self.0.fetch_add(1, Ordering::SeqCst) + 1
    }

    fn count(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }
}

async fn serve(router: Router) -> SocketAddr {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
        .await
        .expect("a port");
    let address = listener.local_addr().expect("its address");
    tokio::spawn(async move { axum::serve(listener, router).await });
    address
}

fn client() -> Client {
    Client::new(Options::default()).expect("a client")
}

/// Answers the first `failures` requests with `status`, then 200.
async fn flaky(status: StatusCode, failures: usize) -> (String, Hits) {
    let hits = Hits::default();
    let answer = move |State(hits): State<Hits>| async move {
        if hits.next() <= failures {
            (status, [("retry-after", "0")], "wait").into_response()
        } else {
            "fine".into_response()
        }
    };
    let router = Router::new()
        .route("/", get(answer))
        .with_state(hits.clone());
    (format!("http://{}/", serve(router).await), hits)
}

#[tokio::test]
async fn transient_answers_are_tried_again_and_others_are_not() {
    for (status, failures, expected_hits) in [
        (StatusCode::TOO_MANY_REQUESTS, 2, 3),
        (StatusCode::SERVICE_UNAVAILABLE, 1, 2),
        (StatusCode::INTERNAL_SERVER_ERROR, 1, 2),
        (StatusCode::NOT_FOUND, 1, 1),
        (StatusCode::UNAUTHORIZED, 1, 1),
    ] {
        let (url, hits) = flaky(status, failures).await;
        let fetched = client().fetch(Request::get(url), LIMIT).await.unwrap();
        assert_eq!(hits.count(), expected_hits, "{status}");
        let last = if expected_hits > failures {
            StatusCode::OK
        } else {
            status
        };
        assert_eq!(fetched.status, last);
    }
}

#[tokio::test]
async fn a_patient_client_waits_for_a_server_that_limits_its_rate_beyond_the_attempts() {
    let (url, hits) = flaky(StatusCode::TOO_MANY_REQUESTS, 5).await;
    let fetched = client().patient().fetch(Request::get(url), LIMIT).await;
    assert_eq!(fetched.unwrap().status, StatusCode::OK);
    assert_eq!(hits.count(), 6);
    let (url, hits) = flaky(StatusCode::TOO_MANY_REQUESTS, 5).await;
    client().fetch(Request::get(url), LIMIT).await.unwrap_err();
    assert_eq!(hits.count(), 5);
}

#[tokio::test]
async fn a_server_that_stays_unavailable_is_named_with_what_it_said() {
    let (url, hits) = flaky(StatusCode::SERVICE_UNAVAILABLE, 100).await;
    let error = client().fetch(Request::get(url), LIMIT).await.unwrap_err();
    assert_eq!(hits.count(), 5);
    let text = error.to_string();
    assert!(
        text.contains("503") && text.contains("5 attempts") && text.contains("wait"),
        "{text}"
    );
}

#[tokio::test]
async fn nobody_listening_is_an_error_that_names_the_url_without_its_secrets() {
    let request = Request::get("http://user:hunter2@127.0.0.1:1/x?token=hunter2");
    let error = client().fetch(request, LIMIT).await.unwrap_err();
    let text = format!("{error} {error:?}");
    assert!(
        text.contains("http://127.0.0.1:1/x") && !text.contains("hunter2"),
        "{text}"
    );
}

#[tokio::test]
async fn each_attempt_is_a_debug_line_that_hides_the_query() {
    let lines = capture(true);
    let (url, _) = flaky(StatusCode::SERVICE_UNAVAILABLE, 1).await;
    let request = Request::get(format!("{url}?token=hunter2"));
    client().fetch(request, LIMIT).await.unwrap();
    let request = Request::get("http://user:hunter2@127.0.0.1:1/x");
    client().fetch(request, LIMIT).await.unwrap_err();
    let lines = lines.lines();
    let expected = [
        (format!("request: GET {url}?… 503 "), " ms"),
        (format!("request: GET {url}?… 200 "), " ms (attempt 2)"),
        (
            "request: GET http://127.0.0.1:1/x no answer ".to_owned(),
            " ms",
        ),
    ];
    for (line, (begin, end)) in lines.iter().zip(&expected) {
        assert!(line.starts_with(begin) && line.ends_with(end), "{lines:#?}");
    }
    assert!(lines.len() > expected.len(), "{lines:#?}");
}

#[tokio::test]
async fn a_body_over_the_limit_is_refused_and_an_endless_one_is_not_kept() {
    let endless = || async {
        let chunks = stream::repeat_with(|| Ok::<_, std::io::Error>("x".repeat(1000)));
        Response::new(Body::from_stream(chunks))
    };
    let router = Router::new().route("/", get(endless));
    let url = format!("http://{}/", serve(router).await);
    let error = client().fetch(Request::get(url), LIMIT).await.unwrap_err();
    assert!(
        matches!(
            error,
            TransportError::TooLarge {
                limit_bytes: LIMIT,
                ..
            }
        ),
        "{error}"
    );
}

#[tokio::test]
async fn a_body_that_breaks_off_is_read_again_and_then_an_error() {
    let hits = Hits::default();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let server = hits.clone();
    tokio::spawn(async move {
        loop {
            let (mut connection, _) = listener.accept().await.unwrap();
            let mut request = [0; 1024];
            let length = connection.read(&mut request).await.unwrap();
            assert!(request[..length].starts_with(b"GET / "));
            server.next();
            let half = b"HTTP/1.1 200 OK\r\ncontent-length: 8\r\n\r\nhalf";
            connection.write_all(half).await.unwrap();
        }
    });
    let error = client().fetch(Request::get(url), LIMIT).await.unwrap_err();
    assert!(
        matches!(error, TransportError::BodyBroken { .. }),
        "{error}"
    );
    assert_eq!(hits.count(), 2);
}

#[tokio::test]
async fn a_redirect_to_another_host_carries_no_credentials() {
    let told = |headers: HeaderMap| async move { headers.contains_key(AUTHORIZATION).to_string() };
    let other = serve(Router::new().route("/", get(told))).await;
    let router = Router::new()
        .route(
            "/away",
            get(move || async move { Redirect::temporary(&format!("http://{other}/")) }),
        )
        .route("/here", get(|| async { Redirect::temporary("/told") }))
        .route("/told", get(told));
    let address = serve(router).await;
    for (path, kept) in [("away", "false"), ("here", "true")] {
        let request = Request::get(format!("http://{address}/{path}"));
        let request = request.secret_header(AUTHORIZATION, "Bearer secret");
        let fetched = client().fetch(request, LIMIT).await.unwrap();
        assert_eq!(fetched.body, kept, "{path}");
    }
}

#[tokio::test]
async fn what_has_not_changed_is_not_sent_again() {
    let answer = |headers: HeaderMap| async move {
        let known = headers
            .get("if-none-match")
            .is_some_and(|value| value == "\"1\"");
        if known {
            StatusCode::NOT_MODIFIED.into_response()
        } else {
            ([("etag", "\"1\"")], "content").into_response()
        }
    };
    let url = format!(
        "http://{}/",
        serve(Router::new().route("/", get(answer))).await
    );
    let client = client();
    let first = client.fetch_if_changed(&url, None, LIMIT).await.unwrap();
    let Conditional::Fresh { fetched, validator } = first else {
        panic!("nothing was known yet");
    };
    assert_eq!(fetched.body, "content");
    let second = client
        .fetch_if_changed(&url, Some(&validator), LIMIT)
        .await
        .unwrap();
    assert!(matches!(second, Conditional::NotModified));
}

#[tokio::test]
async fn what_was_downloaded_is_unchanged_only_on_the_word_of_the_server() {
    // `/etag` knows conditions, `/plain` only sends its tag, `/post` allows nothing but GET.
    let tagged = |headers: HeaderMap| async move {
        let known = headers.get("if-none-match").is_some_and(|v| v == "\"1\"");
        let status = if known {
            StatusCode::NOT_MODIFIED
        } else {
            StatusCode::OK
        };
        (status, [("etag", "\"1\"")]).into_response()
    };
    let get_only = |method: http::Method| async move {
        let status = if method == http::Method::GET {
            StatusCode::OK
        } else {
            StatusCode::METHOD_NOT_ALLOWED
        };
        (status, [("etag", "\"1\"")])
    };
    let router = Router::new()
        .route("/etag", get(tagged))
        .route("/plain", get(|| async { ([("etag", "\"1\"")], "abc") }))
        .route("/changed", get(|| async { ([("etag", "\"2\"")], "abc") }))
        .route("/get", get(get_only));
    let address = serve(router).await;
    let url = |path: &str| format!("http://{address}{path}");
    let downloaded = client()
        .download(&url("/plain"), &mut Vec::new(), LIMIT)
        .await
        .unwrap();
    let validator = downloaded.validator.unwrap();
    for (path, unchanged) in [
        ("/etag", true),
        ("/plain", true),
        ("/changed", false),
        ("/get", false),
        ("/gone", false),
    ] {
        let asked = client().is_unchanged(&url(path), &validator).await.unwrap();
        assert_eq!(asked, unchanged, "{path}");
    }
}

#[tokio::test]
async fn a_download_gives_checksums_and_refuses_what_is_not_the_file() {
    let router = Router::new().route("/file", get(|| async { "abc" })).route(
        "/page",
        get(|| async { (StatusCode::FORBIDDEN, "<html>log in</html>") }),
    );
    let address = serve(router).await;
    let mut written = Vec::new();
    let file = format!("http://{address}/file");
    let downloaded = client().download(&file, &mut written, LIMIT).await.unwrap();
    assert_eq!(written, b"abc");
    assert_eq!(downloaded.size, 3);
    assert!(downloaded.sha256.starts_with("ba7816bf") && downloaded.sha512.starts_with("ddaf35a1"));

    let page = format!("http://{address}/page");
    let error = client()
        .download(&page, &mut written, LIMIT)
        .await
        .unwrap_err();
    assert!(error.to_string().contains("HTML page"), "{error}");
    let error = client().download(&file, &mut written, 2).await.unwrap_err();
    assert!(matches!(error, TransportError::TooLarge { .. }));
}

#[tokio::test]
async fn a_server_that_asks_for_the_end_of_time_is_not_waited_for() {
    let hits = Hits::default();
    let answer = move |State(hits): State<Hits>| async move {
        let wait = if hits.next() < 3 { 1 } else { u64::MAX };
        let header = [("retry-after", wait.to_string())];
        (StatusCode::SERVICE_UNAVAILABLE, header, "wait")
    };
    let router = Router::new()
        .route("/", get(answer))
        .with_state(hits.clone());
    let url = format!("http://{}/", serve(router).await);
    let error = client().fetch(Request::get(url), LIMIT).await.unwrap_err();
    assert!(error.to_string().contains("503"), "{error}");
    assert_eq!(hits.count(), 3);
}
