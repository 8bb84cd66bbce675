//! osv-scanner as the judge of our matcher: the same images, the same advisories, the same findings.
#![cfg(feature = "peers")]

mod world;

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use serde_json::{Value, json};
use trireme_peers::{Tool, cache, programs};
use world::{Program, World, digest, layer, layer_of, zip_of, zip_with};

/// (advisory, source package).
type Findings = BTreeSet<(String, String)>;

/// Debian 12 as `debootstrap` makes it, with the versions of some packages set back to what the release began with:
/// the current ones have no advisory in the test's database.
fn debian_layer() -> Vec<u8> {
    let root = cache().join("rootfs");
    let status = fs::read_to_string(root.join("var/lib/dpkg/status"))
        .expect("tests/peers/install made the rootfs");
    let release = fs::read_to_string(root.join("usr/lib/os-release")).expect("a release file");
    let old: String = status
        .split("\n\n")
        .map(|stanza| set_back(stanza) + "\n\n")
        .collect();
    layer(&[
        ("etc/os-release", &release),
        ("usr/lib/os-release", &release),
        ("var/lib/dpkg/status", &old),
    ])
}

fn set_back(stanza: &str) -> String {
    let versions = [
        ("libc6", "2.36-9"),
        ("libc-bin", "2.36-9+deb12u3"),
        ("perl-base", "5.36.0-7"),
        ("util-linux", "2.38.1-5"),
    ];
    let old = versions
        .iter()
        .find(|(name, _)| stanza.starts_with(&format!("Package: {name}\n")));
    let line = |line: &str| match old {
        Some((_, version)) if line.starts_with("Version: ") => format!("Version: {version}"),
        _ => line.to_owned(),
    };
    stanza.lines().map(line).collect::<Vec<_>>().join("\n")
}

fn alpine_layer() -> Vec<u8> {
    let package = |name: &str, version: &str, origin: &str| {
        format!(
            "C:Q1RGVz2bKb6bKb6bKb6bKb6bKb6bKb4=\nP:{name}\nV:{version}\nA:x86_64\nS:1\nI:1\nT:x\nU:x\nL:x\no:{origin}\n\n"
        )
    };
    let installed = [
        package("libcrypto3", "3.1.4-r1", "openssl"),
        package("libssl3", "3.1.4-r1", "openssl"),
        package("busybox", "1.36.1-r2", "busybox"),
        package("zlib", "1.2.13-r1", "zlib"),
        package("musl", "1.2.4-r2", "musl"),
        package("libcurl", "8.3.0-r0", "curl"),
    ];
    let release = "NAME=\"Alpine Linux\"\nID=alpine\nVERSION_ID=3.18.4\n";
    layer(&[
        ("etc/os-release", release),
        ("etc/alpine-release", "3.18.4\n"),
        ("lib/apk/db/installed", &installed.concat()),
    ])
}

/// The advisories of `tests/data/osv`, by ecosystem.
fn recorded() -> Database {
    let families = ["Debian", "Alpine", "Go", "crates.io"];
    let zipped = families.map(|family| (family.to_owned(), zip_of(family, &[])));
    zipped.into()
}

/// A zip file for each ecosystem.
type Database = Vec<(String, Vec<u8>)>;

/// What our program did with an image of this layer.
fn put(layer: &[u8], database: &Database) -> Program {
    let world = World::start();
    for (family, zip) in database {
        let path = format!("/osv/{family}/all.zip");
        world.serve(&path, 200, "application/zip", zip.clone());
    }
    let digest = world.image("v1", "amd64", &[layer.to_vec()]);
    let params = json!({"image": "app", "on_deny": "report"});
    let put = Program::put(&world.source(), &params, &[("app/digest", &digest)]);
    assert_eq!(put.code, 0, "{}", put.stderr);
    put
}

