//! The first step of CONTRIBUTING.md's "Add a resource", done as it is written, in a copy of the tree.

use std::{fs, path::Path, process::Command};

use cargo_metadata::{MetadataCommand, Package};
use tempfile::TempDir;

const REPOSITORY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

/// The names of the resource that is copied, in every spelling that code has of it.
const OLD: [&str; 3] = [
    "kubernetes-release",
    "kubernetes_release",
    "KubernetesRelease",
];

/// The commands of the first step, but for the last, which compiles.
fn commands() -> String {
    let text = fs::read_to_string(Path::new(REPOSITORY).join("CONTRIBUTING.md")).expect("a text");
    let (_, steps) = text.split_once("## Add a resource").expect("the steps");
    let (_, block) = steps.split_once("```sh\n").expect("a block of commands");
    let (block, _) = block.split_once("```").expect("its end");
    let (rest, test) = block
        .trim_end()
        .rsplit_once('\n')
        .expect("several commands");
    assert_eq!(test.trim(), r#"cargo test -p "trireme-$name""#);
    rest.to_owned()
}

fn sh(folder: &Path, script: &str) {
    let output = Command::new("sh")
        .args(["-ec", script])
        .current_dir(folder)
        .output()
        .expect("sh runs");
    assert!(output.status.success(), "{script}: {output:?}");
}

/// What the workspace is made of, without what was built.
fn copy() -> TempDir {
    let copy = tempfile::tempdir().expect("a temporary folder");
    let script = format!(
        "cp -r Cargo.toml crates resources tests '{}'",
        copy.path().display()
    );
    sh(Path::new(REPOSITORY), &script);
    copy
}

fn packages(tree: &Path) -> Vec<Package> {
    MetadataCommand::new()
        .current_dir(tree)
        .no_deps()
        .exec()
        .expect("the copy is a workspace")
        .packages
}

#[test]
fn the_first_step_to_a_resource_leaves_nothing_of_the_old_one() {
    let copy = copy();
    sh(copy.path(), &commands());
    let packages = packages(copy.path());
    let new = packages
        .iter()
        .find(|package| package.name == "trireme-os-release");
    let new = new.expect("the workspace finds the copy");
    assert!(
        new.targets
            .iter()
            .any(|target| target.is_bin() && target.name == "trireme-os-release")
    );
    let manifest = fs::read_to_string(copy.path().join("Cargo.toml")).expect("a manifest");
    let dependency = r#"trireme-os-release = { path = "resources/os-release" }"#;
    assert_eq!(manifest.matches(dependency).count(), 1);
    for old in OLD {
        let search = format!("! grep -rn {old} resources/os-release");
        sh(copy.path(), &search);
    }
    let library = copy.path().join("resources/os-release/src/lib.rs");
    let library = fs::read_to_string(library).expect("a library");
    assert!(library.contains(r#"pub struct OsRelease is "os-release""#));
}
