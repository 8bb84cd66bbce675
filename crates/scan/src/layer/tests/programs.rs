//! What may be run, told by its first bytes, its mode and its place.

use super::*;

fn tar_with_mode(path: &str, mode: u32, content: &[u8]) -> Vec<u8> {
    let mut header = tar::Header::new_gnu();
    header.set_mode(mode);
    header.set_size(content.len() as u64);
    let mut builder = tar::Builder::new(Vec::new());
    builder.append_data(&mut header, path, content).unwrap();
    builder.into_inner().unwrap()
}

#[test]
fn what_may_be_run_is_told_by_its_first_bytes_and_its_mode() {
    let text = |path| (path, &b"#!/bin/sh"[..]);
    let layer = tar_of(&[
        ("elf", b"\x7fELF\x02"),
        ("net.dll", b"MZ\x90\x00"),
        ("module.wasm", b"\0asm\x01"),
        ("data", b"\x7fEL"),
        text("not-run.sh"),
    ]);
    let script = tar_with_mode("run.sh", 0o755, b"#!/bin/sh");
    let found = uncatalogued(&files(&[layer, script]));
    let expected = [
        ("elf", UncataloguedKind::Program),
        ("module.wasm", UncataloguedKind::Program),
        ("net.dll", UncataloguedKind::Program),
        ("run.sh", UncataloguedKind::Script),
    ];
    assert_eq!(found, expected.map(|(path, kind)| (path.to_owned(), kind)));
}

/// As package data it would be kept as text, and no one would be told of it.
#[test]
fn a_program_where_package_data_is_looked_for_is_an_error() {
    let places = [
        STATUS,
        "etc/debian_version",
        "usr/lib/os-release",
        "var/lib/dpkg/info/a.list",
        "var/lib/dpkg/status.d/a.md5sums",
    ];
    for path in places {
        let program = tar_of(&[(path, b"\x7fELF\x02")]);
        let script = tar_with_mode(path, 0o755, b"#!/bin/sh");
        for layer in [program, script] {
            let error = Layers::new().apply(&layer[..]).unwrap_err();
            let text = format!("{error:?}");
            assert!(text.contains("package data that is a program"), "{text}");
        }
    }
}
