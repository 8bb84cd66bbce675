//! Golden cases: each folder in `tests/cases` has `call` (how the program is called), `request.json` (the bytes of
//! standard input), and what must come of it: `response.json` (standard output), `stderr.txt`, `exit`, `files.txt`.
//!
//! A case without one of the last four expects nothing there. `TRIREME_BLESS=1` writes down what came instead.

#![allow(
    clippy::unwrap_used,
    reason = "clippy.toml lets only functions marked as tests, not their helpers"
)]

mod harness;

use std::path::{Path, PathBuf};

use harness::{Bench, feed};

fn cases() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases");
    let entries = std::fs::read_dir(folder).unwrap();
    let mut cases: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    cases.sort();
    cases
}

fn run(case: &Path) -> Vec<(&'static str, String)> {
    let bench = Bench::new();
    let call = std::fs::read_to_string(case.join("call")).unwrap();
    let mut child = bench.command(&call).spawn().unwrap();
    feed(
        &mut child,
        &std::fs::read(case.join("request.json")).unwrap_or_default(),
    );
    let output = child.wait_with_output().unwrap();
    let folder = bench.work().parent().unwrap().display().to_string();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).replace(&folder, "/opt/resource");
    vec![
        ("response.json", text(&output.stdout)),
        ("stderr.txt", text(&output.stderr)),
        ("exit", format!("{}\n", output.status.code().unwrap())),
        (
            "files.txt",
            bench
                .files()
                .iter()
                .map(|name| format!("{name}\n"))
                .collect(),
        ),
    ]
}

#[test]
fn every_case_ends_as_written() {
    let bless = std::env::var_os("TRIREME_BLESS").is_some();
    let cases = cases();
    assert!(cases.len() >= 20, "found only {} cases", cases.len());
    let mut wrong = Vec::new();
    for case in cases {
        for (name, found) in run(&case) {
            let expected = std::fs::read_to_string(case.join(name)).unwrap_or_default();
            if found == expected {
                continue;
            }
            if bless {
                std::fs::write(case.join(name), &found).unwrap();
            }
            wrong.push(format!(
                "{}/{name}\nexpected: {expected}\nfound: {found}",
                case.display()
            ));
        }
    }
    assert!(bless || wrong.is_empty(), "{}", wrong.join("\n"));
}
