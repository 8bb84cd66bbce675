//! What `pipelines/repair.yml` keeps away from the nodes: an image that is denied, and one without its proofs.

use std::fs;
use std::io::{Cursor, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::{Value, json};
use tokio::runtime::Runtime;
use trireme_registry::{Credentials, Repository};
use trireme_sandbox::kubernetes::Timings;
use trireme_sandbox::{Sandbox, SandboxOptions, Witness, releases};
use trireme_transport::{Client, Options};

/// A platform in this process, so that a test may change its world and watch it.
struct Bench {
    dir: tempfile::TempDir,
    sandbox: Sandbox,
    witness: Witness,
    runtime: Runtime,
}

impl Bench {
    fn new() -> Self {
        let dir = tempfile::tempdir().expect("a folder");
        let runtime = Runtime::new().expect("a runtime");
        let options = SandboxOptions {
            state: dir.path().to_owned(),
            timings: Timings::default(),
        };
        let (sandbox, witness) = runtime.block_on(async {
            let sandbox = Sandbox::start(options).await.expect("a sandbox");
            let witness = sandbox.witness().await.expect("a witness");
            (sandbox, witness)
        });
        let vars = Value::from(sandbox.vars().expect("vars")).to_string();
        fs::write(dir.path().join("vars.json"), vars).expect("vars");
        Self {
            dir,
            sandbox,
            witness,
            runtime,
        }
    }

    /// Runs a pipeline; its state is in the folder `state`.
    fn run(&self, pipeline: &Path, state: &str) -> Output {
        Command::new(env!("CARGO_BIN_EXE_trireme"))
            .arg("run")
            .arg(pipeline)
            .arg("--load-vars-from")
            .arg(pipelines().join("vars/sandbox.yml"))
            .arg("--load-vars-from")
            .arg(self.dir.path().join("vars.json"))
            .arg("--state")
            .arg(self.dir.path().join(state))
            .env("NO_COLOR", "1")
            .output()
            .expect("the program starts")
    }

    /// The image of this name in the summary of a run.
    fn image(&self, state: &str, name: &str) -> Value {
        let text = fs::read_to_string(self.dir.path().join(state).join("summary.json"));
        let summary: Value = serde_json::from_str(&text.expect("a summary")).expect("JSON");
        let images = summary["images"].as_array().expect("images").iter();
        let part = format!("/platform/{name}");
        let mut of_name = images.filter(|image| text_of(image, "reference").contains(&part));
        of_name.next().expect("an image of this name").clone()
    }

    /// How many signatures and the like the registry has for an image.
    fn referrers(&self, name: &str, digest: &str) -> usize {
        let vars = self.sandbox.vars().expect("vars");
        let text = |key: &str| vars[key].as_str().expect("a text").to_owned();
        let credentials = Credentials::pair(
            "the sandbox",
            Some(&text("registry_username")),
            Some(&text("registry_password")),
        );
        let repository = Repository::new(
            Client::new(Options::default()).expect("a client"),
            format!("{}/{name}", text("registry"))
                .parse()
                .expect("a name"),
            credentials.expect("credentials"),
            false,
            |_| {},
        );
        let listed = self.runtime.block_on(repository.referrers(digest, None));
        listed.expect("a list").len()
    }

    /// In every event that a watcher got, each node ran the old release and took pods.
    fn no_node_was_touched(&self) {
        let observed = self.witness.observer.observed();
        assert_eq!(observed.nodes.len(), 9);
        for (name, samples) in &observed.nodes {
            let untouched = samples
                .iter()
                .all(|sample| sample.version == releases::FROM && sample.schedulable);
            assert!(untouched, "{name}: {samples:?}");
        }
    }
}

fn pipelines() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../pipelines")
}

fn text_of<'v>(value: &'v Value, key: &str) -> &'v str {
    value[key].as_str().unwrap_or_default()
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// The advisories of Debian as OSV packs them: one, for the shell that only `node-act` has.
fn advisory() -> Vec<u8> {
    let record = json!({
        "id": "DSA-0001-1", "modified": "2026-01-01T00:00:00Z",
        "affected": [{
            "package": {"ecosystem": "Debian:12", "name": "bash"},
            "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "5.2.15-2+b9"}]}],
        }],
    });
    let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
    let options = zip::write::SimpleFileOptions::default();
    zip.start_file("DSA-0001-1.json", options).expect("a file");
    write!(zip, "{record}").expect("its content");
    zip.finish().expect("an archive").into_inner()
}

#[test]
fn an_image_of_the_platform_that_is_denied_ends_the_job_unsigned_and_reaches_no_node() {
    let bench = Bench::new();
    let archive = "/osv/Debian/all.zip";
    let advisories = bench.sandbox.advisories();
    advisories.publish(archive, "application/zip", advisory());

    let run = bench.run(&pipelines().join("repair.yml"), "state");
    let text = stderr(&run);
    assert_eq!(run.status.code(), Some(2), "{text}");
    for line in [
        "scan-and-sign put node-act-scan: was denied",
        "job scan-and-sign: build 1 was denied",
        "job roll: waits for",
    ] {
        assert!(text.contains(line), "`{line}`: {text}");
    }
    for (name, verdict, signatures) in [("kube-proxy", "permit", 1), ("node-act", "deny", 0)] {
        let image = bench.image("state", name);
        assert_eq!(text_of(&image, "verdict"), verdict, "{image}");
        let found = bench.referrers(name, text_of(&image, "digest"));
        assert_eq!(found, signatures, "{image}");
    }
    bench.no_node_was_touched();
}

/// The pipeline without one resource, as somebody might cut it short: no step of it, and its name in no list.
fn without(resource: &str) -> String {
    let text = fs::read_to_string(pipelines().join("repair.yml")).expect("the pipeline");
    let listed = format!(", {resource}");
    let lines = text.lines().map(|line| line.replace(&listed, ""));
    let kept: Vec<_> = lines.filter(|line| !line.contains(resource)).collect();
    assert_eq!(text.lines().count() - kept.len(), 3, "declared, put, got");
    kept.join("\n")
}

#[test]
fn an_image_without_a_verdict_or_a_signature_reaches_no_node() {
    let bench = Bench::new();
    for (resource, missing) in [
        ("kube-proxy-signature", "no signature.json"),
        ("kube-proxy-scan", "no verdict.json"),
    ] {
        let pipeline = bench.dir.path().join("short.yml");
        fs::write(&pipeline, without(resource)).expect("a pipeline");
        let run = bench.run(&pipeline, resource);
        let text = stderr(&run);
        assert_eq!(run.status.code(), Some(2), "{text}");
        for line in [
            "job scan-and-sign: build 1 succeeded",
            "job roll: build 1 was denied",
            &format!("{missing} for its digest"),
        ] {
            assert!(text.contains(line), "`{line}`: {text}");
        }
    }
    bench.no_node_was_touched();
}
