//! Real programs: large ones of the control plane, and small ones that are built here.

use std::{collections::BTreeSet, fs};

use serde_json::{Value, json};
use trireme_peers::{
    Tool, cache,
    programs::{of_go, of_kubernetes, of_rust},
};

use crate::{
    scanner::{Findings, ours, put, recorded, theirs},
    world::{Program, layer_of, zip_with},
};

/// Programs of the control plane, as `tests/peers/install` built them from their sources.
const BUILT: [&str; 4] = ["kube-apiserver", "kube-scheduler", "etcd", "crane"];

/// A distroless-like image with one of them.
fn distroless_layer(program: &str) -> Vec<u8> {
    let content = fs::read(cache().join("bin").join(program));
    distroless_with(program, &content.expect("tests/peers/install built it"))
}

fn distroless_with(program: &str, content: &[u8]) -> Vec<u8> {
    let status = "Package: base-files\nVersion: 12.4+deb12u11\n";
    layer_of(&[
        ("etc/os-release", b"ID=debian\nVERSION_ID=\"12\"\n"),
        ("var/lib/dpkg/status.d/base-files", status.as_bytes()),
        (&format!("usr/local/bin/{program}"), content),
    ])
}

/// A module as `go version -m` lists it: its path and version, and the path and version of what replaces it.
type Module = (String, String, Option<(String, String)>);

fn listed_by_go(program: &str) -> BTreeSet<Module> {
    let path = cache().join("bin").join(program);
    let go = Tool::system("go")
        .args(["version", "-m"])
        .args([path.as_os_str()]);
    let text = go.succeed().expect("Go is installed");
    let mut modules: Vec<Module> = Vec::new();
    for line in text.lines() {
        let fields: Vec<&str> = line.trim_start().split('\t').collect();
        match fields[..] {
            ["mod" | "dep", path, version, ..] => {
                modules.push((path.to_owned(), version.to_owned(), None));
            }
            ["=>", path, version, ..] => {
                let replaced = modules.last_mut().expect("a module before");
                replaced.2 = Some((path.to_owned(), version.to_owned()));
            }
            _ => {}
        }
    }
    let version = text.lines().next().and_then(|line| line.rsplit(' ').next());
    let version = version.expect("a version of Go");
    let number = version.trim_start_matches("go").to_owned();
    let library = ("stdlib".to_owned(), version.to_owned());
    modules.push((library.0.clone(), library.1, Some((library.0, number))));
    modules.into_iter().collect()
}

fn listed_by_us(put: &Program) -> BTreeSet<Module> {
    let listed = put.file(".image-scan/packages.json")["images"][0]["packages"].clone();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let packages = listed.as_array().expect("a list").iter();
    let modules = packages.filter(|package| package["ecosystem"] == "Go");
    let module = |package: &Value| {
        let (name, version) = (text(&package["name"]), text(&package["version"]));
        let source = &package["source"];
        let source = (text(&source["name"]), text(&source["version"]));
        // A version that is not known is left out of what is matched.
        let is_replaced = !source.1.is_empty() && source != (name.clone(), version.clone());
        (name, version, is_replaced.then_some(source))
    };
    modules.map(module).collect()
}

#[test]
fn the_modules_of_a_real_program_are_those_that_go_lists() {
    for program in BUILT {
        let put = put(&distroless_layer(program), &recorded());
        let (ours, theirs) = (listed_by_us(&put), listed_by_go(program));
        assert!(theirs.len() > 10, "{program}: {theirs:?}");
        assert_eq!(ours, theirs, "{program}");
    }
}

/// Advisories on every module: one of those that it has, and one that was repaired in its version.
fn advisories_on(modules: &BTreeSet<Module>) -> Vec<u8> {
    let mut records = Vec::new();
    for (number, (path, version, replaced)) in modules.iter().enumerate() {
        let replacement = replaced.as_ref();
        let other = replacement.filter(|(name, _)| name != path);
        let version = replacement.map_or(version, |(_, version)| version);
        let version = version.trim_start_matches('v').replace("+incompatible", "");
        let names = [Some(path), other.map(|(name, _)| name)];
        for (at, name) in names.into_iter().flatten().enumerate() {
            for (kind, event) in [("OPEN", "last_affected"), ("FIXED", "fixed")] {
                let id = format!("GO-{kind}-{number}-{at}");
                let events = json!([{"introduced": "0"}, {event: version}]);
                let range = json!([{"type": "SEMVER", "events": events}]);
                let package = json!({"ecosystem": "Go", "name": name});
                let affected = json!([{"package": package, "ranges": range}]);
                let record = json!({"schema_version": "1.6.0", "id": id,
                    "modified": "2026-01-01T00:00:00Z", "affected": affected});
                records.push((id, record));
            }
        }
    }
    zip_with(&records)
}

