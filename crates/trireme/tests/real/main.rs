//! The same `pipelines/repair.yml` on real servers: etcd, kube-apiserver, controller manager, scheduler and KWOK with
//! thirty nodes in three zones and every budget at 90 %; the distribution registry; a debootstrap image; cosign.
//!
//! Who judges is never who acted: an observer with its own watch, the audit log of the API server, a prober, cosign.

mod cluster;
mod images;
mod judge;
mod summary;

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::{Command, Output},
    time::{Duration, Instant},
};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use cluster::{Cluster, Witnessed};
use images::Registries;
use judge::{audit::Case, observer::Roll};
use serde_json::{Value, json};
use trireme_peers::cosign::{KeyPair, PASSWORD};
use trireme_sandbox::{
    platform::ROLLER,
    releases::{FROM, TO},
};

/// A roll of thirty nodes takes about two minutes on two cores.
const DEADLINE: Duration = Duration::from_secs(900);

/// A place to run the pipeline in: its vars and its state.
struct Bench {
    dir: tempfile::TempDir,
}

impl Bench {
    fn new(vars: &Value) -> Self {
        let dir = tempfile::tempdir().expect("a folder");
        fs::write(dir.path().join("vars.json"), vars.to_string()).expect("vars");
        Self { dir }
    }

    /// With the vars that a stranger copies, and over them those of this place.
    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_trireme"));
        command.args(arguments).env("NO_COLOR", "1");
        for vars in [pipelines("vars/example.yml").into(), self.path("vars.json")] {
            command.arg("--load-vars-from").arg(vars);
        }
        command
    }

    fn run(&self, arguments: &[&str]) -> Command {
        let mut command = self.command(&["run", &pipelines("repair.yml")]);
        command.arg("--state").arg(self.path("state"));
        command.args(arguments);
        command
    }

    fn summary(&self) -> Value {
        let text = fs::read_to_string(self.path("state/summary.json")).expect("a summary");
        serde_json::from_str(&text).expect("JSON")
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Starts the pipeline and kills it with SIGKILL once it has written this.
    fn kill_at(&self, line: &str) -> String {
        let log = self.path("killed.log");
        let mut command = self.run(&[]);
        command.stderr(File::create(&log).expect("a log"));
        let mut child = command.spawn().expect("the program starts");
        let end = Instant::now() + DEADLINE;
        while !read(&log).contains(line) {
            assert!(Instant::now() < end, "never wrote `{line}`: {}", read(&log));
            let ended = child.try_wait().expect("a child");
            assert!(ended.is_none(), "ended before `{line}`: {}", read(&log));
            std::thread::sleep(Duration::from_millis(20));
        }
        child.kill().expect("a child to kill");
        child.wait().expect("a child");
        read(&log)
    }
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_default()
}

