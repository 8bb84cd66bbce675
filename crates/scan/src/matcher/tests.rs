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