/// The one difference, and its cause. A main module that was built from a folder has the version `(devel)`. osv-scanner takes that for
/// older than every version, and finds all advisories on it; we say that its version is not known, and the verdict is incomplete.
fn unversioned(modules: &BTreeSet<Module>, findings: &Findings) -> Findings {
    let names = modules
        .iter()
        .filter(|(_, version, _)| version == "(devel)");
    let names: BTreeSet<&String> = names.map(|(name, ..)| name).collect();
    let about = findings
        .iter()
        .filter(|(_, package)| names.contains(package));
    about.cloned().collect()
}

#[test]
fn findings_in_real_programs_are_those_of_osv_scanner() {
    for program in BUILT {
        let modules = listed_by_go(program);
        let mut database = recorded();
        database.retain(|(family, _)| family != "Go");
        database.push(("Go".to_owned(), advisories_on(&modules)));
        let layer = distroless_layer(program);
        let (ours, theirs) = (ours(&layer, &database), theirs(&layer, &database));
        assert!(ours.len() + 1 >= modules.len(), "{program}: {ours:?}");
        let only_theirs: Findings = theirs.difference(&ours).cloned().collect();
        assert_eq!(only_theirs, unversioned(&modules, &theirs), "{program}");
        assert_eq!(ours.difference(&theirs).next(), None, "{program}");
        let verdict = put(&layer, &database).file(".image-scan/verdict.json");
        let named = verdict["not_examined"][0]["kind"] == "module";
        assert_eq!(named, !only_theirs.is_empty(), "{program}: {verdict}");
    }
}

/// Built here by Go and by `cargo auditable`, with one module: as it was with its flaw, and repaired.
#[test]
fn small_real_programs_of_go_and_rust_are_judged_as_osv_scanner_judges_them() {
    let go = |version| of_go("amd64", &[("golang.org/x/net", version)]);
    let rust = |version| of_rust(&[("time", version)]);
    let flaws = [
        (
            "golang.org/x/net",
            "GO-2023-2102",
            go("v0.10.0"),
            go("v0.17.0"),
        ),
        ("time", "RUSTSEC-2020-0071", rust("0.2.22"), rust("0.2.23")),
    ];
    for (module, advisory, flawed, repaired) in flaws {
        let layer = distroless_with("app", &flawed.expect("a program"));
        let database = recorded();
        let (ours, theirs) = (ours(&layer, &database), theirs(&layer, &database));
        assert!(
            ours.contains(&(advisory.to_owned(), module.to_owned())),
            "{ours:?}"
        );
        assert_eq!(ours, theirs, "{module}");
        let layer = distroless_with("app", &repaired.expect("a program"));
        let verdict = put(&layer, &database).file(".image-scan/verdict.json");
        assert_eq!(verdict["verdict"], "permit", "{verdict}");
    }
}

/// Built from its folder, as the release scripts of Kubernetes do: neither it nor its staging module has a version of its own.
#[test]
fn staging_modules_of_kubernetes_are_judged_by_the_release_that_publishes_them() {
    let layer = distroless_with("kubectl", &of_kubernetes("v1.36.5").expect("a program"));
    let range = |event: &str, version: &str| json!([{"type": "SEMVER", "events": [{"introduced": "0"}, {event: version}]}]);
    let record = |id: &str, module: &str, ranges: Value| {
        let package = json!({"ecosystem": "Go", "name": module});
        let affected = json!([{"package": package, "ranges": ranges}]);
        let record = json!({"id": id, "modified": "2026-01-01T00:00:00Z", "affected": affected});
        (id.to_owned(), record)
    };
    let mut database = recorded();
    database.retain(|(family, _)| family != "Go");
    let records = [
        record(
            "GO-OPEN",
            "k8s.io/apiserver",
            range("last_affected", "0.36.5"),
        ),
        record("GO-FIXED", "k8s.io/apiserver", range("fixed", "0.36.5")),
        record(
            "GO-OPEN-MAIN",
            "k8s.io/kubernetes",
            range("last_affected", "1.36.5"),
        ),
        record(
            "GO-FIXED-MAIN",
            "k8s.io/kubernetes",
            range("fixed", "1.36.5"),
        ),
    ];
    database.push(("Go".to_owned(), zip_with(&records)));
    let found = |findings: Findings| findings.into_iter().map(|(id, _)| id).collect::<Vec<_>>();
    assert_eq!(found(ours(&layer, &database)), ["GO-OPEN", "GO-OPEN-MAIN"]);
    // It looks for a module `./staging/src/k8s.io/apiserver`, and takes `(devel)` for older than every version.
    assert_eq!(
        found(theirs(&layer, &database)),
        ["GO-FIXED-MAIN", "GO-OPEN-MAIN"]
    );
    let verdict = put(&layer, &database).file(".image-scan/verdict.json");
    assert_eq!(verdict["not_examined"], json!([]), "{verdict}");
}
