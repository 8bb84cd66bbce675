//! osv-scanner as the judge of our matcher: the same images, the same advisories, the same findings.
#![cfg(feature = "peers")]

mod world;

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use serde_json::{Value, json};
use trireme_peers::{Tool, cache};
use world::{Program, World, digest, layer, zip_of};

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

/// What our program finds.
fn ours(layer: &[u8]) -> Findings {
    let world = World::start();
    world.advisories(&[]);
    let digest = world.image("v1", "amd64", &[layer.to_vec()]);
    let params = json!({"image": "app", "on_deny": "report"});
    let put = Program::put(&world.source(), &params, &[("app/digest", &digest)]);
    assert_eq!(put.code, 0, "{}", put.stderr);
    let verdict = put.file(".image-scan/verdict.json");
    let lists = ["findings", "passed_over"]
        .map(|list| verdict[list].as_array().cloned().unwrap_or_default());
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    lists
        .concat()
        .iter()
        .map(|finding| (text(&finding["id"]), text(&finding["package"])))
        .collect()
}

/// What osv-scanner finds in the same layer, with the same advisories.
fn theirs(layer: &[u8]) -> Findings {
    let folder = tempfile::tempdir().expect("a folder");
    for family in ["Debian", "Alpine"] {
        let database = folder.path().join("osv-scanner").join(family);
        fs::create_dir_all(&database).expect("made");
        fs::write(database.join("all.zip"), zip_of(family, &[])).expect("written");
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
    let (ours, theirs) = (ours(&layer), theirs(&layer));
    assert!(
        ours.contains(&("DSA-5514-1".to_owned(), "glibc".to_owned())),
        "{ours:?}"
    );
    assert_eq!(ours, theirs);
}

#[test]
fn alpine_findings_are_those_of_osv_scanner() {
    let layer = alpine_layer();
    let (ours, theirs) = (ours(&layer), theirs(&layer));
    assert!(
        ours.contains(&("ALPINE-CVE-2023-42366".to_owned(), "busybox".to_owned())),
        "{ours:?}"
    );
    assert_eq!(ours, theirs);
}
