//! `tests/run` without a compiler and `tests/peers/install` without a network: what they call is replaced by recorders.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use tempfile::TempDir;

const REPOSITORY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
const RUN: &str = "tests/run";
const CONTAINERS: &str = "tests/containers/run";
const INSTALL: &str = "tests/peers/install";

/// Fails at the subcommand that `broken` names; `cargo test` says what `tested` says.
const CARGO: &str = r#"#!/bin/sh
[ "$1" != test ] || { cat "$TREE/tested"; echo "$PROPTEST_CASES $TRIREME_LONG" >"$TREE/long"; }
[ "$1" != "$(cat "$TREE/broken")" ]
"#;

/// Writes down what is asked of it, fails at the subcommand that `broken` names, and leaves the program that is built.
const GO: &str = r#"#!/bin/sh
echo "$*" >>"$TREE/calls"
case "$1" in install) : >"$GOBIN/crane" ;; build) : >"$TREE/cache/bin/referrers-registry" ;; esac
[ "$1" != "$(cat "$TREE/broken")" ]
"#;

/// A machine that has the packages which `apt-get` has installed.
const DPKG_QUERY: &str = r#"#!/bin/sh
[ ! -e "$TREE/machine" ] || echo "install ok installed"
"#;
const APT_GET: &str = r#"#!/bin/sh
echo "$*" >>"$TREE/calls"
[ "$1" != install ] || : >"$TREE/machine"
"#;

/// A tree that holds one script of this one, and the programs that it calls.
struct Tree(TempDir);

impl Tree {
    fn with(script: &str) -> Self {
        let tree = Self(tempfile::tempdir().expect("a temporary folder"));
        let text = fs::read_to_string(Path::new(REPOSITORY).join(script)).expect("the script");
        tree.program(script, &text);
        tree
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn file(&self, name: &str, text: &str) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("the temporary folder is ours");
        fs::write(path, text).expect("the temporary folder is ours");
    }

    fn program(&self, name: &str, text: &str) {
        self.file(name, text);
        self.mode(name, 0o755);
    }

    fn mode(&self, name: &str, mode: u32) {
        fs::set_permissions(self.path(name), fs::Permissions::from_mode(mode))
            .expect("the temporary folder is ours");
    }

    fn run(&self, script: &str, arguments: &[&str]) -> Output {
        let path = std::env::var("PATH").expect("PATH is set");
        Command::new("bash")
            .arg(self.path(script))
            .args(arguments)
            .env("PATH", format!("{}:{path}", self.path("bin").display()))
            .env("TREE", self.0.path())
            // A long run tests these scripts too.
            .env_remove("PROPTEST_CASES")
            .env_remove("TRIREME_LONG")
            .env("TRIREME_CACHE", self.path("cache"))
            .output()
            .expect("the script runs")
    }
}

/// A tree in which every step passes.
fn green() -> Tree {
    let tree = Tree::with(RUN);
    tree.program("bin/cargo", CARGO);
    for other in ["bin/shellcheck", INSTALL, CONTAINERS] {
        tree.program(other, "#!/bin/sh\n");
    }
    for folder in [".ci", "containers", "crates", "pipelines", "resources"] {
        fs::create_dir(tree.path(folder)).expect("the temporary folder is ours");
    }
    tree.file("broken", "nothing");
    tree.file("tested", "test result: ok. 3 passed; 0 failed; 0 ignored\n");
    tree
}

fn said(output: &Output) -> String {
    format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}

/// The last line, the number of failed steps and the exit code of `tests/run`.
fn verdict(tree: &Tree, mode: &[&str]) -> (String, String, Option<i32>) {
    let output = tree.run(RUN, mode);
    let text = String::from_utf8(output.stdout).expect("text");
    let last = text.lines().last().expect("a summary").to_owned();
    let total = text.lines().find(|line| line.starts_with("total"));
    let steps = total.and_then(|line| line.split_once(", ")).expect("steps");
    (last, steps.1.to_owned(), output.status.code())
}

fn expected(last: &str, steps: &str, code: i32) -> (String, String, Option<i32>) {
    (last.to_owned(), steps.to_owned(), Some(code))
}

#[test]
fn a_green_run_says_so() {
    let tree = green();
    assert_eq!(
        verdict(&tree, &["--quick"]),
        expected("3 passed, 0 failed", "0 of 4 steps failed", 0)
    );
    assert_eq!(
        verdict(&tree, &[]),
        expected("3 passed, 0 failed", "0 of 8 steps failed", 0)
    );
}

