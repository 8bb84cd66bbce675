//! Package databases as dpkg and apk write them, with versions that Debian 12 and Alpine 3.18 really had.

use super::Entry;

const DEBIAN_RELEASE: &str = "PRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\nNAME=\"Debian GNU/Linux\"\n\
    VERSION_ID=\"12\"\nVERSION=\"12 (bookworm)\"\nVERSION_CODENAME=bookworm\nID=debian\n";
const ALPINE_RELEASE: &str =
    "NAME=\"Alpine Linux\"\nID=alpine\nVERSION_ID=3.18.0\nPRETTY_NAME=\"Alpine Linux v3.18\"\n";

/// Package, source package where it has another name, version.
type Package = (&'static str, Option<&'static str>, &'static str);

/// The packages of a distroless base image of Debian 12.11: every advisory that the database knows is fixed here.
const DISTROLESS: [Package; 5] = [
    ("base-files", None, "12.4+deb12u11"),
    ("ca-certificates", None, "20230311+deb12u1"),
    ("netbase", None, "6.4"),
    ("tzdata", None, "2025b-0+deb12u1"),
    ("libc6", Some("glibc"), "2.36-9+deb12u10"),
];

/// What an image needs that upgrades a node: a shell, curl, mount and their libraries, all with their fixes.
const DEBIAN: [Package; 12] = [
    ("base-files", None, "12.4+deb12u11"),
    ("bash", None, "5.2.15-2+b8"),
    ("coreutils", None, "9.1-1"),
    ("curl", None, "7.88.1-10+deb12u12"),
    ("dash", None, "0.5.12-2"),
    ("libc6", Some("glibc"), "2.36-9+deb12u10"),
    ("libcurl4", Some("curl"), "7.88.1-10+deb12u12"),
    ("libssl3", Some("openssl"), "3.0.16-1~deb12u1"),
    ("mount", Some("util-linux"), "2.38.1-5+deb12u3"),
    ("openssl", None, "3.0.16-1~deb12u1"),
    ("perl-base", Some("perl"), "5.36.0-7+deb12u3"),
    ("util-linux", None, "2.38.1-5+deb12u3"),
];

/// An Alpine 3.18.0 as it was in May 2023, never updated since.
const NEGLECTED: [Package; 7] = [
    ("alpine-baselayout", None, "3.4.3-r1"),
    ("busybox", None, "1.36.0-r9"),
    ("libcrypto3", Some("openssl"), "3.1.0-r4"),
    ("libcurl", Some("curl"), "8.1.0-r1"),
    ("libssl3", Some("openssl"), "3.1.0-r4"),
    ("musl", None, "1.2.4-r0"),
    ("zlib", None, "1.2.13-r1"),
];

/// Debian without a package manager: one file per package in `status.d`.
pub(super) fn distroless() -> Vec<Entry> {
    let status = |package: &Package| {
        Entry::data(
            format!("var/lib/dpkg/status.d/{}", package.0),
            dpkg(package),
        )
    };
    let release = Entry::data("etc/os-release", DEBIAN_RELEASE);
    std::iter::once(release)
        .chain(DISTROLESS.iter().map(status))
        .collect()
}

/// Debian with its usual `status`.
pub(super) fn debian() -> Vec<Entry> {
    let status = DEBIAN.iter().map(dpkg).collect::<Vec<_>>().join("\n");
    vec![
        Entry::data("etc/os-release", DEBIAN_RELEASE),
        Entry::data("var/lib/dpkg/status", status),
    ]
}

/// Alpine with its usual `installed`.
pub(super) fn neglected_alpine() -> Vec<Entry> {
    let installed = NEGLECTED.iter().map(apk).collect::<Vec<_>>().join("\n");
    vec![
        Entry::data("etc/os-release", ALPINE_RELEASE),
        Entry::data("lib/apk/db/installed", installed),
    ]
}

fn dpkg((name, source, version): &Package) -> String {
    let source = source
        .map(|source| format!("Source: {source}\n"))
        .unwrap_or_default();
    format!(
        "Package: {name}\nStatus: install ok installed\nPriority: optional\nSection: misc\n\
         Maintainer: Debian <debian-devel@lists.debian.org>\nArchitecture: amd64\n{source}Version: {version}\n\
         Description: {name}\n"
    )
}

fn apk((name, origin, version): &Package) -> String {
    let origin = origin.unwrap_or(name);
    format!(
        "P:{name}\nV:{version}\nA:x86_64\nT:{name}\nU:https://alpinelinux.org/\nL:MIT\no:{origin}\n"
    )
}
