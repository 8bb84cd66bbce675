//! `from` names the API server that is asked for its version.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::Request;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Redirect};
use serde_json::{Value, json};
use trireme_peers::{Front, Wrong, leak};

use crate::{Site, check, markers, run, serve, words};

/// As long as those of real accounts at least.
const TOKEN: &str = concat!(
    "eyJhbGciOi.canary-secret_value-0123456789-0123456789-0123456789-0123456789-0123456789",
    "-0123456789-0123456789-0123456789-0123456789-0123456789-0123456789.c2lnbmF0dXJl",
);
/// What remains of it when a message is cut.
const HALF: &str = "eyJhbGciOi.canary-secret_value-0123456789";

fn version_info(git_version: &str) -> String {
    json!({"major": "1", "minor": "36+", "gitVersion": git_version, "platform": "linux/amd64"})
        .to_string()
}

fn answering(status: u16, body: impl Into<String>) -> Site {
    Site::from([("/version".into(), (status, body.into()))])
}

async fn api_server(git_version: &str) -> String {
    serve(answering(200, version_info(git_version))).await
}

/// Standard output of a good `check` as versions, and standard error.
async fn check_from(from: Value) -> (Vec<String>, String) {
    let source = json!({"release_server": serve(markers()).await, "from": from});
    let output = run(&["check"], json!({"source": source})).await;
    assert!(output.status.success(), "{}", words(&output));
    let versions: Vec<Value> = serde_json::from_slice(&output.stdout).unwrap();
    let texts = versions
        .iter()
        .map(|version| version["version"].as_str().unwrap().to_owned());
    (texts.collect(), words(&output))
}

#[tokio::test]
async fn the_api_server_says_what_runs_also_with_the_suffix_of_a_vendor() {
    for (runs, expected) in [
        ("v1.36.4", "v1.36.6"),
        ("v1.36.4+k3s1", "v1.36.6"),
        ("v1.36.4+vmware.1-fips.1", "v1.36.6"),
        ("v1.36.6-eks-cb19647", "v1.37.2"),
        ("v1.36.6-gke.1234000", "v1.37.2"),
        ("v1.37.2", "v1.37.2"),
        ("v1.37.2+rke2r1", "v1.37.2"),
    ] {
        let server = api_server(runs).await;
        let (found, said) = check_from(json!({"server": server})).await;
        assert_eq!(found, [expected], "{runs} runs: {said}");
        let again = said.contains("so v1.37.2 is emitted");
        assert_eq!(again, runs.starts_with("v1.37.2"), "{said}");
    }
}

/// A roll between two checks, and no key of the source changes.
#[tokio::test]
async fn each_check_asks_anew() {
    let runs = Arc::new(Mutex::new("v1.36.6"));
    let answer = Arc::clone(&runs);
    let router = Router::new().fallback(move || {
        let version = version_info(*answer.lock().unwrap());
        async { version }
    });
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let server = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await });
    let source = json!({"from": {"server": server}});
    let found = async |last| check(markers(), source.clone(), last).await.unwrap();
    assert_eq!(found(None).await, ["v1.37.2"]);
    *runs.lock().unwrap() = "v1.37.2";
    assert_eq!(found(Some("v1.37.2")).await, ["v1.37.2"]);
}

/// What a server saw: the path and the `authorization` of each request.
type Seen = Arc<Mutex<Vec<(String, Option<String>)>>>;

async fn recording(
    answer: impl Fn() -> axum::response::Response + Clone + Send + Sync + 'static,
) -> (String, Seen) {
    let seen = Seen::default();
    let record = Arc::clone(&seen);
    let router = Router::new().fallback(move |request: Request| {
        let sent = request.headers().get(header::AUTHORIZATION);
        let sent = sent.map(|value| value.to_str().unwrap().to_owned());
        record
            .lock()
            .unwrap()
            .push((request.uri().path().to_owned(), sent));
        let answer = answer();
        async { answer }
    });
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let server = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await });
    (server, seen)
}

