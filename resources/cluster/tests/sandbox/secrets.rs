//! Secrets planted in the source never come out again, in any form, whether the step ends well or not.

use std::path::Path;
use std::process::Output;

use axum::Json;
use axum::http::{HeaderMap, StatusCode, header};
use axum::routing::any;
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use trireme_peers::leak;

use crate::world::{NEW, OLD, World, stderr};

/// Characters that every encoding writes in another way.
const TOKEN: &str = "canary/secret+value=1";
const KEY: &str =
    "-----BEGIN PRIVATE KEY-----\nY2FuYXJ5L2tleSt2YWx1ZT0x\n-----END PRIVATE KEY-----\n";

/// Neither what the program said nor what it wrote has the secrets in it.
fn assert_hidden(secrets: &[&str], output: &Output, folder: &Path) {
    for said in [&output.stdout, &output.stderr] {
        leak::assert_none(&String::from_utf8_lossy(said), secrets);
    }
    leak::assert_none_in_files(folder, secrets);
}

/// A secret as a server may repeat it.
fn repeated(secret: &str) -> String {
    let escaped = utf8_percent_encode(secret, NON_ALPHANUMERIC).to_string();
    let encoded = [STANDARD.encode(secret), URL_SAFE.encode(secret)];
    format!("{secret} {escaped} {}", encoded.join(" "))
}

/// A server that refuses everything and repeats what it was sent, in every form.
async fn echo() -> (String, JoinHandle<()>) {
    let refuse = async |headers: HeaderMap| {
        let sent = headers.get(header::AUTHORIZATION);
        let sent = sent.map_or("", |sent| sent.to_str().unwrap());
        let token = sent.trim_start_matches("Bearer ");
        let message = format!("refused: {}", repeated(token));
        let status = json!({
            "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
            "reason": "Forbidden", "code": 403, "message": message,
        });
        (StatusCode::FORBIDDEN, Json(status))
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let server = format!("http://{}", listener.local_addr().unwrap());
    let serve = async move { axum::serve(listener, any(refuse)).await.unwrap() };
    (server, tokio::spawn(serve))
}

fn kubeconfig(server: &str, user: &Value) -> String {
    json!({
        "apiVersion": "v1", "kind": "Config", "current-context": "c",
        "clusters": [{"name": "c", "cluster": {"server": server, "insecure-skip-tls-verify": true}}],
        "users": [{"name": "u", "user": user}],
        "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
    })
    .to_string()
}

/// Every way in which a source with a secret can be wrong, by name.
fn wrong_sources(api: &str, echo: &str) -> Vec<(&'static str, Value)> {
    let token = json!({"token": TOKEN});
    let plugin = json!({"token": TOKEN, "exec": {"apiVersion": "v1", "command": "sh"}});
    let key = json!({"client-certificate-data": STANDARD.encode(KEY), "client-key-data": STANDARD.encode(KEY)});
    // Nothing listens on port 1.
    let nobody = "https://127.0.0.1:1";
    vec![
        ("401", json!({"kubeconfig": kubeconfig(api, &token)})),
        ("echo", json!({"kubeconfig": kubeconfig(echo, &token)})),
        ("echo of a token", json!({"server": echo, "token": TOKEN})),
        ("nobody", json!({"kubeconfig": kubeconfig(nobody, &token)})),
        ("nobody, a token", json!({"server": nobody, "token": TOKEN})),
        ("a plugin", json!({"kubeconfig": kubeconfig(api, &plugin)})),
        ("a broken key", json!({"kubeconfig": kubeconfig(api, &key)})),
        (
            "no kubeconfig",
            json!({"kubeconfig": format!("{TOKEN}: [")}),
        ),
        ("text only", json!({"kubeconfig": TOKEN})),
        (
            "both ways",
            json!({"kubeconfig": kubeconfig(api, &token), "token": TOKEN}),
        ),
        (
            "an unknown key",
            json!({"server": api, "token": TOKEN, "tokn": TOKEN}),
        ),
        ("a map", json!({"server": api, "token": {"value": TOKEN}})),
        ("a list", json!({"server": api, "token": [TOKEN]})),
        (
            "a bad CA",
            json!({"server": api, "token": TOKEN, "ca_certs": ["no PEM"]}),
        ),
        (
            "a bad limit",
            json!({"server": api, "token": TOKEN, "policy": {"max_unavailable": "x"}}),
        ),
    ]
}

fn request(step: &str, source: &Value) -> Value {
    let mut source = source.clone();
    source["debug"] = json!(true);
    source["act"] = json!({"image": "registry.example/node-act:1"});
    let version =
        json!({"blueprint": "00", "from": OLD, "to": NEW, "since": "2026-01-01T00:00:00Z"});
    match step {
        "out" => json!({"source": source, "params": {"version": NEW}}),
        _ => json!({"source": source, "version": version}),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_error_shows_a_secret() {
    let world = World::small().await;
    let admin: Value = serde_json::from_str(&world.kubeconfig).unwrap();
    let api = admin["clusters"][0]["cluster"]["server"].as_str().unwrap();
    let (echo, server) = echo().await;
    for (what, source) in wrong_sources(api, &echo) {
        for step in ["check", "in", "out"] {
            let output = world.run(step, &request(step, &source)).await;
            let title = format!("{what}, {step}");
            assert!(!output.status.success(), "{title}");
            assert!(!output.stderr.is_empty(), "{title}");
            assert!(output.stdout.is_empty(), "{title}");
            let work = world.dir.path().join("work");
            assert_hidden(&[TOKEN, KEY], &output, &work);
            if what.starts_with("echo") {
                assert!(stderr(&output).contains("refused: "), "{}", stderr(&output));
            }
        }
    }
    server.abort();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_step_that_ends_well_shows_a_secret() {
    let world = World::small().await;
    let access: Value = serde_json::from_str(&world.kubeconfig).unwrap();
    let token = access["users"][0]["user"]["token"].as_str().unwrap();
    let mut source = world.source();
    source["debug"] = json!(true);
    source["version"] = json!(NEW);
    // Its registry is the server that repeats everything.
    let (echo, server) = echo().await;
    let host = echo.trim_start_matches("http://");
    source["evidence"] = json!({
        "repository": format!("{host}/evidence"), "username": "robot", "password": TOKEN,
    });
    let put = json!({"source": source, "params": {}});
    let made = world.run("out", &put).await;
    assert!(made.status.success(), "{}", stderr(&made));
    let made: (Output, Value) = (made.clone(), serde_json::from_slice(&made.stdout).unwrap());
    let again = json!({"source": source, "version": made.1["version"]});
    let got = world.run("in", &again).await;
    let checked = world.run("check", &again).await;
    for output in [made.0, got, checked] {
        assert!(output.status.success(), "{}", stderr(&output));
        let work = world.dir.path().join("work");
        assert_hidden(&[token, TOKEN], &output, &work);
    }
    server.abort();
    let mut written = std::fs::read_dir(world.dir.path().join("work")).unwrap();
    assert!(written.next().is_some());
}
