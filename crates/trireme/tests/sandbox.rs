//! `trireme sandbox`: the commands that it prints do what they say, one after another.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, ChildStderr, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use trireme_peers::{Tool, cache};

/// Printed before each command: what it is about.
const LABEL: usize = "registry       ".len();

/// Ends with this value, also when the test does not come to its end.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Running {
    /// The exit code after Ctrl-C.
    fn interrupt(&mut self) -> Option<i32> {
        let id = i32::try_from(self.0.id()).ok().and_then(Pid::from_raw);
        kill_process(id.expect("an id"), Signal::INT).expect("the signal is sent");
        self.0.wait().expect("the end").code()
    }
}

fn start(state: &Path) -> (Running, BufReader<ChildStderr>) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_trireme"))
        .args(["sandbox", "--state"])
        .arg(state)
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    let stderr = child.stderr.take().expect("a pipe");
    (Running(child), BufReader::new(stderr))
}

/// What is printed up to the last line, which says how it ends.
fn commands(stderr: &mut impl BufRead) -> Vec<String> {
    let lines = stderr.lines().map(|line| line.expect("a line"));
    let printed: Vec<String> = lines
        .take_while(|line| !line.starts_with("Ctrl-C"))
        .collect();
    let command = |line: &String| line.get(LABEL..).unwrap_or(line).to_owned();
    printed.iter().map(command).collect()
}

/// Runs a command as a person with our program and the peers in `PATH`, at the root of the tree, with an empty home would.
fn shell(command: &str, home: &Path) -> String {
    let path = std::env::var("PATH").unwrap_or_default();
    let ours = Path::new(env!("CARGO_BIN_EXE_trireme")).parent();
    let ours = ours.expect("a folder").display();
    let path = format!("{ours}:{}:{path}", cache().join("bin").display());
    let command = format!("cd {}/../.. && {command}", env!("CARGO_MANIFEST_DIR"));
    let shell = Tool::system("sh").args(["-c", &*command]).env("PATH", path);
    let shell = shell.env("HOME", home).env("DOCKER_CONFIG", home);
    shell.succeed().expect("the command succeeds")
}

#[test]
fn the_commands_that_the_sandbox_prints_work_in_their_order_and_an_interrupt_ends_it() {
    let (state, home) = (tempfile::tempdir(), tempfile::tempdir());
    let (state, home) = (state.expect("a folder"), home.expect("a folder"));
    let (mut sandbox, mut stderr) = start(state.path());
    let commands = commands(&mut stderr);
    let answers = [
        ("trireme check", "v1.37.2"),
        ("crane auth login", ""),
        ("crane ls", "stable"),
        ("kubectl", "w-c2"),
        ("curl", "v1.37.2"),
        ("curl", "Debian"),
    ];
    assert_eq!(commands.len(), answers.len(), "{commands:#?}");
    for (command, (begin, answer)) in commands.iter().zip(answers) {
        assert!(command.starts_with(begin), "{begin}: {command}");
        let said = shell(command, home.path());
        assert!(said.contains(answer), "{command}: {said}");
    }
    assert_eq!(sandbox.interrupt(), Some(0));
}
