//! Command-line peers: crane, cosign, oras, kubectl …

use std::{
    ffi::OsStr,
    io::Write,
    path::Path,
    process::{Command, Output, Stdio},
};

use crate::{PeerError, program};

/// A command line of an installed peer, built up and then run.
#[derive(Debug)]
pub struct Tool {
    name: String,
    command: Command,
    input: Vec<u8>,
}

/// What a tool did.
#[derive(Debug)]
pub struct Ran {
    /// Exit code, `None` when a signal ended it.
    pub code: Option<i32>,
    /// Standard output, bytes that are no UTF-8 replaced.
    pub stdout: String,
    /// Standard error, likewise.
    pub stderr: String,
}

impl Tool {
    /// The program of this name from the cache folder.
    ///
    /// # Errors
    /// [`PeerError::Missing`] when it is not there.
    pub fn new(name: &str) -> Result<Self, PeerError> {
        Ok(Self::command(name, Command::new(program(name)?)))
    }

    /// A program of the operating system, found in `PATH` (openssl, tar …).
    pub fn system(name: &str) -> Self {
        Self::command(name, Command::new(name))
    }

    fn command(name: &str, command: Command) -> Self {
        Self {
            name: name.into(),
            command,
            input: Vec::new(),
        }
    }

    /// Adds arguments.
    #[must_use]
    pub fn args<I: IntoIterator<Item = S>, S: AsRef<OsStr>>(mut self, args: I) -> Self {
        self.command.args(args);
        self
    }

    /// Sets an environment variable.
    #[must_use]
    pub fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    /// Sets the working directory.
    #[must_use]
    pub fn dir(mut self, dir: impl AsRef<Path>) -> Self {
        self.command.current_dir(dir);
        self
    }

    /// Bytes for its standard input.
    #[must_use]
    pub fn input(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.input = bytes.into();
        self
    }

    /// Runs it to its end, whatever its exit code.
    ///
    /// # Errors
    /// [`PeerError::Start`] when it cannot be started.
    pub fn run(mut self) -> Result<Ran, PeerError> {
        let output = self.output().map_err(|source| PeerError::Start {
            name: self.name.clone(),
            source,
        })?;
        Ok(Ran {
            code: output.status.code(),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        })
    }

    /// Runs it and gives its standard output.
    ///
    /// # Errors
    /// Also [`PeerError::Failed`] when its exit code is not 0.
    pub fn succeed(self) -> Result<String, PeerError> {
        let command = format!("{:?}", self.command);
        let ran = self.run()?;
        if ran.code == Some(0) {
            return Ok(ran.stdout);
        }
        Err(PeerError::Failed {
            command,
            code: ran.code,
            stderr: ran.stderr,
        })
    }

    /// The input is written from a thread: a tool may answer before it has read all of it.
    fn output(&mut self) -> std::io::Result<Output> {
        let mut child = self
            .command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()?;
        let stdin = child.stdin.take();
        let input = std::mem::take(&mut self.input);
        let writer = std::thread::spawn(move || {
            // A tool that does not read its input closes the pipe; its exit code tells the rest.
            stdin.map(|mut stdin| stdin.write_all(&input))
        });
        let output = child.wait_with_output();
        drop(writer.join());
        output
    }
}
