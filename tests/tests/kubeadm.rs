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
"crictl inspecti"*) cat "$RECORD/inspected" ;;
kubectl*) cat "$RECORD/configuration" ;;
esac
"#;

/// Stands for each of the programs that the image carries.
const PROGRAM: &str = "#!/bin/sh\necho Kubernetes v1.37.2\n";
const PROGRAMS: [&str; 3] = ["kubeadm", "kubectl", "kubelet"];

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
        for folder in ["programs", "usr/bin"] {
            fs::create_dir_all(host.path(folder)).expect("the temporary folder is ours");
        }
        host.set_program("nsenter", NSENTER);
        for program in PROGRAMS {
            host.set_program(&format!("programs/{program}"), PROGRAM);
            host.set(&format!("usr/bin/{program}"), "old");
        }
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

    fn set_program(&self, name: &str, content: &str) {
        self.set(name, content);
        fs::set_permissions(self.path(name), fs::Permissions::from_mode(0o755))
            .expect("the temporary folder is ours");
    }

    /// The programs that the act has put into their place.
    fn placed(&self) -> Vec<&'static str> {
        let content = |program: &str| fs::read_to_string(self.path(&format!("usr/bin/{program}")));
        let is_placed = |program: &&str| content(program).expect("a program") == PROGRAM;
        PROGRAMS.into_iter().filter(is_placed).collect()
    }

    fn act(&self, images: &str) -> Output {
        let path = std::env::var("PATH").expect("PATH is set");
        Command::new("sh")
            .arg(SCRIPT)
            .env("PATH", format!("{}:{path}", self.0.path().display()))
            .env("RECORD", self.0.path())
            .env("HOST", self.0.path())
            .env("PROGRAMS", self.path("programs"))
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

#[test]
fn a_worker_is_upgraded_in_order() {
    let host = Host::new();
    let output = host.act(&images());
    assert!(output.status.success(), "{}", stderr(&output));
    let expected = [
        "crictl pull",
        "crictl inspecti",
        "kubeadm upgrade",
        "systemctl daemon-reload",
        "systemctl restart",
    ];
    assert_eq!(host.calls(), expected, "the node fetches no program");
    assert_eq!(host.placed(), PROGRAMS);
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

#[test]
fn programs_of_another_release_or_machine_touch_nothing() {
    for (program, content, says) in [
        (
            "kubelet",
            "#!/bin/sh\necho Kubernetes v1.37.20\n",
            "is not v1.37.2: Kubernetes v1.37.20",
        ),
        (
            "kubeadm",
            "#!/bin/sh\necho v1.36.4\n",
            "is not v1.37.2: v1.36.4",
        ),
        ("kubectl", "\u{7f}ELF of another machine", "does not run on"),
    ] {
        let host = Host::control_plane();
        host.set_program(&format!("programs/{program}"), content);
        let output = host.act(&images());
        assert!(!output.status.success(), "{program}");
        let text = stderr(&output);
        assert!(text.contains(says) && text.contains(program), "{text}");
        assert_eq!(host.calls(), Vec::<String>::new());
        assert_eq!(host.placed(), Vec::<&str>::new());
    }
}

#[test]
fn a_program_is_placed_only_after_what_must_come_before_it() {
    let host = Host::new();
    host.set("broken", "kubeadm upgrade");
    assert!(!host.act(&images()).status.success());
    assert_eq!(host.placed(), ["kubeadm"]);
}
