use super::*;
use crate::layer::Layers;

/// The file system with these files.
fn files(entries: &[(&str, &str)]) -> Files {
    let mut builder = tar::Builder::new(Vec::new());
    for (path, content) in entries {
        let mut header = tar::Header::new_gnu();
        header.set_size(content.len() as u64);
        header.set_mode(0o755);
        builder
            .append_data(&mut header, path, content.as_bytes())
            .unwrap();
    }
    let mut layers = Layers::new();
    layers.apply(&builder.into_inner().unwrap()[..]).unwrap();
    layers.finish()
}

const BOOKWORM: (&str, &str) = ("usr/lib/os-release", "ID=debian\nVERSION_ID=\"12\"\n");
const STATUS: &str = "Package: libssl3
Status: install ok installed
Architecture: amd64
Source: openssl
Version: 3.0.9-1
Description: Secure Sockets Layer toolkit
 Package: this line is part of the description

Package: bash
Status: install ok installed
Source: bash (5.2.15-2)
Version: 5.2.15-2+b2

Package: gone
Status: deinstall ok config-files
Version: 1

Package: half
Status: install ok half-configured
Version: 2
";

fn sources(catalogue: &Catalogue) -> Vec<(&str, &str)> {
    catalogue
        .packages
        .iter()
        .map(|p| (p.source.name.as_str(), p.source.version.as_str()))
        .collect()
}

#[test]
fn dpkg_packages_are_known_by_their_source() {
    let found = catalogue(&files(&[BOOKWORM, ("var/lib/dpkg/status", STATUS)])).unwrap();
    assert_eq!(
        sources(&found),
        [("bash", "5.2.15-2"), ("half", "2"), ("openssl", "3.0.9-1")]
    );
    assert_eq!(found.ecosystems[0].name(), "Debian:12");
    assert!(found.not_examined.is_empty());
}

#[test]
fn distroless_images_have_one_file_for_each_package() {
    let found = catalogue(&files(&[
        BOOKWORM,
        (
            "var/lib/dpkg/status.d/libssl3",
            "Package: libssl3\nSource: openssl\nVersion: 3.0.9-1\n",
        ),
        (
            "var/lib/dpkg/status.d/libssl3.md5sums",
            "0123456789abcdef  usr/lib/x86_64-linux-gnu/libssl.so.3\n",
        ),
        ("usr/lib/x86_64-linux-gnu/libssl.so.3", "\x7fELF"),
        ("usr/local/bin/kube-proxy", "\x7fELF"),
    ]));
    let found = found.unwrap();
    assert_eq!(sources(&found), [("openssl", "3.0.9-1")]);
    assert_eq!(found.not_examined.len(), 1);
    let names: Vec<_> = found.not_examined[0].names.iter().collect();
    assert_eq!(names, ["usr/local/bin/kube-proxy"]);
}

#[test]
fn apk_packages_are_known_by_their_origin_in_both_places() {
    let installed = "C:Q1abc=\nP:libcrypto3\nV:3.1.0-r0\nA:x86_64\no:openssl\nF:lib\nR:libcrypto.so.3\n\nP:musl\nV:1.2.4-r0\n";
    for path in ["lib/apk/db/installed", "usr/lib/apk/db/installed"] {
        let release = ("etc/os-release", "ID=alpine\nVERSION_ID=3.18.4\n");
        let found = catalogue(&files(&[
            release,
            (path, installed),
            ("lib/libcrypto.so.3", "\x7fELF"),
        ]))
        .unwrap();
        assert_eq!(
            sources(&found),
            [("openssl", "3.1.0-r0"), ("musl", "1.2.4-r0")],
            "{path}"
        );
        assert!(
            found.not_examined.is_empty(),
            "the library belongs to a package"
        );
    }
}

#[test]
fn files_of_packages_are_found_on_both_sides_of_the_merged_usr() {
    let found = catalogue(&files(&[
        BOOKWORM,
        ("var/lib/dpkg/status", STATUS),
        ("var/lib/dpkg/info/bash.list", "/.\n/bin/bash\n"),
        ("usr/bin/bash", "\x7fELF"),
    ]));
    assert!(found.unwrap().not_examined.is_empty());
}

