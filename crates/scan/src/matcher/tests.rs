use std::path::Path;

use trireme_finding::{Kind, Package, Rating, Severity, SourcePackage};

use super::*;
use crate::database::offer_record;

fn catalogue(release: &str, packages: &[(&str, &str, &str)]) -> Catalogue {
    let ecosystem = Ecosystem::of_release(release).unwrap();
    let package = |&(name, source, version): &(&str, &str, &str)| Package {
        name: name.to_owned(),
        version: version.to_owned(),
        architecture: "amd64".to_owned(),
        source: SourcePackage {
            name: source.to_owned(),
            version: version.to_owned(),
        },
        ecosystem: ecosystem.name().to_owned(),
        program: None,
    };
    Catalogue {
        packages: packages.iter().map(package).collect(),
        ecosystems: vec![ecosystem.clone()],
        not_examined: vec![],
    }
}

/// What the advisories in `tests/data/osv` say.
fn matched(family: &str, catalogue: &Catalogue) -> Vec<Finding> {
    let mut matchers = Matcher::all(catalogue);
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../tests/data/osv")
        .join(family);
    for record in std::fs::read_dir(folder).unwrap() {
        let path = record.unwrap().path();
        offer_record(
            &path.to_string_lossy(),
            &std::fs::read(&path).unwrap(),
            &mut matchers,
        )
        .unwrap();
    }
    let matcher = matchers.pop().unwrap();
    let mut findings = matcher.finish().unwrap().findings;
    findings.sort_by(|a, b| a.id.cmp(&b.id));
    findings
}

fn ids(findings: &[Finding]) -> Vec<&str> {
    findings.iter().map(|finding| finding.id.as_str()).collect()
}

const BOOKWORM: &str = "ID=debian\nVERSION_ID=12";

#[test]
fn real_debian_advisories_match_by_source_package() {
    let image = catalogue(
        BOOKWORM,
        &[
            ("libssl3", "openssl", "3.0.9-1"),
            ("openssl", "openssl", "3.0.9-1"),
        ],
    );
    let findings = matched("Debian", &image);
    assert_eq!(ids(&findings), ["DSA-5532-1", "DSA-5764-1"]);
    let advisories = ["DEBIAN-CVE-2023-5363", "DSA-5532-1"];
    assert_eq!(findings[0].advisories, advisories);
    assert_eq!(findings[0].binaries, ["libssl3", "openssl"]);
    assert_eq!(findings[0].severity, Rating::Known(Severity::High));
    assert_eq!(findings[0].fixed.as_deref(), Some("3.0.11-1~deb12u2"));
    assert_eq!(findings[0].aliases, ["CVE-2023-5363"]);
    assert_eq!(findings[1].severity, Rating::Unknown);
}

#[test]
fn fixed_versions_and_other_releases_do_not_match() {
    assert!(
        matched(
            "Debian",
            &catalogue(BOOKWORM, &[("libssl3", "openssl", "3.0.14-1~deb12u2")])
        )
        .is_empty()
    );
    // The advisories on curl name Debian 11 and 12: each release has a fix of its own.
    let bullseye = catalogue(
        "ID=debian\nVERSION_ID=11",
        &[("curl", "curl", "7.74.0-1.3+deb11u10")],
    );
    assert_eq!(ids(&matched("Debian", &bullseye)), ["DSA-5587-1"]);
}

#[test]
fn unfixed_and_unimportant_advisories_are_findings() {
    let image = catalogue(
        BOOKWORM,
        &[
            ("zlib1g", "zlib", "1:1.2.13.dfsg-1"),
            ("tar", "tar", "1.34+dfsg-1.2"),
        ],
    );
    let findings = matched("Debian", &image);
    assert_eq!(
        ids(&findings),
        ["DEBIAN-CVE-2005-2541", "DEBIAN-CVE-2023-45853"]
    );
    assert_eq!(findings[0].severity, Rating::Known(Severity::Negligible));
    assert_eq!(
        (findings[1].severity, &findings[1].fixed),
        (Rating::Known(Severity::Critical), &None)
    );
}

