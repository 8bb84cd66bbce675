//! The compiled program, called as Concourse calls it.

use std::{
    path::Path,
    process::Stdio,
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::{
    io::AsyncWriteExt as _,
    process::{Child, Command},
    time::{sleep, timeout},
};

/// Concourse kills ten seconds after SIGTERM (`gardenProcessStopGracePeriod`).
const KILLED_AFTER: Duration = Duration::from_secs(10);
/// What takes longer than this does not come.
const DEADLINE: Duration = Duration::from_secs(60);

/// A finished call.
pub struct Program {
    /// Exit code.
    pub code: i32,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
    dir: TempDir,
}

impl Program {
    /// `check`.
    pub async fn check(source: &Value, version: Option<&Value>) -> Self {
        let dir = tempfile::tempdir().expect("a folder");
        Self::run("check", &json!({"source": source, "version": version}), dir).await
    }

    /// `in`, in an empty folder.
    pub async fn get(source: &Value, version: &Value, params: &Value) -> Self {
        let dir = tempfile::tempdir().expect("a folder");
        let request = json!({"source": source, "version": version, "params": params});
        Self::run("in", &request, dir).await
    }

    /// `out`, in the folder of a build.
    pub async fn put(source: &Value, params: &Value, dir: TempDir) -> Self {
        Self::run("out", &json!({"source": source, "params": params}), dir).await
    }

    /// What `trireme validate` is told.
    pub async fn schema() -> Value {
        let mut command = Command::new(env!("CARGO_BIN_EXE_trireme-image"));
        let output = command.arg("schema").output().await;
        serde_json::from_slice(&output.expect("the program starts").stdout).expect("JSON")
    }

    /// `in` or `out`, told to end (SIGTERM) once `begun` says so of its folder.
    pub async fn stopped(
        verb: &str,
        request: &Value,
        dir: TempDir,
        begun: impl Fn(&Path) -> bool,
    ) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_trireme-image"));
        command.arg(verb).arg(dir.path());
        let child = Self::start(command, request).await;
        let id = child.id().expect("it runs").to_string();
        let started = Instant::now();
        while !begun(dir.path()) {
            assert!(started.elapsed() < DEADLINE, "{verb} does not begin");
            sleep(Duration::from_millis(5)).await;
        }
        let told = Command::new("kill").args(["-TERM", &id]).status().await;
        assert!(told.expect("kill starts").success());
        let ended = timeout(KILLED_AFTER, Self::end(child, dir)).await;
        ended.expect("it ends before Concourse would kill it")
    }

    /// `check`, `in` or `out` in an empty folder, where the environment names this proxy.
    pub async fn behind(proxy: &str, verb: &str, request: &Value) -> Self {
        let dir = tempfile::tempdir().expect("a folder");
        let mut command = Self::command(verb, &dir);
        command.env("http_proxy", proxy);
        Self::call(command, request, dir).await
    }

    async fn run(verb: &str, request: &Value, dir: TempDir) -> Self {
        Self::call(Self::command(verb, &dir), request, dir).await
    }

    fn command(verb: &str, dir: &TempDir) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_trireme-image"));
        command.arg(verb);
        if verb != "check" {
            command.arg(dir.path());
        }
        command
    }

    /// `check`, `in` or `out` in a container that holds nothing but the program and, as `/work`, this folder.
    #[cfg(feature = "peers")]
    pub async fn in_bare_container(verb: &str, request: &Value, dir: TempDir) -> Self {
        let program = Path::new(env!("CARGO_BIN_EXE_trireme-image"));
        let command = trireme_peers::concourse::bare::command(program, verb, dir.path());
        Self::call(command.into(), request, dir).await
    }

    async fn call(command: Command, request: &Value, dir: TempDir) -> Self {
        Self::end(Self::start(command, request).await, dir).await
    }

    async fn start(mut command: Command, request: &Value) -> Child {
        let piped = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = piped.spawn().expect("the program starts");
        let mut stdin = child.stdin.take().expect("its input");
        let bytes = request.to_string();
        stdin.write_all(bytes.as_bytes()).await.expect("it reads");
        drop(stdin);
        child
    }

    async fn end(child: Child, dir: TempDir) -> Self {
        let output = child.wait_with_output().await.expect("the program ends");
        Self {
            code: output.status.code().expect("no signal ended it"),
            stdout: String::from_utf8(output.stdout).expect("UTF-8"),
            stderr: String::from_utf8(output.stderr).expect("UTF-8"),
            dir,
        }
    }

    /// Its JSON; it must have ended well.
    pub fn succeed(&self) -> Value {
        assert_eq!(self.code, 0, "{}", self.stderr);
        serde_json::from_str(&self.stdout).expect("one JSON value")
    }

    /// The folder that it was given.
    pub fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// Nothing of it may look like a result.
    pub fn assert_nothing_was_made(&self) {
        assert_eq!(self.stdout, "", "{}", self.stderr);
        let left = std::fs::read_dir(self.dir()).expect("the folder").count();
        assert_eq!(left, 0, "{}", self.stderr);
    }
}
