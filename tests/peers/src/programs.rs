//! Small real programs, built by `go build` and by `cargo auditable`: what their linkers write into them is what a reader of
//! modules is tested with.
//!
//! The modules are empty and lie beside the program (vendored), so that nothing is fetched; the compiler records them under the
//! names and versions that they are given.

use std::{fs, path::Path};

use tempfile::TempDir;

use crate::{PeerError, Tool};

/// A program of Go for `linux/ARCHITECTURE` with these modules: path and version.
///
/// # Errors
/// Go is not installed or refuses.
pub fn of_go(architecture: &str, modules: &[(&str, &str)]) -> Result<Vec<u8>, PeerError> {
    let folder = in_new_folder("go", |folder| write_go(folder, modules))?;
    go_build(&folder, architecture, &["-mod=vendor", "-trimpath"])
}

/// A program of Kubernetes with one staging module, `k8s.io/apiserver`, built from its folder as the release scripts build it
/// (`hack/lib/golang.sh`): the linker is told the version, and the build info has none.
///
/// # Errors
/// Go is not installed or refuses.
pub fn of_kubernetes(version: &str) -> Result<Vec<u8>, PeerError> {
    let folder = in_new_folder("go", write_kubernetes)?;
    let flags =
        format!("-ldflags=all=-X 'k8s.io/component-base/version.gitVersion={version}' -s -w");
    go_build(&folder, "amd64", &[&flags])
}

fn go_build(folder: &TempDir, architecture: &str, flags: &[&str]) -> Result<Vec<u8>, PeerError> {
    let go = Tool::system("go").dir(folder.path());
    let environment = [
        ("CGO_ENABLED", "0"),
        ("GOARCH", architecture),
        ("GOFLAGS", ""),
        ("GOPROXY", "off"),
        ("GOTOOLCHAIN", "local"),
    ];
    let go = environment
        .into_iter()
        .fold(go, |go, (name, value)| go.env(name, value));
    let go = go
        .args(["build", "-buildvcs=false", "-o", "program"])
        .args(flags);
    go.succeed()?;
    read(&folder.path().join("program"))
}

/// A program of Rust for this machine with these crates: name and version.
///
/// # Errors
/// cargo or cargo-auditable is not installed or refuses.
pub fn of_rust(crates: &[(&str, &str)]) -> Result<Vec<u8>, PeerError> {
    let folder = in_new_folder("cargo-auditable", |folder| write_rust(folder, crates))?;
    let cargo = Tool::new("cargo-auditable")?.dir(folder.path());
    let cargo = cargo.env("CARGO_TARGET_DIR", folder.path().join("target"));
    let build = "auditable build --quiet --offline";
    cargo.args(build.split(' ')).succeed()?;
    read(&folder.path().join("target/debug/app"))
}

fn in_new_folder(
    name: &str,
    fill: impl FnOnce(&Path) -> std::io::Result<()>,
) -> Result<TempDir, PeerError> {
    let failed = |source| PeerError::Start {
        name: name.into(),
        source,
    };
    let folder = tempfile::tempdir().map_err(failed)?;
    fill(folder.path()).map_err(failed)?;
    Ok(folder)
}

fn read(program: &Path) -> Result<Vec<u8>, PeerError> {
    fs::read(program).map_err(|source| PeerError::Start {
        name: program.display().to_string(),
        source,
    })
}

fn write_go(folder: &Path, modules: &[(&str, &str)]) -> std::io::Result<()> {
    let lines = |line: fn(&str, &str) -> String| -> String {
        modules
            .iter()
            .map(|(path, version)| line(path, version))
            .collect()
    };
    let required = lines(|path, version| format!("require {path} {version}\n"));
    let imported = lines(|path, _| format!("import _ \"{path}\"\n"));
    let vendored =
        lines(|path, version| format!("# {path} {version}\n## explicit; go 1.21\n{path}\n"));
    let module = format!("module example.com/app\n\ngo 1.21\n\n{required}");
    write(folder, "go.mod", &module)?;
    write(
        folder,
        "main.go",
        &format!("package main\n\n{imported}\nfunc main() {{}}\n"),
    )?;
    write(folder, "vendor/modules.txt", &vendored)?;
    for (path, _) in modules {
        write(
            folder,
            &format!("vendor/{path}/empty.go"),
            "package empty\n",
        )?;
    }
    Ok(())
}

fn write_kubernetes(folder: &Path) -> std::io::Result<()> {
    let staging = "staging/src/k8s.io/apiserver";
    let required = "require k8s.io/apiserver v0.0.0\n";
    let replaced = format!("replace k8s.io/apiserver => ./{staging}\n");
    let module = |name: &str| format!("module {name}\n\ngo 1.21\n");
    write(
        folder,
        "go.mod",
        &(module("k8s.io/kubernetes") + required + &replaced),
    )?;
    write(
        folder,
        "main.go",
        "package main\n\nimport _ \"k8s.io/apiserver\"\n\nfunc main() {}\n",
    )?;
    write(
        folder,
        &format!("{staging}/go.mod"),
        &module("k8s.io/apiserver"),
    )?;
    write(folder, &format!("{staging}/empty.go"), "package empty\n")
}

fn write_rust(folder: &Path, crates: &[(&str, &str)]) -> std::io::Result<()> {
    let package = |name: &str, version: &str| {
        format!("[package]\nname = \"{name}\"\nversion = \"{version}\"\nedition = \"2021\"\n")
    };
    let required = crates
        .iter()
        .map(|(name, version)| format!("{name} = \"={version}\"\n"));
    let required: String = required.collect();
    let manifest = package("app", "1.0.0") + "[workspace]\n[dependencies]\n" + &required;
    write(folder, "Cargo.toml", &manifest)?;
    write(folder, "src/main.rs", "fn main() {}\n")?;
    let vendored = "[source.crates-io]\nreplace-with = \"vendored\"\n[source.vendored]\ndirectory = \"vendor\"\n";
    write(folder, ".cargo/config.toml", vendored)?;
    for (name, version) in crates {
        let vendor = format!("vendor/{name}");
        write(
            folder,
            &format!("{vendor}/Cargo.toml"),
            &package(name, version),
        )?;
        write(folder, &format!("{vendor}/src/lib.rs"), "")?;
        write(
            folder,
            &format!("{vendor}/.cargo-checksum.json"),
            "{\"files\":{}}",
        )?;
    }
    Ok(())
}

fn write(folder: &Path, name: &str, text: &str) -> std::io::Result<()> {
    let path = folder.join(name);
    if let Some(above) = path.parent() {
        fs::create_dir_all(above)?;
    }
    fs::write(path, text)
}