#[test]
fn real_alpine_advisories_match_by_origin() {
    let release = "ID=alpine\nVERSION_ID=3.18.2";
    let image = catalogue(
        release,
        &[
            ("libcrypto3", "openssl", "3.1.4-r1"),
            ("busybox", "busybox", "1.36.1-r2"),
        ],
    );
    assert_eq!(
        ids(&matched("Alpine", &image)),
        ["ALPINE-CVE-2023-42366", "ALPINE-CVE-2023-6129"]
    );
}

#[test]
fn a_withdrawn_advisory_matches_nothing() {
    let image = catalogue(BOOKWORM, &[("x", "x", "1")]);
    let mut matcher = Matcher::all(&image).pop().unwrap();
    let json = r#"{"id":"W","withdrawn":"2024-01-01T00:00:00Z","affected":[{"package":{"ecosystem":"Debian:12","name":"x"}}]}"#;
    matcher.offer(&serde_json::from_str(json).unwrap());
    assert!(matcher.finish().unwrap().findings.is_empty());
}

#[test]
fn a_database_without_the_ecosystem_is_an_error_and_not_clean() {
    let image = catalogue(BOOKWORM, &[("x", "x", "1")]);
    let empty = Matcher::all(&image).pop().unwrap();
    assert!(matches!(empty.finish(), Err(ScanError::NoRecords)));
    let mut foreign = Matcher::all(&image).pop().unwrap();
    let json = r#"{"id":"A","affected":[{"package":{"ecosystem":"Debian:11","name":"x"}}]}"#;
    foreign.offer(&serde_json::from_str(json).unwrap());
    let error = foreign.finish().unwrap_err().to_string();
    assert!(
        error.contains("no Debian:12 advisories") && error.contains("Debian:11"),
        "{error}"
    );
}

/// Whether these records find version `version` of the source package `x` in Debian 12.
fn finds(version: &str, records: &[&str]) -> Result<usize, String> {
    let image = catalogue(BOOKWORM, &[("x", "x", version)]);
    let mut matchers = Matcher::all(&image);
    for record in records {
        offer_record("R", record.as_bytes(), &mut matchers).unwrap();
    }
    let matcher = matchers.pop().unwrap();
    let found = matcher.finish().map(|matched| matched.findings.len());
    found.map_err(|error| error.to_string())
}

fn record(ecosystem: &str, rest: &str) -> String {
    format!(
        r#"{{"id":"A","affected":[{{"package":{{"ecosystem":"{ecosystem}","name":"x"}}{rest}}}]}}"#
    )
}

const COVERS: &str =
    r#"{"id":"C","affected":[{"package":{"ecosystem":"Debian:12","name":"other"}}]}"#;

#[test]
fn a_record_without_a_release_is_about_all_and_covers_none() {
    let bare = record("Debian", "");
    assert_eq!(finds("1", &[&bare, COVERS]), Ok(1));
    let error = finds("1", &[&bare]).unwrap_err();
    assert!(error.contains("no Debian:12 advisories"), "{error}");
    for other in ["Debian:1", "Debian:13", "Alpine", "Ubuntu:12.04"] {
        assert_eq!(finds("1", &[&record(other, ""), COVERS]), Ok(0), "{other}");
    }
    for same in ["Debian:12.1", "Debian:", "debian"] {
        assert_eq!(finds("1", &[&record(same, ""), COVERS]), Ok(1), "{same}");
    }
}

#[test]
fn a_branch_of_alpine_is_named_with_its_letter_or_without() {
    let image = catalogue("ID=alpine\nVERSION_ID=3.20.1", &[("x", "x", "1-r0")]);
    for (ecosystem, found) in [
        ("Alpine:v3.20", Some(1)),
        ("Alpine:3.20", Some(1)),
        ("Alpine:v3.2", None),
    ] {
        let mut matcher = Matcher::all(&image).pop().unwrap();
        matcher.offer(&serde_json::from_str(&record(ecosystem, "")).unwrap());
        assert_eq!(matcher.finish().ok().map(|all| all.findings.len()), found);
    }
}

