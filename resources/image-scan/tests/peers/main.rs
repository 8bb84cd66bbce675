//! osv-scanner as the judge of our matcher: the same images, the same advisories, the same findings.
#![cfg(feature = "peers")]

mod programs;
mod scanner;
#[path = "../world/mod.rs"]
mod world;

use std::fs;

use scanner::{ours, recorded, theirs};
use trireme_peers::cache;
use world::layer;

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