/// What our program finds.
fn ours(layer: &[u8], database: &Database) -> Findings {
    let verdict = put(layer, database).file(".image-scan/verdict.json");
    let lists = ["findings", "passed_over"]
        .map(|list| verdict[list].as_array().cloned().unwrap_or_default());
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let mut findings = Findings::new();
    for finding in lists.concat() {
        for advisory in finding["advisories"].as_array().into_iter().flatten() {
            findings.insert((text(advisory), text(&finding["package"])));
        }
    }
    findings
}

/// What osv-scanner finds in the same layer, with the same advisories.
fn theirs(layer: &[u8], database: &Database) -> Findings {
    let folder = tempfile::tempdir().expect("a folder");
    for (family, zip) in database {
        let database = folder.path().join("osv-scanner").join(family);
        fs::create_dir_all(&database).expect("made");
        fs::write(database.join("all.zip"), zip).expect("written");
    }
    let archive = docker_archive(folder.path(), layer);
    let ran = Tool::new("osv-scanner")
        .expect("tests/peers/install built it")
        .env("OSV_SCANNER_LOCAL_DB_CACHE_DIRECTORY", folder.path())
        .args([
            "scan",
            "image",
            "--offline",
            "--all-packages",
            "--format",
            "json",
            "--archive",
        ])
        .args([archive.as_os_str()])
        .run()
        .expect("it runs");
    let report: Value =
        serde_json::from_str(&ran.stdout).unwrap_or_else(|_| panic!("no report: {}", ran.stderr));
    let mut findings = Findings::new();
    for package in each(&report["results"], "packages") {
        let name = package["package"]["name"]
            .as_str()
            .unwrap_or_default()
            .to_owned();
        for advisory in package["vulnerabilities"].as_array().into_iter().flatten() {
            findings.insert((
                advisory["id"].as_str().unwrap_or_default().to_owned(),
                name.clone(),
            ));
        }
    }
    findings
}

fn each(results: &Value, key: &str) -> Vec<Value> {
    results
        .as_array()
        .into_iter()
        .flatten()
        .flat_map(|result| result[key].as_array().cloned().unwrap_or_default())
        .collect()
}

/// The layer as `docker save` would write an image.
fn docker_archive(folder: &Path, gzip: &[u8]) -> PathBuf {
    let mut plain = Vec::new();
    std::io::Read::read_to_end(&mut flate2::read::GzDecoder::new(gzip), &mut plain)
        .expect("a layer");
    let config = json!({
        "os": "linux", "architecture": "amd64", "config": {},
        "rootfs": {"type": "layers", "diff_ids": [digest(&plain)]},
        "history": [{"created_by": "test"}],
    })
    .to_string();
    let manifest =
        json!([{"Config": "config.json", "RepoTags": ["app:v1"], "Layers": ["layer.tar"]}])
            .to_string();
    let path = folder.join("image.tar");
    let mut builder = tar::Builder::new(fs::File::create(&path).expect("a file"));
    let files = [
        ("config.json", config.as_bytes()),
        ("layer.tar", &plain[..]),
        ("manifest.json", manifest.as_bytes()),
    ];
    for (name, content) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        builder
            .append_data(&mut header, name, content)
            .expect("an entry");
    }
    builder.finish().expect("an archive");
    path
}

#[test]
fn debian_findings_are_those_of_osv_scanner() {
    let layer = debian_layer();
    let database = recorded();
    let (ours, theirs) = (ours(&layer, &database), theirs(&layer, &database));
    assert!(
        ours.contains(&("DSA-5514-1".to_owned(), "glibc".to_owned())),
        "{ours:?}"
    );
    assert_eq!(ours, theirs);
}

#[test]
fn alpine_findings_are_those_of_osv_scanner() {
    let layer = alpine_layer();
    let database = recorded();
    let (ours, theirs) = (ours(&layer, &database), theirs(&layer, &database));
    assert!(
        ours.contains(&("ALPINE-CVE-2023-42366".to_owned(), "busybox".to_owned())),
        "{ours:?}"
    );
    assert_eq!(ours, theirs);
}

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
    let go = |version| programs::of_go("amd64", &[("golang.org/x/net", version)]);
    let rust = |version| programs::of_rust(&[("time", version)]);
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
