use std::path::Path;

use trireme_finding::{Rating, Severity};

use super::*;
use crate::{Package, database::offer_record};

fn catalogue(release: &str, packages: &[(&str, &str, &str)]) -> Catalogue {
    let package = |&(name, source, version): &(&str, &str, &str)| Package {
        name: name.to_owned(),
        version: version.to_owned(),
        architecture: "amd64".to_owned(),
        source: SourcePackage {
            name: source.to_owned(),
            version: version.to_owned(),
        },
    };
    Catalogue {
        ecosystem: Some(Ecosystem::of_release(release).unwrap()),
        packages: packages.iter().map(package).collect(),
        not_examined: vec![],
    }
}

/// What the advisories in `tests/data/osv` say.
fn matched(family: &str, catalogue: &Catalogue) -> Vec<Finding> {
    let mut matchers = [Matcher::new(catalogue).unwrap()];
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
    let [matcher] = matchers;
    let mut findings = matcher.finish().unwrap();
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
    assert_eq!(
        ids(&findings),
        ["DEBIAN-CVE-2023-5363", "DSA-5532-1", "DSA-5764-1"]
    );
    assert_eq!(findings[0].binaries, ["libssl3", "openssl"]);
    assert_eq!(findings[0].severity, Rating::Known(Severity::High));
    assert_eq!(findings[1].severity, Rating::Unknown);
    assert_eq!(findings[1].fixed.as_deref(), Some("3.0.11-1~deb12u2"));
    assert_eq!(findings[1].aliases, ["CVE-2023-5363"]);
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
    let mut matcher = Matcher::new(&image).unwrap();
    let json = r#"{"id":"W","withdrawn":"2024-01-01T00:00:00Z","affected":[{"package":{"ecosystem":"Debian:12","name":"x"}}]}"#;
    matcher.offer(&serde_json::from_str(json).unwrap());
    assert!(matcher.finish().unwrap().is_empty());
}

#[test]
fn a_database_without_the_ecosystem_is_an_error_and_not_clean() {
    let image = catalogue(BOOKWORM, &[("x", "x", "1")]);
    let empty = Matcher::new(&image).unwrap();
    assert!(matches!(empty.finish(), Err(ScanError::NoRecords)));
    let mut foreign = Matcher::new(&image).unwrap();
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
    let mut matchers = [Matcher::new(&image).unwrap()];
    for record in records {
        offer_record("R", record.as_bytes(), &mut matchers).unwrap();
    }
    let [matcher] = matchers;
    let found = matcher.finish().map(|findings| findings.len());
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
    for other in [
        "Debian:1",
        "Debian:12.1",
        "Debian:",
        "debian",
        "Alpine",
        "Ubuntu:12.04",
    ] {
        assert_eq!(finds("1", &[&record(other, ""), COVERS]), Ok(0), "{other}");
    }
}

#[test]
fn a_branch_of_alpine_is_named_with_its_letter() {
    let image = catalogue("ID=alpine\nVERSION_ID=3.20.1", &[("x", "x", "1-r0")]);
    for (ecosystem, found) in [("Alpine:v3.20", Some(1)), ("Alpine:3.20", None)] {
        let mut matcher = Matcher::new(&image).unwrap();
        matcher.offer(&serde_json::from_str(&record(ecosystem, "")).unwrap());
        assert_eq!(matcher.finish().ok().map(|all| all.len()), found);
    }
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
