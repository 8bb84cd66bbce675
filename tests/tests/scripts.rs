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

/// Fails at the subcommand that `broken` names; `cargo test` says what `tested` says.
const CARGO: &str = r#"#!/bin/sh
[ "$1" != test ] || { cat "$TREE/tested"; echo "$PROPTEST_CASES" >"$TREE/cases"; }
[ "$1" != "$(cat "$TREE/broken")" ]
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
            .env("TRIREME_CACHE", self.path("cache"))
            .output()
            .expect("the script runs")
    }
}

/// A tree in which every step passes.
fn green() -> Tree {
    let tree = Tree::with(RUN);
    tree.program("bin/cargo", CARGO);
    for other in ["bin/shellcheck", "tests/peers/install", CONTAINERS] {
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
fn a_long_run_has_more_cases_and_keeps_its_log() {
    let tree = green();
    assert_eq!(
        verdict(&tree, &["--long"]),
        expected("3 passed, 0 failed", "0 of 8 steps failed", 0)
    );
    let cases = fs::read_to_string(tree.path("cases")).expect("the recorder wrote it");
    assert_eq!(cases, "20000\n");
    let log = fs::read_to_string(tree.path("tests/long.log")).expect("the log");
    assert!(log.starts_with("tests/run --long, "), "{log}");
    assert!(log.ends_with("3 passed, 0 failed\n"), "{log}");
}

#[test]
fn another_word_is_refused() {
    let output = green().run(RUN, &["--fast"]);
    assert_eq!(output.status.code(), Some(64), "{}", said(&output));
}
