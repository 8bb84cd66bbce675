//! The kubeadm example without a host: `nsenter` is replaced by a recorder that answers as a host would.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::PathBuf,
    process::{Command, Output},
};

use tempfile::TempDir;

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../pipelines/kubeadm/act.sh");

/// Writes down what is run on the host; fails on what starts with the content of `broken`.
const NSENTER: &str = r#"#!/bin/sh
while [ "$1" != -- ]; do shift; done
shift
echo "$*" >>"$RECORD/calls"
case "$*" in "$(cat "$RECORD/broken")"*) exit 1 ;; esac
case "$*" in
*.sha256) echo "0123 file" ;;
"crictl inspecti"*) cat "$RECORD/inspected" ;;
kubectl*) cat "$RECORD/configuration" ;;
sha256sum*) cat ;;
esac
"#;

const VERSION: &str = "v1.37.2";
const NAMES: [&str; 4] = [
    "kube-apiserver",
    "kube-controller-manager",
    "kube-proxy",
    "kube-scheduler",
];

fn image(name: &str) -> String {
    format!("registry.test/{name}@sha256:{}", "a".repeat(64))
}

fn images() -> String {
    let images = NAMES.map(|name| format!("\"{name}\":\"{}\"", image(name)));
    format!("{{{}}}", images.join(","))
}

/// A host, and what its programs answer.
struct Host(TempDir);

impl Host {
    fn new() -> Self {
        let host = Self(tempfile::tempdir().expect("the temporary folder is ours"));
        let nsenter = host.path("nsenter");
        fs::write(&nsenter, NSENTER).expect("the temporary folder is ours");
        fs::set_permissions(&nsenter, fs::Permissions::from_mode(0o755))
            .expect("the temporary folder is ours");
        host.set("broken", "nothing");
        let inspected = NAMES.map(|name| format!("\"{}\"\n", image(name)));
        host.set("inspected", &inspected.concat());
        host.set("configuration", "kubernetesVersion: v1.36.4\n");
        host.set("calls", "");
        host
    }

    fn control_plane() -> Self {
        let host = Self::new();
        let manifests = host.path("etc/kubernetes/manifests");
        fs::create_dir_all(&manifests).expect("the temporary folder is ours");
        fs::write(manifests.join("kube-apiserver.yaml"), "").expect("the temporary folder is ours");
        host
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn set(&self, name: &str, content: &str) {
        fs::write(self.path(name), content).expect("the temporary folder is ours");
    }

    fn act(&self, images: &str) -> Output {
        let path = std::env::var("PATH").expect("PATH is set");
        Command::new("sh")
            .arg(SCRIPT)
            .env("PATH", format!("{}:{path}", self.0.path().display()))
            .env("RECORD", self.0.path())
            .env("HOST", self.0.path())
            .env("TRIREME_VERSION", VERSION)
            .env("TRIREME_NODE", "w-1")
            .env("TRIREME_IMAGES", images)
            .output()
            .expect("sh runs")
    }

    /// The first two words of each call: what was done, without its details.
    fn calls(&self) -> Vec<String> {
        let calls = fs::read_to_string(self.path("calls")).expect("the temporary folder is ours");
        let short = |call: &str| call.split(' ').take(2).collect::<Vec<_>>().join(" ");
        calls.lines().map(short).collect()
    }

    fn did(&self, call: &str) -> bool {
        self.calls().iter().any(|made| made == call)
    }
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

const FETCH: [&str; 5] = [
    "curl -fsSL",
    "curl -fsSL",
    "sha256sum -c",
    "chmod 755",
    "mv",
];

/// The fetched programs are renamed by path: only the word `mv` is the same for all.
fn without_paths(calls: Vec<String>) -> Vec<String> {
    let short = |call: String| match call.strip_prefix("mv ") {
        Some(_) => "mv".to_owned(),
        None => call,
    };
    calls.into_iter().map(short).collect()
}

#[test]
fn a_worker_is_upgraded_in_order() {
    let host = Host::new();
    let output = host.act(&images());
    assert!(output.status.success(), "{}", stderr(&output));
    let mut expected = vec!["crictl pull", "crictl inspecti"];
    expected.extend(FETCH);
    expected.push("kubeadm upgrade");
    expected.extend(FETCH);
    expected.extend(FETCH);
    expected.extend(["systemctl daemon-reload", "systemctl restart"]);
    assert_eq!(without_paths(host.calls()), expected);
    let calls = fs::read_to_string(host.path("calls")).unwrap();
    assert!(calls.contains("kubeadm upgrade node\n"), "{calls}");
    assert!(
        calls.contains("crictl pull registry.test/kube-proxy:v1.37.2\n"),
        "{calls}"
    );
}

#[test]
fn the_first_control_plane_node_applies_and_the_next_one_follows() {
    for (running, expected) in [
        ("v1.36.4", "kubeadm upgrade apply --yes v1.37.2\n"),
        (VERSION, "kubeadm upgrade node\n"),
    ] {
        let host = Host::control_plane();
        host.set("configuration", &format!("kubernetesVersion: {running}\n"));
        let output = host.act(&images());
        assert!(output.status.success(), "{}", stderr(&output));
        let calls = fs::read_to_string(host.path("calls")).unwrap();
        assert!(calls.contains(expected), "{running}: {calls}");
        for name in NAMES {
            let pulled = format!("crictl pull registry.test/{name}:v1.37.2\n");
            assert!(calls.contains(&pulled), "{calls}");
        }
    }
}

#[test]
fn the_first_failure_ends_it() {
    for broken in [
        "crictl pull",
        "crictl inspecti",
        "curl",
        "sha256sum",
        "mv",
        "kubectl",
        "kubeadm upgrade",
        "systemctl daemon-reload",
    ] {
        let host = Host::control_plane();
        host.set("broken", broken);
        let output = host.act(&images());
        assert!(!output.status.success(), "{broken}");
        let calls = host.calls();
        let last = calls.last().unwrap();
        assert!(last.starts_with(broken), "{broken}: {calls:?}");
        assert!(!host.did("systemctl restart"), "{broken}: {calls:?}");
    }
}

#[test]
fn without_the_verified_digests_nothing_is_touched() {
    let moved = Host::new();
    moved.set("inspected", "\"registry.test/kube-proxy@sha256:other\"\n");
    let output = moved.act(&images());
    assert!(!output.status.success());
    assert!(stderr(&output).contains("not the verified image"));
    assert_eq!(moved.calls(), ["crictl pull", "crictl inspecti"]);

    for named in ["{}", r#"{"kube-proxy":"registry.test/kube-proxy:v1.37.2"}"#] {
        let host = Host::new();
        let output = host.act(named);
        assert!(!output.status.success(), "{named}");
        let text = stderr(&output);
        assert!(text.contains("no digest for kube-proxy"), "{text}");
        assert_eq!(host.calls(), Vec::<String>::new());
    }
}
