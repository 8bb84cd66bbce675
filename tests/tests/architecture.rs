//! Holds the direction of dependencies and the purity of the deciding crates, as ARCHITECTURE.md states them.

use std::collections::{BTreeMap, BTreeSet};

use cargo_metadata::{DependencyKind, Metadata, MetadataCommand, Package};
use trireme_tests::purity::impurity;

/// Crates that decide: no I/O, no clock, no randomness.
const PURE: [&str; 7] = [
    "trireme-blueprint",
    "trireme-evidence",
    "trireme-finding",
    "trireme-layer",
    "trireme-release",
    "trireme-scan",
    "trireme-signature",
];

/// Crates that a deciding crate must never link, with what they would bring in.
const IMPURE: [(&str, &str); 11] = [
    ("tokio", "an executor and I/O"),
    ("reqwest", "an HTTP client"),
    ("hyper", "an HTTP client"),
    ("kube", "a Kubernetes client"),
    ("kube-client", "a Kubernetes client"),
    ("axum", "an HTTP server"),
    ("rustls", "a network"),
    ("fastrand", "randomness"),
    ("rand", "randomness"),
    ("tempfile", "files"),
    ("mio", "I/O"),
];

/// Crates that a deciding crate must not ask itself; what it links for ciphers and archives brings it along.
const NEVER_ASKED: [&str; 2] = ["getrandom", "rand_core"];

/// Resources that speak to a Kubernetes API. No other links a client of it.
const OF_KUBERNETES: [&str; 1] = ["trireme-cluster"];

/// What each shell crate may link of ours, besides the pure ones.
const SHELLS: [(&str, &[&str]); 6] = [
    (
        "trireme-connection",
        &["trireme-protocol", "trireme-registry", "trireme-transport"],
    ),
    ("trireme-protocol", &[]),
    ("trireme-transport", &[]),
    ("trireme-registry", &["trireme-transport"]),
    ("trireme-executor", &[]),
    (
        "trireme-kubernetes",
        &["trireme-executor", "trireme-transport"],
    ),
];

fn metadata() -> Metadata {
    MetadataCommand::new()
        .no_deps()
        .exec()
        .expect("cargo metadata")
}

fn resolved() -> Metadata {
    MetadataCommand::new().exec().expect("cargo metadata")
}

fn ours(package: &Package) -> BTreeSet<String> {
    package
        .dependencies
        .iter()
        .filter(|dependency| dependency.kind == DependencyKind::Normal)
        .map(|dependency| dependency.name.to_string())
        .filter(|name| name.starts_with("trireme-"))
        .collect()
}

/// Every package that `package` links in a normal build, by name.
fn linked(metadata: &Metadata, package: &str) -> BTreeSet<String> {
    let resolve = metadata.resolve.as_ref().expect("a resolved graph");
    let names: BTreeMap<_, _> = metadata
        .packages
        .iter()
        .map(|package| (&package.id, package.name.to_string()))
        .collect();
    let nodes: BTreeMap<_, _> = resolve.nodes.iter().map(|node| (&node.id, node)).collect();
    let start = metadata
        .packages
        .iter()
        .find(|candidate| candidate.name == package)
        .unwrap_or_else(|| panic!("package {package} exists"));
    let mut seen = BTreeSet::new();
    let mut open = vec![&start.id];
    while let Some(id) = open.pop() {
        for dependency in &nodes[id].deps {
            let normal = dependency
                .dep_kinds
                .iter()
                .any(|kind| kind.kind == DependencyKind::Normal);
            if normal && seen.insert(names[&dependency.pkg].clone()) {
                open.push(&dependency.pkg);
            }
        }
    }
    seen
}

fn folder(package: &Package) -> std::path::PathBuf {
    let folder = package.manifest_path.parent().expect("a folder");
    folder.as_std_path().to_owned()
}

fn is_resource(package: &Package) -> bool {
    package.manifest_path.as_str().contains("/resources/")
}

