//! The compiled program, called as Concourse calls it.

use std::{
    io::Write as _,
    path::Path,
    process::{Command, Stdio},
};

use serde_json::{Value, json};
use tempfile::TempDir;

/// A finished call of the program.
pub struct Program {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
    pub dir: TempDir,
}

impl Program {
    /// `check` in a new container.
    pub fn check(source: &Value, version: Option<&Value>) -> Self {
        let container = tempfile::tempdir().expect("a folder");
        Self::check_again(container.path(), source, version)
    }

    /// `check` in a container whose temporary folder is left from earlier checks.
    pub fn check_again(temporary: &Path, source: &Value, version: Option<&Value>) -> Self {
        let dir = tempfile::tempdir().expect("a folder");
        let request = json!({"source": source, "version": version});
        Self::run_in("check", &request, dir, temporary)
    }

    pub fn get(source: &Value, version: &Value, params: &Value) -> Self {
        let request = json!({"source": source, "version": version, "params": params});
        Self::run("in", &request, tempfile::tempdir().expect("a folder"))
    }

    /// `out` in a build folder with these files.
    pub fn put(source: &Value, params: &Value, files: &[(&str, &str)]) -> Self {
        let dir = tempfile::tempdir().expect("a folder");
        for (path, content) in files {
            let path = dir.path().join(path);
            std::fs::create_dir_all(path.parent().expect("a folder")).expect("made");
            std::fs::write(path, content).expect("written");
        }
        Self::run("out", &json!({"source": source, "params": params}), dir)
    }

    fn run(verb: &str, request: &Value, dir: TempDir) -> Self {
        let temporary = tempfile::tempdir().expect("a folder");
        Self::run_in(verb, request, dir, temporary.path())
    }

    fn run_in(verb: &str, request: &Value, dir: TempDir, temporary: &Path) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_trireme-image-scan"));
        command
            .arg(verb)
            .env("TMPDIR", temporary)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        if verb != "check" {
            command.arg(dir.path());
        }
        Self::call(command, request, dir)
    }

    /// `check`, `in` or `out` in a container with nothing but the program and this folder.
    pub fn in_bare_container(verb: &str, request: &Value, dir: TempDir) -> Self {
        let program = Path::new(env!("CARGO_BIN_EXE_trireme-image-scan"));
        let command = trireme_peers::concourse::bare::command(program, verb, dir.path());
        Self::call(command, request, dir)
    }

    fn call(mut command: Command, request: &Value, dir: TempDir) -> Self {
        let mut child = command.spawn().expect("the program starts");
        child
            .stdin
            .take()
            .expect("a pipe")
            .write_all(request.to_string().as_bytes())
            .expect("read");
        let output = child.wait_with_output().expect("it ends");
        Self {
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
            dir,
        }
    }

    /// Standard output of a step that had to succeed.
    pub fn json(&self) -> Value {
        assert_eq!(self.code, 0, "{}", self.stderr);
        serde_json::from_str(&self.stdout).expect("JSON on standard output")
    }

    /// A JSON file that the step wrote.
    pub fn file(&self, name: &str) -> Value {
        let text = std::fs::read(self.dir.path().join(name))
            .unwrap_or_else(|_| panic!("no {name}: {}", self.stderr));
        serde_json::from_slice(&text).expect("JSON")
    }
}
