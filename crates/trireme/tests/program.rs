//! The program as a person calls it.

use std::path::Path;
use std::process::{Command, Output};

const PIPELINE: &str = "
resources: [{name: repo, type: git}]
jobs:
- name: build
  plan:
  - {get: repo, trigger: true}
  - {task: say, config: {platform: linux, inputs: [{name: repo}], run: {path: sh, args: [-c, 'cat repo/words; exit ((code))']}}}
";

fn trireme(dir: &Path, arguments: &[&str]) -> Output {
    let program = env!("CARGO_BIN_EXE_trireme");
    Command::new(program)
        .args(arguments)
        .current_dir(dir)
        .output()
        .expect("the program runs")
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn folder() -> tempfile::TempDir {
    let dir = tempfile::tempdir().expect("a folder");
    std::fs::write(dir.path().join("p.yml"), PIPELINE).expect("the pipeline");
    std::fs::create_dir(dir.path().join("repo")).expect("the content");
    std::fs::write(dir.path().join("repo/words"), "spoken\n").expect("the content");
    dir
}

#[test]
fn a_run_succeeds_once_and_then_has_nothing_to_do() {
    let dir = folder();
    let run = ["run", "p.yml", "--input", "repo=repo", "--var", "code=0"];
    let first = trireme(dir.path(), &run);
    assert_eq!(first.status.code(), Some(0), "{}", stderr(&first));
    assert!(
        stderr(&first).contains("build task say | spoken"),
        "{}",
        stderr(&first)
    );
    assert!(dir.path().join(".trireme/builds/build/1").is_dir());
    let second = trireme(dir.path(), &run);
    assert_eq!(second.status.code(), Some(0));
    assert!(
        stderr(&second).contains("nothing to do"),
        "{}",
        stderr(&second)
    );
}

#[test]
fn a_failing_task_fails_the_run_whatever_its_code() {
    let dir = folder();
    let run = trireme(
        dir.path(),
        &["run", "p.yml", "--input", "repo=repo", "--var", "code=2"],
    );
    assert_eq!(run.status.code(), Some(1), "{}", stderr(&run));
    assert!(
        stderr(&run).contains("build task say: failed"),
        "{}",
        stderr(&run)
    );
}

#[test]
fn what_is_wrong_is_said_all_at_once_with_its_place() {
    let dir = folder();
    let run = trireme(dir.path(), &["run", "p.yml"]);
    assert_eq!(run.status.code(), Some(78));
    for part in [
        "p.yml:2:32: resources.repo: nothing here serves the type `git`",
        "((code)) has no value",
    ] {
        assert!(stderr(&run).contains(part), "{}", stderr(&run));
    }
    let valid = trireme(dir.path(), &["validate", "p.yml", "--input", "repo=repo"]);
    assert_eq!(valid.status.code(), Some(0), "{}", stderr(&valid));
}

#[test]
fn wrong_use_exits_64_and_help_0() {
    let dir = folder();
    for wrong in [
        &["fly"][..],
        &["run"],
        &["run", "p.yml", "--var", "x"],
        &["resource", "none", "check"],
    ] {
        assert_eq!(
            trireme(dir.path(), wrong).status.code(),
            Some(64),
            "{wrong:?}"
        );
    }
    let help = trireme(dir.path(), &["--help"]);
    assert_eq!(help.status.code(), Some(0));
    assert!(String::from_utf8_lossy(&help.stdout).contains("validate"));
}

#[test]
fn a_linked_resource_is_called_as_its_own_program() {
    let dir = folder();
    let schema = trireme(dir.path(), &["resource", "image-signature", "schema"]);
    assert_eq!(schema.status.code(), Some(0), "{}", stderr(&schema));
    let schema: serde_json::Value = serde_json::from_slice(&schema.stdout).expect("JSON");
    assert!(schema["source"].is_object());
}
