//! The compiled program against a release server on loopback that answers well, wrongly, or not at all.

#![allow(
    clippy::unwrap_used,
    reason = "clippy.toml lets only functions marked as tests, not their helpers"
)]

mod api_server;
mod artifacts;
#[cfg(feature = "peers")]
mod container;
mod markers;
#[cfg(feature = "peers")]
mod real_api_server;
mod releases;
mod secrets;

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse as _, Response};
use futures_util::future::join_all;
use serde_json::{Value, json};
use trireme_peers::{Front, Wrong};

/// What each path answers; 404 elsewhere.
type Site = BTreeMap<String, (u16, String)>;

/// SHA-256 of `program`.
const SHA256: &str = "1310ca2c8932dbd118668bd97442558a3e1f546b5e15c69699dfbd6024f548d8";

fn markers() -> Site {
    let mut site = Site::new();
    for (path, text) in [
        ("/stable.txt", "v1.37.2"),
        ("/stable-1.37.txt", "v1.37.2\n"),
        ("/stable-1.36.txt", "v1.36.6"),
        ("/stable-1.34.txt", "v1.34.9"),
        ("/v1.36.4/bin/linux/amd64/kubeadm.sha256", SHA256),
    ] {
        site.insert(path.into(), (200, text.into()));
    }
    site
}

fn with(path: &str, status: u16, body: &str) -> Site {
    let mut site = markers();
    site.insert(path.into(), (status, body.into()));
    site
}

async fn answer(State(site): State<std::sync::Arc<Site>>, uri: Uri) -> Response {
    match site.get(uri.path()) {
        Some((status, body)) => {
            let status = StatusCode::from_u16(*status).unwrap();
            (status, [("retry-after", "0")], body.clone()).into_response()
        }
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

async fn serve(site: Site) -> String {
    let router = Router::new().fallback(answer).with_state(site.into());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await });
    format!("http://{address}")
}

async fn run(arguments: &[&str], request: Value) -> Output {
    // Nobody is there; loopback is reached without it.
    run_with(arguments, request, ("http_proxy", "http://127.0.0.1:1")).await
}

async fn run_with(arguments: &[&str], request: Value, env: (&str, &str)) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_trireme-kubernetes-release"));
    command
        .args(arguments)
        .env("NO_COLOR", "1")
        .env(env.0, env.1);
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut input = child.stdin.take().unwrap();
    input.write_all(request.to_string().as_bytes()).unwrap();
    drop(input);
    tokio::task::spawn_blocking(move || child.wait_with_output().unwrap())
        .await
        .unwrap()
}

/// What `check` answers: versions, or exit code and standard error.
async fn check(
    site: Site,
    mut source: Value,
    last: Option<&str>,
) -> Result<Vec<String>, (i32, String)> {
    if source["release_server"].is_null() {
        source["release_server"] = serve(site).await.into();
    }
    let version = last.map(|version| json!({"version": version, "channel": "stable"}));
    let output = run(&["check"], json!({"source": source, "version": version})).await;
    if !output.status.success() {
        assert!(output.stdout.is_empty());
        let words = String::from_utf8(output.stderr).unwrap();
        return Err((output.status.code().unwrap(), words));
    }
    let versions: Vec<BTreeMap<String, String>> = serde_json::from_slice(&output.stdout).unwrap();
    Ok(versions
        .iter()
        .map(|version| version["version"].clone())
        .collect())
}

async fn get(site: Site, version: &str, params: Value, dir: &Path) -> Output {
    let source = json!({"release_server": serve(site).await, "image_registry": "mirror.test/k8s/"});
    let version = json!({"version": version, "channel": "stable"});
    let request = json!({"source": source, "version": version, "params": params});
    run(&["in", dir.to_str().unwrap()], request).await
}