#[test]
fn deciding_crates_link_no_io_clock_or_randomness() {
    let metadata = resolved();
    for pure in PURE {
        let linked = linked(&metadata, pure);
        for (impure, what) in IMPURE {
            assert!(
                !linked.contains(impure),
                "{pure} links {impure}, which brings {what} into a deciding crate"
            );
        }
    }
}

#[test]
fn deciding_crates_ask_for_no_randomness() {
    for package in metadata().packages {
        if !PURE.contains(&package.name.as_str()) {
            continue;
        }
        for dependency in &package.dependencies {
            let asks = NEVER_ASKED.contains(&dependency.name.as_str());
            let normal = dependency.kind == DependencyKind::Normal;
            assert!(
                !(asks && normal),
                "{} asks {}",
                package.name,
                dependency.name
            );
        }
    }
}

#[test]
fn deciding_crates_name_no_clock_file_or_process() {
    for package in metadata().packages {
        if !PURE.contains(&package.name.as_str()) {
            continue;
        }
        for file in rust_files(&folder(&package)) {
            let text = std::fs::read_to_string(&file).expect("a source file");
            let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or("");
            assert_eq!(
                impurity(code),
                None,
                "{} must not name this",
                file.display()
            );
        }
    }
}

/// The sources below `src/`, without files that hold only tests.
fn rust_files(package: &std::path::Path) -> Vec<std::path::PathBuf> {
    let mut files = Vec::new();
    let mut open = vec![package.join("src")];
    while let Some(folder) = open.pop() {
        for entry in std::fs::read_dir(folder).expect("a source folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() && !path.ends_with("tests") {
                open.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs")
                && !path.ends_with("tests.rs")
            {
                files.push(path);
            }
        }
    }
    files
}

#[test]
fn dependencies_point_from_resources_over_shells_to_pure_crates() {
    let shells: BTreeMap<_, _> = SHELLS.into_iter().collect();
    for package in metadata().packages {
        let name = package.name.as_str();
        let ours = ours(&package);
        let allowed: BTreeSet<&str> = if PURE.contains(&name) {
            PURE.into_iter().collect()
        } else if let Some(more) = shells.get(name) {
            PURE.into_iter().chain(more.iter().copied()).collect()
        } else if is_resource(&package) {
            PURE.into_iter().chain(shells.keys().copied()).collect()
        } else {
            continue;
        };
        for dependency in ours {
            assert!(
                allowed.contains(dependency.as_str()),
                "{name} depends on {dependency}, against the direction of ARCHITECTURE.md"
            );
        }
    }
}

#[test]
fn only_the_runner_and_the_program_know_a_resource() {
    let metadata = metadata();
    let resources: BTreeSet<String> = metadata
        .packages
        .iter()
        .filter(|package| is_resource(package))
        .map(|package| package.name.to_string())
        .collect();
    assert!(resources.len() >= 5, "five resources: {resources:?}");
    for package in &metadata.packages {
        if ["trireme", "trireme-runner"].contains(&package.name.as_str()) {
            continue;
        }
        let known: Vec<_> = ours(package).intersection(&resources).cloned().collect();
        assert!(known.is_empty(), "{} knows {known:?}", package.name);
    }
}

/// Data that a crate below the resources takes from one: the sandbox grants the rights that a user applies.
const TAKEN: (&str, &str) = (
    "crates/sandbox/src/platform/mod.rs",
    "resources/cluster/rbac.yaml",
);

#[test]
fn no_crate_includes_a_file_of_a_resource_but_the_sandbox_its_rights() {
    let packages = metadata().packages;
    let crates = packages.iter().filter(|package| !is_resource(package));
    for file in crates.flat_map(|package| rust_files(&folder(package))) {
        let text = std::fs::read_to_string(&file).expect("a source file");
        let taken = text.matches("../resources/").count();
        let allowed = file.ends_with(TAKEN.0) && text.contains(TAKEN.1);
        assert_eq!(taken, usize::from(allowed), "{}", file.display());
    }
}

/// The only file of a resource or a shell that writes to standard error: it redacts.
const LINES: &str = "crates/protocol/src/lines.rs";

