//! A place to run the pipeline in.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus},
    time::{Duration, Instant},
};

use serde_json::Value;
use trireme_peers::clock;

/// Longer than any run of the pipeline here takes on two cores: thirty nodes, every tenth answer late.
const DEADLINE: Duration = Duration::from_secs(3600);
/// Between two looks at a process.
const PAUSE: Duration = Duration::from_millis(20);

/// The vars and the state of a pipeline, and the clock of the machine that runs it.
pub struct Bench {
    dir: tempfile::TempDir,
    clock: Option<&'static str>,
}

/// How a run ended.
pub struct Ended {
    /// Its exit code.
    pub code: Option<i32>,
    /// What it wrote to standard error.
    pub text: String,
}

impl Bench {
    pub fn new(vars: &Value) -> Self {
        let dir = tempfile::tempdir().expect("a folder");
        fs::write(dir.path().join("vars.json"), vars.to_string()).expect("vars");
        Self { dir, clock: None }
    }

    /// From now on the clock of the program is off: `+6s`.
    pub fn set_clock(&mut self, clock: &'static str) {
        self.clock = Some(clock);
    }

    /// With the vars that a stranger copies, and over them those of this place.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let program = Path::new(env!("CARGO_BIN_EXE_trireme"));
        let mut command = match self.clock {
            Some(clock) => clock::off(program, clock).expect("a clock that is off"),
            None => Command::new(program),
        };
        command.args(arguments).env("NO_COLOR", "1");
        for vars in [pipelines("vars/example.yml").into(), self.path("vars.json")] {
            command.arg("--load-vars-from").arg(vars);
        }
        command
    }

    /// Runs the pipeline to its end.
    pub fn run(&self, arguments: &[&str]) -> Ended {
        let mut run = self.start(arguments);
        let status = run.until(|_| false).expect("it ended");
        Ended {
            code: status.code(),
            text: run.text(),
        }
    }

    /// Starts the pipeline and kills it with SIGKILL once it has written this. What it wrote.
    pub fn kill_at(&self, line: &str) -> String {
        let mut run = self.start(&[]);
        let ended = run.until(|text| text.contains(line));
        assert!(ended.is_none(), "ended before `{line}`: {}", run.text());
        run.child.kill().expect("a child to kill");
        run.child.wait().expect("a child");
        run.text()
    }

    fn start(&self, arguments: &[&str]) -> Run {
        let mut command = self.command(&["run", &pipelines("repair.yml")]);
        command.arg("--state").arg(self.path("state"));
        command.args(arguments);
        let log = self.path("run.log");
        command.stderr(File::create(&log).expect("a log"));
        let child = command.spawn().expect("the program starts");
        Run { child, log }
    }

    pub fn summary(&self) -> Value {
        let text = fs::read_to_string(self.path("state/summary.json")).expect("a summary");
        serde_json::from_str(&text).expect("JSON")
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }
}

/// A run of the pipeline; it ends with this value.
struct Run {
    child: Child,
    log: PathBuf,
}

impl Run {
    /// Waits until what was written so far is as `is_due` says (none), or the run has ended (how).
    fn until(&mut self, is_due: impl Fn(&str) -> bool) -> Option<ExitStatus> {
        let end = Instant::now() + DEADLINE;
        loop {
            if is_due(&self.text()) {
                return None;
            }
            if let Some(status) = self.child.try_wait().expect("a child") {
                return Some(status);
            }
            assert!(Instant::now() < end, "did not end: {}", self.text());
            std::thread::sleep(PAUSE);
        }
    }

    fn text(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        // Both fail only when the process is gone already, which is what is wanted.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A file of `pipelines/`.
pub fn pipelines(file: &str) -> String {
    format!("{}/../../pipelines/{file}", env!("CARGO_MANIFEST_DIR"))
}