fn words(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn is_empty(dir: &Path) -> bool {
    std::fs::read_dir(dir).unwrap().next().is_none()
}

#[tokio::test]
async fn releases_come_oldest_first_and_gaps_are_skipped() {
    assert_eq!(
        check(markers(), json!({}), None).await.unwrap(),
        ["v1.37.2"]
    );
    let since = check(markers(), json!({}), Some("v1.34.9")).await.unwrap();
    assert_eq!(since, ["v1.34.9", "v1.36.6", "v1.37.2"]);
    let odd = check(markers(), json!({}), Some("latest")).await.unwrap();
    assert_eq!(odd, ["v1.37.2"], "what is no release counts as none");
    let limited = check(markers(), json!({"constraint": "<1.37"}), None)
        .await
        .unwrap();
    assert_eq!(limited, ["v1.36.6"]);
    assert!(
        check(markers(), json!({"constraint": "~1.35"}), None)
            .await
            .unwrap()
            .is_empty()
    );
}

#[tokio::test]
async fn what_is_not_loopback_is_asked_through_the_proxy_of_the_environment() {
    let proxy = serve(markers()).await;
    let source = json!({"release_server": "http://releases.invalid"});
    let request = json!({"source": source, "version": null});
    for (name, url) in [
        ("http_proxy", proxy.clone()),
        ("HTTP_PROXY", format!("{proxy}/")),
    ] {
        let output = run_with(&["check"], request.clone(), (name, &url)).await;
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{name}: {said}");
        assert!(String::from_utf8_lossy(&output.stdout).contains("v1.37.2"));
    }
    let socks = ("http_proxy", "socks5://me:hidden@127.0.0.1:1");
    let output = run_with(&["check"], request, socks).await;
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(
        said.contains("scheme is socks5") && !said.contains("hidden"),
        "{said}"
    );
}

#[tokio::test]
async fn from_a_running_release_only_the_next_step_is_seen_and_what_runs_when_there_is_none() {
    for (from, expected) in [
        ("1.36.4", ["v1.36.6"]),
        ("v1.36.4+k3s1", ["v1.36.6"]),
        ("v1.36.6", ["v1.37.2"]),
        ("v1.36.6-eks-cb19647", ["v1.37.2"]),
        ("1.37.2", ["v1.37.2"]),
        ("v1.37.2-gke.5", ["v1.37.2"]),
        ("1.34.9", ["v1.34.9"]),
    ] {
        let found = check(markers(), json!({"from": from}), None).await.unwrap();
        assert_eq!(found, expected, "from {from}");
    }
}

/// The constraint says what is wanted, not in which order it is safe.
#[tokio::test]
async fn the_newest_patch_of_the_minor_that_runs_comes_first_whatever_is_wanted() {
    let mut behind = markers();
    behind.remove("/stable-1.36.txt");
    for (site, from, constraint, expected, says) in [
        (markers(), "1.36.4", ">=1.37", "[]", "v1.36.6 comes before"),
        (
            markers(),
            "1.36.4",
            "<1.36.6",
            "v1.36.4",
            "v1.36.6 comes before",
        ),
        (markers(), "1.36.6", ">=1.37", "v1.37.2", ""),
        (markers(), "1.36.6", "<1.37", "v1.36.6", "nothing in <1.37"),
        (behind, "1.36.4", "*", "v1.36.4", "no marker of 1.36"),
    ] {
        let server = serve(site).await;
        let source = json!({"release_server": server, "from": from, "constraint": constraint});
        let output = run(&["check"], json!({"source": source})).await;
        let case = format!("{from} {constraint}: {}", words(&output));
        assert!(output.status.success(), "{case}");
        let found = String::from_utf8_lossy(&output.stdout);
        assert!(found.contains(expected), "{case}: {found}");
        assert!(words(&output).contains(says), "{case}");
    }
}

#[tokio::test]
async fn from_a_release_that_is_newer_than_the_markers_nothing_newer_is_seen() {
    for (from, expected) in [
        (
            "1.37.3",
            json!([{"version": "v1.37.3", "channel": "stable"}]),
        ),
        (
            "1.38.0",
            json!([{"version": "v1.38.0", "channel": "stable"}]),
        ),
        ("1.38.0-rc.1", json!([])),
        ("2.0.0", json!([{"version": "v2.0.0", "channel": "stable"}])),
    ] {
        let source = json!({"release_server": serve(markers()).await, "from": from});
        let output = run(&["check"], json!({"source": source})).await;
        assert!(output.status.success(), "from {from}: {}", words(&output));
        let found: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(found, expected, "from {from}");
        let says =
            format!("nothing follows v{from}: the newest stable release is the older v1.37.2");
        assert!(words(&output).contains(&says), "{}", words(&output));
    }
}

#[tokio::test]
async fn an_answer_that_is_no_marker_is_an_error_that_says_so() {
    for (path, status, body, says) in [
        ("/stable.txt", 404, "", "there is no such marker"),
        ("/stable.txt", 401, "who?", "answered 401"),
        ("/stable.txt", 500, "", "answered 500"),
        ("/stable-1.37.txt", 429, "", "answered 429"),
        ("/stable-1.37.txt", 403, "", "answered 403"),
        ("/stable-1.37.txt", 200, "<html>log in</html>", "HTML page"),
        ("/stable-1.37.txt", 200, "", "an empty body"),
        ("/stable-1.37.txt", 200, "v1.37", "expected a version"),
        (
            "/stable-1.37.txt",
            200,
            "v1.38.0",
            "expected a stable release of 1.37",
        ),
        (
            "/stable-1.37.txt",
            200,
            "v1.37.3-rc.1",
            "expected a stable release",
        ),
    ] {
        let (exit, found) = check(with(path, status, body), json!({}), None)
            .await
            .unwrap_err();
        assert_eq!(exit, 1, "{path} {status} {body}: {found}");
        assert!(found.contains(says), "{path} {status} {body}: {found}");
        assert!(found.contains(path), "{found}");
    }
}

/// In the ways in which every server fails, whatever it serves.
#[tokio::test]
async fn a_server_that_fails_is_an_error_of_check_and_get() {
    let server = serve(markers()).await;
    let server = server.trim_start_matches("http://");
    let fail = async |wrong: Wrong| {
        let front = Front::new(server, wrong);
        let source = json!({"release_server": format!("http://{}", front.host())});
        let version = json!({"version": "v1.37.2", "channel": "stable"});
        let request = json!({"source": source, "version": version});
        let dir = tempfile::tempdir().unwrap();
        for call in [&["check"][..], &["in", dir.path().to_str().unwrap()]] {
            let output = run(call, request.clone()).await;
            let case = format!("{call:?} {wrong:?}: {}", words(&output));
            assert_eq!(output.status.code(), Some(1), "{case}");
            assert!(words(&output).contains(wrong.words()), "{case}");
            assert!(output.stdout.is_empty() && is_empty(dir.path()), "{case}");
        }
    };
    // Side by side: those that may pass are tried again for some seconds.
    join_all(Wrong::WITHOUT_CONTENT.map(fail)).await;
}

#[tokio::test]
async fn a_bad_source_or_version_is_told_apart_from_a_bad_server() {
    for (source, says) in [
        (json!({"constraint": "newest"}), "source.constraint"),
        (json!({"from": "1.36"}), "source.from"),
        (
            json!({"image_registry": "https://registry.k8s.io"}),
            "source.image_registry",
        ),
        (
            json!({"release_server": "ftp://dl.k8s.io"}),
            "source.release_server",
        ),
        (
            json!({"release_server": "dl.k8s.io"}),
            "source.release_server",
        ),
        (json!({"channel": "beta"}), "source.channel"),
        (json!({"constrain": "~1.37"}), "did you mean `constraint`?"),
    ] {
        let (exit, found) = check(markers(), source, None).await.unwrap_err();
        assert_eq!(exit, 78, "{found}");
        assert!(found.contains(says), "{found}");
    }
    let dir = tempfile::tempdir().unwrap();
    let output = get(markers(), "latest", Value::Null, dir.path()).await;
    assert_eq!(output.status.code(), Some(65), "{}", words(&output));
    assert!(words(&output).contains("version.version"));
}

#[tokio::test]
async fn there_is_no_put() {
    let dir = tempfile::tempdir().unwrap();
    let output = run(
        &["out", dir.path().to_str().unwrap()],
        json!({"source": {}}),
    )
    .await;
    assert_eq!(output.status.code(), Some(78));
    assert!(
        words(&output).contains("has no `put`"),
        "{}",
        words(&output)
    );
}
