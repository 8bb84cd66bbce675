//! The same `pipelines/repair.yml` on real servers: etcd, kube-apiserver, controller manager, scheduler and KWOK with
//! thirty nodes in three zones and every budget at 90 %; the distribution registry; a debootstrap image; cosign.
//!
//! Who judges is never who acted: an observer with its own watch, the audit log of the API server, a prober, cosign.

mod bench;
mod clocks;
mod cluster;
mod images;
mod judge;
mod late;
mod summary;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bench::{Bench, pipelines};
use cluster::{Cluster, Witnessed};
use images::Registries;
use jiff::SignedDuration;
use judge::{audit::Case, observer::Roll};
use serde_json::{Value, json};
use trireme_peers::cosign::{KeyPair, PASSWORD};
use trireme_sandbox::{
    platform::{ROLLER, Size},
    releases::{FROM, TO},
};

/// The names that the pipeline gives to what it mirrors, scans, signs and rolls out.
const IMAGES: [&str; 5] = [
    "kube-apiserver",
    "kube-controller-manager",
    "kube-scheduler",
    "kube-proxy",
    "node-act",
];

/// Three runs of one roll, and one after it; the clock of each is off by another time.
#[test]
fn a_real_platform_of_thirty_nodes_is_repaired_through_two_kills_with_no_downtime() {
    let (registries, keys) = (Registries::start(), KeyPair::generate().expect("keys"));
    let cluster = Cluster::start(Size::thirty());
    let vars = vars(&registries, &keys, "platform", &cluster.roller());
    let mut bench = Bench::new(&vars);

    bench.set_clock("-300s");
    let first = bench.kill_at("node w-a4 (az-a): empty, starting Job");
    cluster.judge_clock(SignedDuration::from_secs(-300));
    bench.set_clock("+300s");
    let second = bench.kill_at("node w-b7 (az-b): empty, starting Job");
    cluster.judge_clock(SignedDuration::from_secs(300));
    bench.set_clock("-0.7s");
    let third = bench.run(&[]);
    assert_eq!(third.code, Some(0), "{}", third.text);
    cluster.judge_clock(SignedDuration::from_millis(-700));

    summary::tells_of_all(&bench.summary(), 30);
    summary::nobody_was_disturbed_twice(&[&first, &second, &third.text], 30);
    // Two runs were killed.
    cluster.judge_roll(2);
    for name in IMAGES {
        let reference = registries.mirrored("platform", name);
        assert!(keys.verifies(&reference).expect("cosign"), "{reference}");
    }

    let fourth = bench.run(&[]);
    assert_eq!(fourth.code, Some(0), "{}", fourth.text);
    assert!(fourth.text.contains("nothing to do"), "{}", fourth.text);
}

/// The judges, each on what its witness saw.
impl Cluster {
    /// Each judge of its own, and the observer's of what the others have to cover. A node's start may be written anew so often.
    fn judge_roll(&self, repeats: usize) {
        let Witnessed { observed, measured } = self.witnessed();
        let roll = Roll {
            nodes: self.nodes(),
            budgets: self.budgets(),
            from: FROM,
            to: TO,
        };
        judge::observer::judge(&observed, &roll).expect("what the observer saw");
        let span = judge::observer::span(&observed).expect("nodes that were cordoned");
        judge::prober::judge(&measured, &span).expect("what the prober measured");
        let case = Case {
            identity: ROLLER,
            rolled: &observed.nodes.keys().cloned().collect(),
            // Each pod left its node at least once.
            evictions: self.pods(),
        };
        let log = self.audit();
        judge::audit::judge(&log, &case).expect("what the API server noted");
        let once = judge::audit::acted_once(&log, &case, &self.jobs(), repeats);
        once.expect("one act on each node");
    }

    /// The clock of the run that wrote the Lease last was really off by this.
    fn judge_clock(&self, off: SignedDuration) {
        // In this order: what a killed run started may give the Lease back meanwhile, and the log must know of what was read.
        let lease = self.lease();
        judge::clock::judge(&self.audit(), ROLLER, &lease, off).expect("a clock");
    }
}

/// The jobs before the roll with an RSA key that cosign imported: cosign accepts what they signed, and they accept what
/// cosign signed.
#[test]
fn cosign_and_the_pipeline_accept_each_others_signatures_by_an_imported_rsa_key() {
    let (registries, keys) = (Registries::start(), KeyPair::import_rsa().expect("keys"));
    let bench = Bench::new(&vars(&registries, &keys, "platform", "{}"));
    let signed = bench.run(&["--job", "mirror", "--job", "scan-and-sign"]);
    assert_eq!(signed.code, Some(0), "{}", signed.text);
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
    let text = String::from_utf8_lossy(&got.stderr);
    assert_eq!(got.status.code(), Some(0), "{text}");
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
/// count does not: the debootstrap image has the one of Debian that nobody fixes. `mirror` is where the images go.
fn vars(registries: &Registries, keys: &KeyPair, mirror: &str, kubeconfig: &str) -> Value {
    let host = registries.host();
    json!({
        "release_server": registries.release_server(), "advisories": registries.advisories(),
        "upstream": format!("{host}/upstream"), "node_act": format!("{host}/upstream/node-act"),
        "application": format!("{host}/upstream/shop"),
        "registry": format!("{host}/{mirror}"), "registry_username": "nobody", "registry_password": "not asked for",
        "insecure": false, "ca_certs": [],
        "signing_key": keys.private(), "signing_password": PASSWORD,
        "kubeconfig": kubeconfig, "api_server": api_server(kubeconfig),
        "roll_policy": {"canary": 1, "max_unavailable": 1, "drain_timeout": "5m", "node_timeout": "2m"},
    })
}