/// A file of `pipelines/`.
fn pipelines(file: &str) -> String {
    format!("{}/../../pipelines/{file}", env!("CARGO_MANIFEST_DIR"))
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// The names that the pipeline gives to what it mirrors, scans, signs and rolls out.
const IMAGES: [&str; 5] = [
    "kube-apiserver",
    "kube-controller-manager",
    "kube-scheduler",
    "kube-proxy",
    "node-act",
];

#[test]
fn a_real_platform_of_thirty_nodes_is_repaired_through_a_kill_with_no_downtime() {
    let (registries, keys) = (Registries::start(), KeyPair::generate().expect("keys"));
    let cluster = Cluster::start();
    let bench = Bench::new(&vars(&registries, &keys, &cluster.roller()));

    let killed = bench.kill_at("node w-a4 (az-a): evicting");
    let second = bench.run(&[]).output().expect("the program starts");
    let text = stderr(&second);
    assert_eq!(second.status.code(), Some(0), "{text}");

    assert!(
        killed.contains("deny sha256:"),
        "the application is denied: {killed}"
    );
    summary::tells_of_all(&bench.summary(), 30);
    summary::nobody_was_disturbed_twice(&killed, &text, 30);
    judge_all(&cluster);
    for name in IMAGES {
        let reference = registries.mirrored("platform", name);
        assert!(keys.verifies(&reference).expect("cosign"), "{reference}");
    }

    let third = bench.run(&[]).output().expect("the program starts");
    assert_eq!(third.status.code(), Some(0), "{}", stderr(&third));
    assert!(
        stderr(&third).contains("nothing to do"),
        "{}",
        stderr(&third)
    );
}

/// Each witness of its own, and the observer's of what the two others have to cover.
fn judge_all(cluster: &Cluster) {
    let Witnessed { observed, measured } = cluster.witnessed();
    let roll = Roll {
        nodes: 30,
        budgets: 4,
        from: FROM,
        to: TO,
    };
    judge::observer::judge(&observed, &roll).expect("what the observer saw");
    let span = judge::observer::span(&observed).expect("nodes that were cordoned");
    judge::prober::judge(&measured, &span).expect("what the prober measured");
    let case = Case {
        identity: ROLLER,
        rolled: &observed.nodes.keys().cloned().collect(),
        // As many pods as all workloads have: each left its node at least once.
        evictions: 60,
    };
    judge::audit::judge(&cluster.audit(), &case).expect("what the API server noted");
}

/// The jobs before the roll with an RSA key that cosign imported: cosign accepts what they signed, and they accept what
/// cosign signed.
#[test]
fn cosign_and_the_pipeline_accept_each_others_signatures_by_an_imported_rsa_key() {
    let (registries, keys) = (Registries::start(), KeyPair::import_rsa().expect("keys"));
    let bench = Bench::new(&vars(&registries, &keys, "{}"));
    let signed = bench
        .run(&["--job", "mirror", "--job", "scan-and-sign"])
        .output()
        .expect("the program starts");
    assert_eq!(signed.status.code(), Some(0), "{}", stderr(&signed));
    for name in IMAGES {
        let reference = registries.mirrored("platform", name);
        assert!(keys.verifies(&reference).expect("cosign"), "{reference}");
    }

    let theirs = registries.copy("platform", "theirs", "kube-proxy");
    keys.sign(&theirs).expect("cosign signs");
    let registry = format!("registry={}/theirs", registries.host());
    let (_, digest) = theirs.split_once('@').expect("a digest");
    let version = format!("digest={digest}");
    let step = [
        "get",
        &pipelines("repair.yml"),
        "kube-proxy-signature",
        "--var",
        &registry,
    ];
    let mut get = bench.command(&step);
    get.arg("--dir").arg(bench.path("got"));
    for pair in [
        &version,
        "signatures=sha256:0",
        "since=2026-01-01T00:00:00Z",
    ] {
        get.args(["--version", pair]);
    }
    let got = get.output().expect("the program starts");
    assert_eq!(got.status.code(), Some(0), "{}", stderr(&got));
}

/// The API server of a kubeconfig, which is asked for its version; without one, the version of a platform.
fn api_server(kubeconfig: &str) -> Value {
    let kubeconfig: Value = serde_json::from_str(kubeconfig).expect("JSON");
    let cluster = &kubeconfig["clusters"][0]["cluster"];
    let Some(ca) = cluster["certificate-authority-data"].as_str() else {
        return FROM.into();
    };
    let ca = STANDARD.decode(ca).expect("base64");
    let ca = String::from_utf8(ca).expect("PEM");
    json!({"server": cluster["server"], "ca_certs": [ca]})
}

/// What differs from `pipelines/vars/example.yml`: addresses, credentials, and how long the roll takes. Which advisories
/// count does not: the debootstrap image has the one of Debian that nobody fixes.
fn vars(registries: &Registries, keys: &KeyPair, kubeconfig: &str) -> Value {
    let host = registries.host();
    json!({
        "release_server": registries.release_server(), "advisories": registries.advisories(),
        "upstream": format!("{host}/upstream"), "node_act": format!("{host}/upstream/node-act"),
        "application": format!("{host}/upstream/shop"),
        "registry": format!("{host}/platform"), "registry_username": "nobody", "registry_password": "not asked for",
        "signing_key": keys.private(), "signing_password": PASSWORD,
        "kubeconfig": kubeconfig, "api_server": api_server(kubeconfig),
        "roll_policy": {"canary": 1, "max_unavailable": 1, "drain_timeout": "5m", "node_timeout": "2m"},
    })
}
