//! What README.md and the vars of `pipelines/` say holds.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn read(file: &str) -> String {
    fs::read_to_string(root().join(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
}

/// What follows the first text and comes before the second one.
fn between<'t>(text: &'t str, begin: &str, end: &str) -> &'t str {
    let (_, rest) = text.split_once(begin).unwrap_or_else(|| panic!("{begin}"));
    rest.split_once(end).map_or(rest, |(found, _)| found)
}

fn trireme(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_trireme"));
    command
        .args(arguments)
        .current_dir(root().join("pipelines"));
    command.output().expect("the program starts")
}

/// The folders below `resources/`.
fn resources() -> BTreeSet<String> {
    let entries = fs::read_dir(root().join("resources")).expect("the resources");
    let name = |entry: fs::DirEntry| entry.file_name().into_string().expect("a name");
    entries
        .map(|entry| name(entry.expect("an entry")))
        .collect()
}

#[test]
fn the_images_that_the_readme_pushes_are_those_that_the_example_asks_for() {
    let readme = read("README.md");
    let script = between(&readme, "    for name in", "    done\n");
    let recorded = format!("docker() {{ echo \"$*\"; }}\nfor name in{script}done");
    let shell = Command::new("sh").args(["-euc", &recorded]).output();
    let said = String::from_utf8(shell.expect("a shell").stdout).expect("text");

    let example = trireme_runner::read_vars(&root().join("pipelines/vars/example.yml"));
    let example = example.expect("vars");
    let prefix = example["resource_images"].as_str().expect("a text");
    let tag = example["resource_tag"].as_str().expect("a text");
    let pinned = example["resource_digests"].as_object().expect("digests");
    let by_digest: BTreeSet<String> = pinned.keys().cloned().collect();
    let mut others = resources();
    others.remove("image");
    assert_eq!(by_digest, others, "all but the one that fetches the others");
    let build = |name: &String| {
        let image = format!("{prefix}/trireme-{name}:{tag}");
        let build = format!("build --build-arg RESOURCE={name} --tag {image} .");
        [build, format!("push {image}")]
    };
    let expected: BTreeSet<String> = resources().iter().flat_map(build).collect();
    assert_eq!(
        said.lines().map(String::from).collect::<BTreeSet<_>>(),
        expected
    );
}

/// The numbers in a text.
fn numbers(text: &str) -> BTreeSet<&str> {
    let words = text.split(|c: char| !c.is_ascii_digit());
    words.filter(|word| !word.is_empty()).collect()
}

#[test]
fn the_help_and_the_readme_know_every_exit_code() {
    let readme = read("README.md");
    let help = String::from_utf8(trireme(&["--help"]).stdout).expect("text");
    let codes = BTreeSet::from(["0", "1", "2", "64", "65", "75", "78"]);
    assert_eq!(numbers(between(&help, "Exit codes:", "\n\n")), codes);
    assert_eq!(numbers(between(&readme, "Exit codes of", "\n\n")), codes);
}

#[test]
fn the_pipeline_stays_readable_and_knows_no_sandbox() {
    let text = read("pipelines/repair.yml");
    assert!(text.lines().count() < 200, "it is longer than 200 lines");
    assert!(!text.contains("sandbox"), "it names the sandbox");
    // A value for every var but those of the credential manager, and none that the pipeline does not ask for.
    let valid = trireme(&[
        "validate",
        "repair.yml",
        "--load-vars-from",
        "vars/example.yml",
    ]);
    let said = String::from_utf8(valid.stderr).expect("text");
    let secrets = "cosign.key, cosign.password, harbor.password, platform.ca, platform.kubeconfig";
    assert!(
        said.contains(&format!("no value is given for {secrets}:")),
        "{said}"
    );
    assert!(!said.contains("warning"), "{said}");
}
