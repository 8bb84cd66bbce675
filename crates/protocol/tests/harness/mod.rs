//! Calls the demo as Concourse calls a resource: by a symlink, JSON on standard input, almost no environment.

use std::os::unix::fs::symlink;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

/// A folder with the symlinks of a resource image, and the directory that Concourse gives to `in` and `out`.
pub struct Bench {
    folder: tempfile::TempDir,
}

impl Bench {
    pub fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        for name in ["check", "in", "out", "chek", "trireme-demo"] {
            symlink(env!("CARGO_BIN_EXE_trireme-demo"), folder.path().join(name)).unwrap();
        }
        std::fs::create_dir(folder.path().join("work")).unwrap();
        Self { folder }
    }

    /// The argument of `in` and `out`.
    pub fn work(&self) -> PathBuf {
        self.folder.path().join("work")
    }

    /// A call such as `in DIR`, its streams piped. HOME, PATH, TMPDIR and BUILD_* are missing.
    pub fn command(&self, call: &str) -> Command {
        let mut words = call.split_whitespace();
        let mut command = Command::new(self.folder.path().join(words.next().unwrap()));
        command.env_clear().env("NO_COLOR", "1");
        for word in words {
            match word {
                "DIR" => command.arg(self.work()),
                word => command.arg(word),
            };
        }
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    /// Every file below the work directory, sorted.
    pub fn files(&self) -> Vec<String> {
        let mut found = Vec::new();
        let mut folders = vec![self.work()];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                let name = path
                    .strip_prefix(self.work())
                    .unwrap()
                    .display()
                    .to_string();
                match path.is_dir() {
                    true => folders.push(path),
                    false => found.push(name),
                }
            }
        }
        found.sort();
        found
    }
}

/// Writes the request and closes the stream; a program that does not read it to its end is not an error here.
pub fn feed(child: &mut Child, request: &[u8]) {
    use std::io::Write as _;
    let _ = child.stdin.take().unwrap().write_all(request);
}
