//! `trireme sandbox`: the commands that it prints do what they say, one after another.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, ChildStderr, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
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

fn start(state: &Path, options: &[&str]) -> (Running, BufReader<ChildStderr>) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_trireme"))
        .args(["sandbox", "--state"])
        .arg(state)
        .args(options)
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
    for options in [&[][..], &["--listen", "127.0.0.2"]] {
        the_printed_commands_work(options);
    }
}

fn the_printed_commands_work(options: &[&str]) {
    let (state, home) = (tempfile::tempdir(), tempfile::tempdir());
    let (state, home) = (state.expect("a folder"), home.expect("a folder"));
    let (mut sandbox, mut stderr) = start(state.path(), options);
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

/// The newest version that a check of resource `release` of `repair.yml` finds in the sandbox of this state folder.
fn newest(commands: &[String], home: &Path) -> String {
    let found: Value = serde_json::from_str(&shell(&commands[0], home)).expect("JSON");
    let versions = found.as_array().expect("versions");
    let newest = versions.last().expect("a version");
    newest["version"].as_str().expect("text").to_owned()
}

#[test]
fn a_release_that_is_published_in_a_running_sandbox_is_found_by_a_check_and_stays() {
    let (state, home) = (tempfile::tempdir(), tempfile::tempdir());
    let (state, home) = (state.expect("a folder"), home.expect("a folder"));
    let publish = |version: &str| {
        let release = format!(
            "trireme sandbox release {version} --state {}",
            state.path().display()
        );
        shell(&format!("{release} 2>&1 || true"), home.path())
    };
    assert!(publish("v1.37.3").contains("start one with `trireme sandbox`"));
    let (mut sandbox, mut stderr) = start(state.path(), &[]);
    let before = commands(&mut stderr);
    assert_eq!(newest(&before, home.path()), "v1.37.2");
    assert!(publish("1.37.3").contains("expected e.g. v1.37.3"));
    let said = publish("v1.37.3");
    assert!(said.starts_with("v1.37.3 is published"), "{said}");
    assert_eq!(newest(&before, home.path()), "v1.37.3");
    assert_eq!(sandbox.interrupt(), Some(0));

    let (_sandbox, mut stderr) = start(state.path(), &[]);
    let again = commands(&mut stderr);
    assert_eq!(newest(&again, home.path()), "v1.37.3");
    for name in ["kube-apiserver", "kube-proxy", "node-act"] {
        let tags = again[2].replace("/shop", &format!("/{name}"));
        assert!(shell(&tags, home.path()).contains("v1.37.3"), "{tags}");
    }
}

/// A network of its own beside ours, as a container has one, joined to ours by a cable; gone with this value.
struct Container {
    name: String,
}

impl Container {
    const OURS: &str = "198.18.7.1";

    fn new() -> Self {
        let name = format!("trireme{}", std::process::id());
        let container = Self { name };
        let name = &container.name;
        for command in [
            format!("netns add {name}"),
            format!("link add {name} type veth peer name eth0 netns {name}"),
            format!("address add {}/30 dev {name}", Self::OURS),
            format!("link set {name} up"),
            format!("-n {name} address add 198.18.7.2/30 dev eth0"),
            format!("-n {name} link set eth0 up"),
        ] {
            let ip = Tool::system("ip").args(command.split(' '));
            ip.succeed().expect("root may make a network");
        }
        container
    }

    /// A command of ours that only knows this network.
    fn inside(&self, command: &str) -> String {
        format!(
            "ip netns exec {} env -u http_proxy -u HTTP_PROXY {command}",
            self.name
        )
    }
}

impl Drop for Container {
    fn drop(&mut self) {
        // The cable ends with its end in there.
        let _ = Command::new("ip")
            .args(["netns", "delete", &self.name])
            .status();
    }
}

/// It makes a network namespace, so it needs root and iproute2, as tests/run does.
#[test]
fn a_container_on_another_network_repairs_the_platform_of_a_sandbox_that_listens() {
    let (state, home) = (tempfile::tempdir(), tempfile::tempdir());
    let (state, home) = (state.expect("a folder"), home.expect("a folder"));
    let container = Container::new();
    let (_sandbox, mut stderr) = start(state.path(), &["--listen", Container::OURS]);
    let commands = commands(&mut stderr);
    let loopback = container.inside("curl --silent --max-time 5 http://127.0.0.1");
    assert_eq!(
        shell(&format!("{loopback} || echo unreachable"), home.path()),
        "unreachable\n"
    );

    let check = commands[0].replace("trireme check pipelines/repair.yml release", "");
    let run = format!(
        "trireme run pipelines/repair.yml --state {} {check}",
        home.path().display()
    );
    let said = shell(&format!("{} 2>&1", container.inside(&run)), home.path());
    assert!(said.contains(Container::OURS), "{said}");
    let nodes = container.inside(&commands[3]);
    let nodes = shell(&nodes, home.path());
    assert_eq!(nodes.matches("v1.37.2").count(), 9, "{nodes}");

    // Nothing answers there: a password that goes to a proxy is a release that is not published.
    let release = format!(
        "env -u no_proxy -u NO_PROXY http_proxy=http://127.0.0.1:9 trireme sandbox release v1.37.3 --state {} 2>&1",
        state.path().display()
    );
    let said = shell(&release, home.path());
    assert!(said.starts_with("v1.37.3 is published"), "{said}");
}
