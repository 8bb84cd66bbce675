//! The compiled program, called as Concourse calls it.

// Each test program uses its part of this.
#![allow(dead_code)]

use std::{
    io::Write as _,
    process::{Command, Stdio},
};

use serde_json::{Value, json};
use tempfile::TempDir;

/// A finished call.
pub struct Program {
    /// Exit code.
    pub code: i32,
    /// Standard error.
    pub stderr: String,
    /// Standard output.
    pub stdout: String,
    /// The folder that it was given.
    pub dir: TempDir,
}

impl Program {
    /// `check`.
    pub fn check(source: &Value, version: Option<&Value>) -> Self {
        Self::run("check", &json!({"source": source, "version": version}))
    }

    /// `in`.
    pub fn get(source: &Value, version: &Value) -> Self {
        Self::run("in", &json!({"source": source, "version": version}))
    }

    /// `out`, in an empty build folder.
    pub fn put(source: &Value, params: &Value) -> Self {
        Self::run("out", &json!({"source": source, "params": params}))
    }

    fn run(verb: &str, request: &Value) -> Self {
        let dir = tempfile::tempdir().expect("a folder");
        let mut command = Command::new(env!("CARGO_BIN_EXE_trireme-image-signature"));
        command.arg(verb);
        if verb != "check" {
            command.arg(dir.path());
        }
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program starts");
        let mut stdin = child.stdin.take().expect("its input");
        stdin
            .write_all(request.to_string().as_bytes())
            .expect("the request is read");
        drop(stdin);
        let output = child.wait_with_output().expect("the program ends");
        Self {
            code: output.status.code().expect("no signal ended it"),
            stderr: String::from_utf8(output.stderr).expect("UTF-8"),
            stdout: String::from_utf8(output.stdout).expect("UTF-8"),
            dir,
        }
    }

    /// Its JSON; it must have ended well.
    pub fn succeed(&self) -> Value {
        assert_eq!(self.code, 0, "{}", self.stderr);
        serde_json::from_str(&self.stdout).expect("one JSON value")
    }

    /// The `signature.json` that it wrote.
    pub fn evidence(&self) -> Value {
        let text = std::fs::read(self.dir.path().join("signature.json"));
        serde_json::from_slice(
            &text.unwrap_or_else(|e| panic!("no evidence: {e}; {}", self.stderr)),
        )
        .expect("JSON")
    }
}