/// After the end of standard support, these are the only new records.
#[test]
fn advisories_of_ubuntu_pro_are_about_the_release() {
    let image = catalogue(
        "ID=ubuntu\nVERSION_ID=20.04",
        &[("libsystemd0", "x", "245.4-4ubuntu3.24")],
    );
    let events = r#"[{"introduced":"0"},{"fixed":"245.4-4ubuntu3.24+esm1"}]"#;
    let range = format!(r#","ranges":[{{"type":"ECOSYSTEM","events":{events}}}]"#);
    for (ecosystem, found) in [
        ("Ubuntu:Pro:20.04:LTS", Some(1)),
        ("Ubuntu:Pro:FIPS:20.04:LTS", Some(0)),
        ("Ubuntu:Pro:18.04:LTS", None),
    ] {
        let mut matcher = Matcher::all(&image).pop().unwrap();
        matcher.offer(&serde_json::from_str(&record(ecosystem, &range)).unwrap());
        let findings = matcher.finish().ok().map(|all| all.findings.len());
        assert_eq!(findings, found, "{ecosystem}");
    }
}

#[test]
fn headers_of_the_kernel_are_no_kernel() {
    let finds = |name: &str| {
        let image = catalogue(BOOKWORM, &[(name, "linux", "6.1.1-1")]);
        let mut matcher = Matcher::all(&image).pop().unwrap();
        let json = record("Debian:12", "").replace(r#""name":"x""#, r#""name":"linux""#);
        matcher.offer(&serde_json::from_str(&json).unwrap());
        matcher.finish().unwrap().findings.len()
    };
    let headers = [
        "linux-libc-dev",
        "linux-headers-6.1.0-9-amd64",
        "linux-kbuild-6.1",
        "linux-compiler-gcc-12-x86",
    ];
    assert_eq!(headers.map(finds), [0; 4]);
    let kernel = ["linux-image-6.1.0-9-amd64", "linux-perf", "bpftool"];
    assert_eq!(kernel.map(finds), [1; 3]);
}

/// A module, in a program.
fn module(name: &str, version: &str) -> Package {
    Package {
        ecosystem: "Go".to_owned(),
        name: name.to_owned(),
        version: version.to_owned(),
        architecture: String::new(),
        source: SourcePackage {
            name: name.to_owned(),
            version: version.to_owned(),
        },
        program: Some("usr/bin/app".to_owned()),
    }
}

fn modules(packages: Vec<Package>) -> Catalogue {
    Catalogue {
        ecosystems: vec![Ecosystem::go()],
        packages,
        not_examined: Vec::new(),
    }
}

#[test]
fn real_advisories_on_go_match_modules_and_the_standard_library() {
    let image = modules(vec![
        module("golang.org/x/net", "v0.10.0"),
        module("stdlib", "1.20.7"),
    ]);
    let findings = matched("Go", &image);
    let seen: Vec<_> = findings
        .iter()
        .map(|found| {
            (
                found.advisories.join(" "),
                found.package.as_str(),
                found.severity,
            )
        })
        .collect();
    let high = Rating::Known(Severity::High);
    let medium = Rating::Known(Severity::Medium);
    let expected = [
        (
            "GHSA-2wrh-6pvc-2jm9 GO-2023-1988",
            "golang.org/x/net",
            medium,
        ),
        ("GHSA-4374-p667-p6c8 GO-2023-2102", "golang.org/x/net", high),
        ("GO-2023-2102", "stdlib", Rating::Unknown),
    ];
    assert_eq!(seen, expected.map(|(a, b, c)| (a.to_owned(), b, c)));
    assert_eq!(findings[0].binaries, ["usr/bin/app"]);
    let repaired = modules(vec![
        module("golang.org/x/net", "v0.17.0"),
        module("stdlib", "1.26.8"),
    ]);
    assert!(matched("Go", &repaired).is_empty());
    let between = module("golang.org/x/net", "v0.0.0-20230101000000-abcdef012345");
    assert_eq!(matched("Go", &modules(vec![between])).len(), 2);
}

#[test]
fn a_module_without_a_version_is_not_examined_only_where_it_has_advisories() {
    let image = modules(vec![
        module("golang.org/x/net", ""),
        module("example.com/own", ""),
    ]);
    let mut matchers = Matcher::all(&image);
    let json =
        r#"{"id":"A","affected":[{"package":{"ecosystem":"Go","name":"golang.org/x/net"}}]}"#;
    offer_record("A", json.as_bytes(), &mut matchers).unwrap();
    let matched = matchers.pop().unwrap().finish().unwrap();
    assert!(matched.findings.is_empty());
    let part = matched.not_examined.unwrap();
    assert_eq!(part.kind, Kind::Module);
    assert_eq!(
        part.names,
        ["golang.org/x/net in usr/bin/app".to_owned()].into()
    );
}

#[test]
fn epochs_and_tildes_decide() {
    let range = |fixed: &str| {
        let events = format!(r#"[{{"introduced":"0"}},{{"fixed":"{fixed}"}}]"#);
        record(
            "Debian:12",
            &format!(r#","ranges":[{{"type":"ECOSYSTEM","events":{events}}}]"#),
        )
    };
    for (installed, fixed, found) in [
        ("9.9-1", "1:0.1-1", 1),
        ("1:0.1-1", "9.9-1", 0),
        ("2.0~rc1-1", "2.0-1", 1),
        ("2.0-1", "2.0~rc1-1", 0),
        ("2.0-1~deb12u1", "2.0-1", 1),
        ("0:2.0-1", "2.0-1", 0),
    ] {
        let case = format!("{installed} before {fixed}");
        assert_eq!(finds(installed, &[&range(fixed)]), Ok(found), "{case}");
    }
}

#[test]
fn every_range_and_every_entry_of_a_package_counts() {
    let range = |from: &str, fixed: &str| {
        format!(
            r#"{{"type":"ECOSYSTEM","events":[{{"introduced":"{from}"}},{{"fixed":"{fixed}"}}]}}"#
        )
    };
    let ranges = format!(r#","ranges":[{},{}]"#, range("1", "2"), range("3", "4"));
    for (version, found) in [("1.5", 1), ("2.5", 0), ("3.5", 1), ("4", 0)] {
        let record = record("Debian:12", &ranges);
        assert_eq!(finds(version, &[&record]), Ok(found), "{version}");
    }
    let entry = |range: &str| {
        format!(r#"{{"package":{{"ecosystem":"Debian:12","name":"x"}},"ranges":[{range}]}}"#)
    };
    let entries = [entry(&range("1", "2")), entry(&range("3", "4"))].join(",");
    let twice = format!(r#"{{"id":"A","affected":[{entries}]}}"#);
    assert_eq!(finds("3.5", &[&twice]), Ok(1));
}

/// A range of another kind says nothing about versions of the distribution.
#[test]
fn what_names_no_version_of_the_distribution_affects_all_of_them() {
    for rest in [
        "",
        r#","ranges":[]"#,
        r#","versions":[]"#,
        r#","ranges":[{"type":"GIT","events":[{"introduced":"0"},{"fixed":"abc"}]}]"#,
        r#","ranges":[{"type":"SEMVER","events":[{"introduced":"0"},{"fixed":"1.0.0"}]}]"#,
    ] {
        assert_eq!(finds("1", &[&record("Debian:12", rest)]), Ok(1), "{rest}");
    }
    let listed = record("Debian:12", r#","versions":["0:1.0-1"]"#);
    assert_eq!(finds("1.0-1", &[&listed]), Ok(1), "the same version");
    assert_eq!(finds("1.0-2", &[&listed]), Ok(0));
}
