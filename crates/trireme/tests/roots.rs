//! The certificates that Concourse mounts over `/etc/ssl/certs` are trusted, whatever their files are called, and no others.
#![cfg(feature = "peers")]

#[path = "support/bench.rs"]
mod bench;

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use bench::{Bench, stderr};
use serde_json::Value;

const PIPELINE: &str = "
resources:
- {name: platform, type: clusters, source: {server: ((server)), token: ((token)), version: v1.37.2}}
- {name: release, type: releases, source: {release_server: ((server))}}
jobs: [{name: j, plan: [{get: platform}, {get: release}]}]
";

/// Mounts the first argument over the certificates, and runs the rest.
const ENTER: &str = r#"mount --bind "$1" /etc/ssl/certs && shift && exec "$@""#;

/// `trireme check RESOURCE`, where the system trusts what lies in this folder.
fn check(bench: &Bench, certificates: &Path, resource: &str) -> Output {
    let pipeline = bench.dir.path().join("p.yml");
    fs::write(&pipeline, PIPELINE).expect("a pipeline");
    let access = access(bench);
    let text = |pointer: &str| {
        access
            .pointer(pointer)
            .and_then(Value::as_str)
            .expect("text")
    };
    Command::new("unshare")
        .args([
            "--user",
            "--map-root-user",
            "--mount",
            "sh",
            "-c",
            ENTER,
            "sh",
        ])
        .arg(certificates)
        .arg(env!("CARGO_BIN_EXE_trireme"))
        .arg("check")
        .arg(&pipeline)
        .arg(resource)
        .args([
            "--type",
            "clusters=cluster",
            "--type",
            "releases=kubernetes-release",
        ])
        .arg("--var")
        .arg(format!("server={}", text("/clusters/0/cluster/server")))
        .arg("--var")
        .arg(format!("token={}", text("/users/0/user/token")))
        .env("NO_COLOR", "1")
        .env_remove("SSL_CERT_FILE")
        .env_remove("SSL_CERT_DIR")
        .output()
        .expect("the program starts")
}

/// The kubeconfig of the platform.
fn access(bench: &Bench) -> Value {
    let vars = bench.sandbox.vars().expect("vars");
    let text = vars["kubeconfig"].as_str().expect("a text");
    let read = trireme_runner::yaml::parse(text).expect("YAML");
    read.to_json()
}

/// Writes the authority of the platform's API server, which no other system knows.
fn write_authority(bench: &Bench, file: &Path) {
    let access = access(bench);
    let data = access.pointer("/clusters/0/cluster/certificate-authority-data");
    let data = data.and_then(Value::as_str).expect("a certificate");
    let script = r#"echo "$1" | base64 -d > "$2""#;
    let decode = Command::new("sh")
        .args(["-ec", script, "sh", data])
        .arg(file)
        .status();
    assert!(decode.expect("a shell").success());
}

#[test]
fn the_certificates_of_the_worker_are_trusted() {
    let bench = Bench::new();
    let folder = bench.dir.path().join("certs");
    fs::create_dir(&folder).expect("a folder");
    let public = "/etc/ssl/certs/ca-certificates.crt";
    fs::copy(public, folder.join("public.crt")).expect("the authorities of this system");
    for resource in ["platform", "release"] {
        let stranger = check(&bench, &folder, resource);
        assert_eq!(
            stranger.status.code(),
            Some(1),
            "{resource}: {}",
            stderr(&stranger)
        );
        let words = stderr(&stranger);
        assert!(words.contains("UnknownIssuer"), "{resource}: {words}");
    }
    write_authority(&bench, &folder.join("worker-7.crt"));
    let known = check(&bench, &folder, "platform");
    assert_eq!(known.status.code(), Some(0), "{}", stderr(&known));
    let versions: Value = serde_json::from_slice(&known.stdout).expect("JSON");
    assert_eq!(versions[0]["to"], "v1.37.2", "{versions}");
    // An API server publishes no releases, but it is believed to be who it says.
    let known = check(&bench, &folder, "release");
    let words = stderr(&known);
    assert_eq!(known.status.code(), Some(1), "{words}");
    assert!(
        words.contains("403") || words.contains("401") || words.contains("404"),
        "{words}"
    );
}