#[tokio::test]
async fn a_token_is_sent_only_where_one_is_given_and_only_to_the_api_server() {
    let (server, seen) = recording(|| version_info("v1.36.6").into_response()).await;
    for (token, sent) in [
        (Value::Null, None),
        (json!(format!("{TOKEN}\n")), Some(format!("Bearer {TOKEN}"))),
    ] {
        seen.lock().unwrap().clear();
        let (releases, others) = recording(|| StatusCode::NOT_FOUND.into_response()).await;
        let from = json!({"server": format!("{server}/"), "token": token});
        let request = json!({"source": {"release_server": releases, "from": from}});
        let output = run(&["check"], request).await;
        // The release server has no markers; the API server was asked before.
        assert!(
            words(&output).contains("there is no such marker"),
            "{}",
            words(&output)
        );
        assert_eq!(*seen.lock().unwrap(), [("/version".into(), sent)]);
        assert!(
            others
                .lock()
                .unwrap()
                .iter()
                .all(|(_, sent)| sent.is_none())
        );
    }
}

#[tokio::test]
async fn a_redirect_to_another_host_does_not_carry_the_token_there() {
    let (other, seen) = recording(|| StatusCode::NOT_FOUND.into_response()).await;
    let there = format!("{other}/version");
    let (server, _) = recording(move || Redirect::temporary(&there).into_response()).await;
    let from = json!({"server": server, "token": TOKEN});
    let (exit, said) = check(markers(), json!({"from": from}), None)
        .await
        .unwrap_err();
    assert_eq!(exit, 1, "{said}");
    assert!(said.contains("answered 404, expected 200"), "{said}");
    assert_eq!(*seen.lock().unwrap(), [("/version".into(), None)]);
    leak::assert_none(&said, &[TOKEN, HALF]);
}

/// Holds an answer of `/version` to an error that names it and does not show the token.
async fn assert_error(status: u16, body: String, says: &str) {
    let api = serve(answering(status, body.clone())).await;
    let source = json!({"from": {"server": api, "token": TOKEN}, "debug": true});
    let (exit, found) = check(markers(), source, None).await.unwrap_err();
    let case = format!("{status} {}: {found}", &body[..body.len().min(99)]);
    assert_eq!(exit, 1, "{case}");
    assert!(found.contains(says), "{case}");
    assert!(found.contains(&format!("GET {api}/version")), "{case}");
    assert!(found.len() < 4000, "{} bytes are no message", found.len());
    leak::assert_none(&found, &[TOKEN, HALF]);
}

/// Every answer repeats the token, as a proxy for debugging does.
#[tokio::test]
async fn a_status_other_than_200_is_an_error_that_says_what_to_try() {
    let server = "is source.from.server the address of an API server?";
    for (status, body, says) in [
        (
            401,
            json!({ "token": TOKEN }).to_string(),
            "is source.from.token still valid?",
        ),
        (403, format!("no: {TOKEN}"), "system:public-info-viewer"),
        (404, format!("no: {TOKEN}"), server),
        (500, format!("no: {TOKEN}"), "answered 500"),
        (503, format!("no: {TOKEN}"), "answered 503"),
    ] {
        assert_error(status, body, says).await;
    }
    let api = serve(answering(403, "no")).await;
    let source = json!({"from": {"server": api}});
    let (_, found) = check(markers(), source, None).await.unwrap_err();
    let says = "it wants a token: set source.from.token";
    assert!(found.contains(says), "{found}");
}

#[tokio::test]
async fn an_answer_that_is_not_a_version_is_an_error_that_says_so() {
    let huge = format!(
        "{{\"gitVersion\": \"v1.36.4\", \"x\": \"{}\"}}",
        "a".repeat(100 << 10)
    );
    let no_document = "expected JSON with `gitVersion`";
    let no_version = "`gitVersion` is not a version";
    for (body, says) in [
        (String::new(), "found an empty body"),
        (format!("<!doctype html>{TOKEN}"), "an HTML page"),
        (format!("<html>{TOKEN}"), "the address of an API server?"),
        (TOKEN.into(), no_document),
        ("v1.36.4".into(), no_document),
        ("{\"gitVersion\": \"v1.36".into(), no_document),
        (
            json!({"gitversion": "v1.36.4", "token": TOKEN}).to_string(),
            no_document,
        ),
        (json!({"gitVersion": 1.36}).to_string(), no_document),
        (json!(["v1.36.4"]).to_string(), no_document),
        (json!([{"gitVersion": "v1.36.4"}]).to_string(), no_document),
        (version_info(""), no_version),
        (version_info("v1.36"), "`v1.36` is not a Kubernetes version"),
        (version_info(TOKEN), no_version),
        (version_info(&format!("v1.36.4-{TOKEN}")), no_version),
        (version_info(&"9".repeat(10_000)), no_version),
        (huge, "larger than 65536 bytes"),
    ] {
        assert_error(200, body, says).await;
    }
}