#[test]
fn lines_for_people_have_one_way_out() {
    let is_shell = |package: &Package| SHELLS.iter().any(|(shell, _)| package.name == *shell);
    let mut writers = Vec::new();
    for package in metadata().packages {
        if !is_resource(&package) && !is_shell(&package) {
            continue;
        }
        for file in rust_files(&folder(&package)) {
            let text = std::fs::read_to_string(&file).expect("a source file");
            if ["eprint!", "eprintln!", "stderr()"]
                .iter()
                .any(|word| text.contains(word))
            {
                writers.push(file);
            }
        }
    }
    assert!(
        matches!(&writers[..], [only] if only.ends_with(LINES)),
        "{writers:?}"
    );
}

#[test]
fn the_dockerfile_has_the_version_and_the_toolchain_of_the_workspace() {
    let read = |name: &str| {
        let path = format!("{}/../{name}", env!("CARGO_MANIFEST_DIR"));
        std::fs::read_to_string(path).expect("a file of the workspace")
    };
    let dockerfile = read("Dockerfile");
    let version = format!("ARG VERSION={}\n", env!("CARGO_PKG_VERSION"));
    assert!(dockerfile.contains(&version), "{version}");
    let toolchain = read("rust-toolchain.toml");
    let channel = toolchain.split('"').nth(1).expect("a channel");
    for line in [
        format!("ENV RUSTUP_TOOLCHAIN={channel}\n"),
        format!("ARG BUILDER=docker.io/library/rust:{channel}-"),
    ] {
        assert!(dockerfile.contains(&line), "{line}");
    }
}

#[test]
fn every_resource_is_linked_into_the_program_and_known_to_the_readme() {
    let readme = concat!(env!("CARGO_MANIFEST_DIR"), "/../README.md");
    let readme = std::fs::read_to_string(readme).expect("a README");
    let packages = metadata().packages;
    let program = packages.iter().find(|package| package.name == "trireme");
    let linked = ours(program.expect("the program"));
    for resource in packages.iter().filter(|package| is_resource(package)) {
        let name = resource.name.as_str();
        assert!(linked.contains(name), "trireme does not link {name}");
        let row = format!("| `{name}` |");
        assert!(readme.contains(&row), "README.md has no row {row}");
    }
}

#[test]
fn a_resource_links_only_what_it_needs() {
    let metadata = resolved();
    for package in metadata.workspace_packages() {
        if !is_resource(package) {
            continue;
        }
        let name = package.name.as_str();
        assert_eq!(
            linked(&metadata, name).contains("kube-client"),
            OF_KUBERNETES.contains(&name),
            "{name}: only the resources of {OF_KUBERNETES:?} link a Kubernetes client"
        );
    }
}

#[test]
fn the_main_of_a_resource_decides_nothing() {
    for package in metadata()
        .packages
        .iter()
        .filter(|package| is_resource(package))
    {
        let main = package
            .manifest_path
            .parent()
            .expect("a folder")
            .join("src/main.rs");
        let text = std::fs::read_to_string(&main).unwrap_or_else(|error| panic!("{main}: {error}"));
        assert!(text.lines().count() < 15, "{main} has 15 lines or more");
    }
}

#[test]
fn every_resource_has_the_same_rooms() {
    for package in metadata()
        .packages
        .iter()
        .filter(|package| is_resource(package))
    {
        let folder = package.manifest_path.parent().expect("a folder");
        for file in [
            "README.md",
            "src/lib.rs",
            "src/main.rs",
            "src/source.rs",
            "src/version.rs",
            "src/check.rs",
            "src/get.rs",
            "src/put.rs",
        ] {
            assert!(folder.join(file).exists(), "{} lacks {file}", package.name);
        }
        let readme = std::fs::read_to_string(folder.join("README.md")).expect("a README");
        for heading in [
            "## What it is for",
            "## `source`",
            "## `check`",
            "## `get`",
            "## `put`",
            "## Example",
            "## What can go wrong",
        ] {
            assert!(
                readme.contains(heading),
                "{}: README.md lacks {heading}",
                package.name
            );
        }
    }
}
