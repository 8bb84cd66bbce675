//! A platform in the process of a test, which may change its world and watch it while the program runs.

#![allow(dead_code, reason = "each test file uses a part")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;
use tokio::runtime::Runtime;
use trireme_registry::{Credentials, Repository};
use trireme_sandbox::kubernetes::Timings;
use trireme_sandbox::{Sandbox, SandboxOptions, Untidy, Witness, releases};
use trireme_transport::{Client, Options};

/// A platform in this process, so that a test may change its world and watch it.
pub struct Bench {
    pub dir: tempfile::TempDir,
    pub sandbox: Sandbox,
    pub witness: Witness,
    runtime: Runtime,
}

impl Bench {
    pub fn new() -> Self {
        Self::with(None)
    }

    /// A platform that is untidy, or not.
    pub fn with(untidy: Option<Untidy>) -> Self {
        let dir = tempfile::tempdir().expect("a folder");
        let runtime = Runtime::new().expect("a runtime");
        let options = SandboxOptions {
            state: dir.path().to_owned(),
            timings: Timings::default(),
            untidy,
            listen: None,
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
    pub fn run(&self, pipeline: &Path, state: &str) -> Output {
        self.command(pipeline, state)
            .output()
            .expect("the program starts")
    }

    /// The same, not yet started.
    pub fn command(&self, pipeline: &Path, state: &str) -> Command {
        let mut command = self.program("run", pipeline);
        command.arg("--state").arg(self.dir.path().join(state));
        command
    }

    /// A command of the program on a pipeline, with the vars of the platform.
    pub fn program(&self, name: &str, pipeline: &Path) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_trireme"));
        command
            .arg(name)
            .arg(pipeline)
            .arg("--load-vars-from")
            .arg(pipelines().join("vars/sandbox.yml"))
            .arg("--load-vars-from")
            .arg(self.dir.path().join("vars.json"))
            .env("NO_COLOR", "1");
        command
    }

    /// The image of this name in the summary of a run.
    pub fn image(&self, state: &str, name: &str) -> Value {
        let text = fs::read_to_string(self.dir.path().join(state).join("summary.json"));
        let summary: Value = serde_json::from_str(&text.expect("a summary")).expect("JSON");
        let images = summary["images"].as_array().expect("images").iter();
        let part = format!("/platform/{name}");
        let mut of_name = images.filter(|image| text_of(image, "reference").contains(&part));
        of_name.next().expect("an image of this name").clone()
    }

    /// How many signatures and the like the registry has for an image.
    pub fn referrers(&self, name: &str, digest: &str) -> usize {
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
    pub fn no_node_was_touched(&self) {
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

pub fn pipelines() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../pipelines")
}

pub fn text_of<'v>(value: &'v Value, key: &str) -> &'v str {
    value[key].as_str().unwrap_or_default()
}

pub fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}