#[test]
fn a_damaged_database_is_an_error_and_not_a_shorter_list() {
    let no_version = catalogue(&files(&[
        BOOKWORM,
        (
            "var/lib/dpkg/status",
            "Package: a\nVersion: 1\n\nPackage: b\n",
        ),
    ]));
    let error = no_version.unwrap_err().to_string();
    assert!(
        error.contains("var/lib/dpkg/status, entry 2") && error.contains("Version:"),
        "{error}"
    );
    assert!(catalogue(&files(&[("lib/apk/db/installed", "V:1-r0\n")])).is_err());
}

#[test]
fn without_a_known_distribution_nothing_is_examined() {
    let reason = |entries: &[(&str, &str)]| {
        let found = catalogue(&files(entries)).unwrap();
        assert!(found.packages.is_empty() && found.ecosystems.is_empty());
        found
            .not_examined
            .into_iter()
            .map(|part| format!("{}: {}", part.what, part.reason))
            .collect::<Vec<_>>()
    };
    let status = ("var/lib/dpkg/status", STATUS);
    assert_eq!(reason(&[]), Vec::<String>::new());
    assert!(reason(&[status])[0].contains("no os-release file"));
    assert!(
        reason(&[status, ("etc/os-release", "ID=kali\nVERSION_ID=2024.1")])[0]
            .contains("kali 2024.1")
    );
    // A foreign package database beside a release file that does not fit it.
    assert!(
        reason(&[status, ("etc/os-release", "ID=alpine\nVERSION_ID=3.18.0")])[0]
            .contains("Alpine:v3.18")
    );
}

#[test]
fn two_packages_that_nothing_separates_are_an_error_and_not_one_package() {
    let status = "Package: a\nVersion: 1\n";
    let installed = "P:a\nV:1-r0\n";
    for separator in ["", " \n", "\t\n", "\r\n"] {
        for (path, one) in [
            ("var/lib/dpkg/status", status),
            ("var/lib/dpkg/status.d/a", status),
            ("lib/apk/db/installed", installed),
        ] {
            let two = format!("{one}{separator}{one}");
            let error = catalogue(&files(&[BOOKWORM, (path, &two)])).unwrap_err();
            let text = error.to_string();
            assert!(text.contains(path) && text.contains("several"), "{text}");
        }
    }
}

#[test]
fn a_package_lacks_what_it_must_have() {
    for (path, entry, lacks) in [
        ("lib/apk/db/installed", "P:a\no:a\n", "`V:…`"),
        ("lib/apk/db/installed", "P:\nV:1-r0\n", "`P:…`"),
        (
            "var/lib/dpkg/status",
            "Package: a\nStatus: install ok installed\n",
            "`Version:`",
        ),
        ("var/lib/dpkg/status", "Version: 1\n", "`Package:`"),
        (
            "var/lib/dpkg/status.d/a",
            "not a stanza at all",
            "`Package:`",
        ),
    ] {
        let error = catalogue(&files(&[BOOKWORM, (path, entry)])).unwrap_err();
        assert!(error.to_string().contains(lacks), "{entry}: {error}");
    }
}

#[test]
fn only_what_is_not_installed_may_lack_a_version() {
    let status = |state: &str| format!("Package: a\nStatus: {state}\n");
    for state in ["purge ok not-installed", "deinstall ok config-files"] {
        let gone = status(state);
        let found = catalogue(&files(&[BOOKWORM, ("var/lib/dpkg/status", &gone)])).unwrap();
        assert!(found.packages.is_empty(), "{state}");
    }
    for state in [
        "install ok unpacked",
        "hold ok installed",
        "install reinstreq half-installed",
    ] {
        let there = status(state);
        assert!(
            catalogue(&files(&[BOOKWORM, ("var/lib/dpkg/status", &there)])).is_err(),
            "{state}"
        );
    }
}

/// The hooks of packages belong to them, though no list names them; a script that may not be run is text.
#[test]
fn a_script_that_no_package_owns_is_named() {
    let hook = ("var/lib/dpkg/info/bash.postinst", "#!/bin/sh\n");
    let found = catalogue(&files(&[
        BOOKWORM,
        ("var/lib/dpkg/status", STATUS),
        ("var/lib/dpkg/info/bash.list", "/.\n/bin/bashbug\n"),
        ("usr/bin/bashbug", "#!/bin/sh\n"),
        hook,
        ("act.sh", "#!/bin/sh\n"),
    ]));
    let left = found.unwrap().not_examined;
    let names: Vec<_> = left.iter().map(|part| (part.kind, &part.names)).collect();
    assert_eq!(names, [(Kind::Script, &["act.sh".to_owned()].into())]);
}