#[test]
fn a_failed_test_is_counted_once() {
    let tree = green();
    tree.file("broken", "test");
    tree.file(
        "tested",
        "test result: ok. 3 passed; 0 failed; 0 ignored\n\
         test result: \x1b[31mFAILED\x1b[0m. 4 passed; 2 failed; 0 ignored\n",
    );
    assert_eq!(
        verdict(&tree, &["--quick"]),
        expected("7 passed, 2 failed", "1 of 4 steps failed", 1)
    );
}

#[test]
fn a_step_that_fails_without_a_failed_test_is_never_zero_failed() {
    for broken in ["fmt", "clippy", "test"] {
        let tree = green();
        tree.file("broken", broken);
        assert_eq!(
            verdict(&tree, &["--quick"]),
            expected("3 passed, 1 failed", "1 of 4 steps failed", 1),
            "{broken}"
        );
    }
}

#[test]
fn images_that_cannot_be_tested_fail_the_run() {
    let tree = green();
    tree.mode(CONTAINERS, 0o644);
    assert_eq!(
        verdict(&tree, &[]),
        expected("3 passed, 1 failed", "1 of 8 steps failed", 1)
    );
}

#[test]
fn a_long_run_has_more_cases_and_nodes_and_keeps_its_log() {
    let tree = green();
    let told = || fs::read_to_string(tree.path("long")).expect("the recorder wrote it");
    verdict(&tree, &[]);
    assert_eq!(told(), " \n");
    assert_eq!(
        verdict(&tree, &["--long"]),
        expected("3 passed, 0 failed", "0 of 8 steps failed", 0)
    );
    assert_eq!(told(), "20000 1\n");
    let log = fs::read_to_string(tree.path("tests/long.log")).expect("the log");
    assert!(log.starts_with("tests/run --long, "), "{log}");
    assert!(log.ends_with("3 passed, 0 failed\n"), "{log}");
}

#[test]
fn another_word_is_refused() {
    let output = green().run(RUN, &["--fast"]);
    assert_eq!(output.status.code(), Some(64), "{}", said(&output));
}

/// A tree in which no peer is installed.
fn bare() -> Tree {
    let tree = Tree::with(INSTALL);
    tree.program("bin/go", GO);
    tree.program("bin/dpkg-query", DPKG_QUERY);
    tree.program("bin/apt-get", APT_GET);
    tree.file("tests/peers/referrers-registry.go", "");
    tree.file("broken", "nothing");
    tree
}

/// Installs one peer and says how that ended: `present`, `installed`, `failed`.
fn install(tree: &Tree, peer: &str) -> &'static str {
    let output = tree.run(INSTALL, &[peer]);
    let said = said(&output);
    let ends = ["present", "installed", "failed"];
    let end = ends
        .into_iter()
        .find(|end| said.contains(&format!(": {end}")));
    let end = end.unwrap_or_else(|| panic!("no end: {said}"));
    assert_eq!(output.status.success(), end != "failed", "{said}");
    end
}

#[test]
fn debian_packages_are_asked_of_the_machine_and_not_of_the_cache() {
    let tree = bare();
    assert_eq!(install(&tree, "debian"), "installed");
    assert_eq!(install(&tree, "debian"), "present");
    let before = fs::read_to_string(tree.path("calls")).expect("the recorder wrote it");
    fs::remove_file(tree.path("machine")).expect("the temporary folder is ours");
    assert_eq!(install(&tree, "debian"), "installed");
    let after = fs::read_to_string(tree.path("calls")).expect("the recorder wrote it");
    assert_eq!(after, before.repeat(2));
}

#[test]
fn a_stamp_is_not_believed_without_what_it_stands_for() {
    let tree = bare();
    assert_eq!(install(&tree, "crane"), "installed");
    assert_eq!(install(&tree, "crane"), "present");
    fs::remove_file(tree.path("cache/bin/crane")).expect("the temporary folder is ours");
    assert_eq!(install(&tree, "crane"), "installed");
    assert!(tree.path("cache/bin/crane").exists());
}

#[test]
fn the_first_failure_of_an_installation_ends_it() {
    let tree = bare();
    tree.file("broken", "mod");
    assert_eq!(install(&tree, "referrers-registry"), "failed");
    let calls = fs::read_to_string(tree.path("calls")).expect("the recorder wrote it");
    assert_eq!(calls, "mod init trireme.test/referrers-registry\n");
    assert_eq!(install(&tree, "referrers-registry"), "failed");
    tree.file("broken", "nothing");
    assert_eq!(install(&tree, "referrers-registry"), "installed");
}

#[test]
fn a_peer_that_nobody_knows_is_refused() {
    let output = bare().run(INSTALL, &["crain"]);
    assert_eq!(output.status.code(), Some(64), "{}", said(&output));
    assert!(said(&output).contains("there are: debian crane"));
}