#[tokio::test]
async fn a_check_that_ends_well_does_not_show_the_token_even_as_the_suffix_of_a_version() {
    const SHORT: &str = "eyJhbGciOi.canary-secret-value.c2lnbmF0dXJl";
    for runs in [
        "v1.37.2".into(),
        format!("v1.37.2+{SHORT}"),
        format!("v1.37.3-{SHORT}"),
    ] {
        let from = json!({"server": api_server(&runs).await, "token": SHORT});
        let source = json!({"release_server": serve(markers()).await, "from": from, "debug": true});
        let output = run(&["check"], json!({"source": source})).await;
        let said = words(&output);
        assert!(output.status.success(), "{said}");
        assert!(said.contains("/version 200 "), "{said}");
        leak::assert_none(&said, &[SHORT]);
        leak::assert_none(&String::from_utf8_lossy(&output.stdout), &[SHORT]);
    }
}

#[tokio::test]
async fn an_api_server_that_fails_is_an_error_of_check() {
    let server = api_server("v1.36.4").await;
    let server = server.trim_start_matches("http://");
    let fail = async |wrong: Wrong| {
        let front = Front::new(server, wrong);
        let from = json!({"server": format!("http://{}", front.host()), "token": TOKEN});
        let (exit, said) = check(markers(), json!({"from": from}), None)
            .await
            .unwrap_err();
        assert_eq!(exit, 1, "{wrong:?}: {said}");
        assert!(said.contains(wrong.words()), "{wrong:?}: {said}");
        leak::assert_none(&said, &[TOKEN, HALF]);
    };
    futures_util::future::join_all(Wrong::WITHOUT_CONTENT.map(fail)).await;
}

#[tokio::test]
async fn a_source_that_is_malformed_is_refused_without_showing_its_token() {
    let server = "https://127.0.0.1:1";
    for (from, says) in [
        (json!(TOKEN), "source.from is not a version"),
        (json!([{"server": server, "token": TOKEN}]), "source.from"),
        (json!([TOKEN]), "source.from"),
        (json!({"token": TOKEN}), "missing field `server`"),
        (json!({"server": TOKEN}), "source.from.server is not a URL"),
        (json!({"server": {"token": TOKEN}}), "source.from.server"),
        (json!({"server": [TOKEN]}), "source.from.server"),
        (
            json!({"server": format!("https://me:{TOKEN}@127.0.0.1:1")}),
            "use `token`",
        ),
        (
            json!({"server": format!("{server}?token={TOKEN}")}),
            "more than a host and a path",
        ),
        (
            json!({"server": "http://10.0.0.1", "token": TOKEN}),
            "would show the token",
        ),
        (
            json!({"server": server, "token": format!("{TOKEN} x")}),
            "source.from.token is not a token",
        ),
        (
            json!({"server": server, "token": format!("a\n{TOKEN}")}),
            "source.from.token is not a token",
        ),
        (
            json!({"server": server, "token": [TOKEN]}),
            "source.from.token",
        ),
        (
            json!({"server": server, "token": {"value": TOKEN}}),
            "source.from.token",
        ),
        (
            json!({"server": server, "token": TOKEN, "username": "me"}),
            "unknown field `username`",
        ),
        (
            json!({"server": server, "token": TOKEN, "ca_cert": "PEM"}),
            "did you mean `ca_certs`?",
        ),
        (
            json!({"server": server, "token": TOKEN, "ca_certs": [TOKEN]}),
            "a certificate in ca_certs",
        ),
    ] {
        let refused = check(markers(), json!({"from": from, "debug": true}), None).await;
        let (exit, said) = refused.unwrap_err();
        assert_eq!(exit, 78, "{from}: {said}");
        assert!(said.contains(says), "{from}: {said}");
        leak::assert_none(&said, &[TOKEN, HALF]);
    }
}

#[tokio::test]
async fn get_does_not_ask_the_api_server() {
    let dir = tempfile::tempdir().unwrap();
    let source =
        json!({"release_server": serve(markers()).await, "from": {"server": "http://127.0.0.1:1"}});
    let version = json!({"version": "v1.37.2", "channel": "stable"});
    let output = run(
        &["in", dir.path().to_str().unwrap()],
        json!({"source": source, "version": version}),
    )
    .await;
    assert!(output.status.success(), "{}", words(&output));
}
