//! The program, called in a folder that holds a pipeline and its input.

use std::path::Path;
use std::process::{Command, Output};

pub const PIPELINE: &str = "
resources: [{name: repo, type: git}]
jobs:
- name: build
  plan:
  - {get: repo, trigger: true}
  - {task: say, config: {platform: linux, inputs: [{name: repo}], run: {path: sh, args: [-c, 'cat repo/words; exit ((code))']}}}
";

pub fn trireme(dir: &Path, arguments: &[&str]) -> Output {
    let program = env!("CARGO_BIN_EXE_trireme");
    Command::new(program)
        .args(arguments)
        .current_dir(dir)
        .output()
        .expect("the program runs")
}

pub fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

pub fn folder() -> tempfile::TempDir {
    let dir = tempfile::tempdir().expect("a folder");
    std::fs::write(dir.path().join("p.yml"), PIPELINE).expect("the pipeline");
    std::fs::create_dir(dir.path().join("repo")).expect("the content");
    std::fs::write(dir.path().join("repo/words"), "spoken\n").expect("the content");
    dir
}
