//! A pipeline in a folder, resources that are shell scripts, and what a run of it did.

#![allow(dead_code, reason = "each test file uses a part")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use trireme_protocol::lines::{Capture, capture_as};
use trireme_runner::*;

/// A condition that takes longer than this will not come true.
pub const DEADLINE: Duration = Duration::from_secs(20);

pub struct World {
    pub dir: tempfile::TempDir,
    pub jobs: Vec<String>,
    pub vars: vars::Vars,
    pub supply: LocalInputs,
    said: Capture,
}

impl World {
    /// Resources `a`, `b`, `c` of a type that the mock serves, and these jobs.
    pub fn new(jobs: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let mut text = String::from("resources:\n");
        for name in ["a", "b", "c"] {
            if ["get", "put", "resource"]
                .iter()
                .any(|key| jobs.contains(&format!("{key}: {name}")))
            {
                let home = dir.path().join(name);
                fs::create_dir(&home).unwrap();
                fs::write(home.join("versions"), "").unwrap();
                text += &format!(
                    "- {{name: {name}, type: mock, source: {{home: {}, token: canary-token}}}}\n",
                    home.display()
                );
            }
        }
        let types = "resource_types: [{name: mock, type: registry-image, source: {repository: x/trireme-mock}}]\n";
        fs::write(
            dir.path().join("pipeline.yml"),
            format!("{types}{text}jobs:{jobs}"),
        )
        .unwrap();
        Self::at(dir)
    }

    pub fn at(dir: tempfile::TempDir) -> Self {
        let (jobs, vars, supply) = Default::default();
        Self {
            dir,
            jobs,
            vars,
            supply,
            said: capture_as(progress_line, false),
        }
    }

    pub fn found(&self, resource: &str, versions: &[&str]) {
        let path = self.dir.path().join(resource).join("versions");
        let old = fs::read_to_string(&path).unwrap();
        fs::write(
            path,
            old + &versions
                .iter()
                .map(|version| format!("{version}\n"))
                .collect::<String>(),
        )
        .unwrap();
    }

    pub fn calls(&self, resource: &str) -> Vec<String> {
        let text =
            fs::read_to_string(self.dir.path().join(resource).join("calls")).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub fn runner(&self) -> Result<Runner, RunnerError> {
        Runner::new(
            options(
                self.dir.path(),
                self.jobs.clone(),
                self.vars.clone(),
                self.supply.clone(),
            ),
            state(self.dir.path())?,
        )
    }

    pub async fn run(&self) -> RunReport {
        self.runner().unwrap().run(&Interrupt::new()).await.unwrap()
    }

    /// Every line that programs of steps wrote, as `job/step: text`.
    pub fn lines(&self) -> Vec<String> {
        let of_program = |line: String| {
            let (label, text) = line.split_once(" | ")?;
            let mut words = label.splitn(3, ' ');
            let (job, _kind, name) = (words.next()?, words.next()?, words.next()?);
            Some(format!("{job}/{name}: {text}"))
        };
        let lines = self.said.lines().into_iter();
        lines.filter_map(of_program).collect()
    }

    pub async fn until(&self, path: &str) {
        wait_for(&self.path(path)).await;
    }
}

pub async fn wait_for(path: &Path) {
    let started = Instant::now();
    while !path.exists() {
        assert!(
            started.elapsed() < DEADLINE,
            "{} did not appear",
            path.display()
        );
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// The folder in which the runs of a test keep their state.
pub fn state(dir: &Path) -> Result<StateLock, RunnerError> {
    StateLock::take(&dir.join("state"))
}

pub fn options(dir: &Path, jobs: Vec<String>, vars: vars::Vars, supply: LocalInputs) -> RunOptions {
    let file = dir.join("pipeline.yml");
    RunOptions {
        file,
        vars,
        jobs,
        supply,
        catalogue: catalogue(),
    }
}

pub fn catalogue() -> Catalogue {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/mock-resource.sh");
    let secret = serde_json::json!({"type": "string", "writeOnly": true});
    let params = serde_json::json!({"type": "object", "properties": {"secret": secret}});
    let source = serde_json::json!({"type": "object", "properties": {"token": secret}});
    let schema = serde_json::json!({"source": source, "get_params": params});
    let linked = Linked {
        schema,
        command: vec!["sh".into(), script.into()],
    };
    Catalogue {
        resources: BTreeMap::from([("mock".to_owned(), linked)]),
        launcher: Vec::new(),
    }
}

/// `name kind status` of every step, in the order in which they ended.
pub fn steps(report: &RunReport) -> Vec<String> {
    let shown = |step: &StepReport| format!("{} {:?} {:?}", step.name, step.kind, step.status);
    report.steps().map(shown).collect()
}

pub fn statuses(report: &RunReport) -> Vec<Status> {
    report.builds().map(|build| build.status).collect()
}
