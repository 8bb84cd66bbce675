//! `check`, `get` and `put` of the compiled program against a registry and an advisory server on loopback.

mod world;

use serde_json::{Value, json};
use world::{FIXED, INDEX, MANIFEST, Program, VULNERABLE, World, debian, layer, zip_of};

fn check(source: &Value, last: Option<&Value>) -> Value {
    let versions = Program::check(source, last).json();
    assert_eq!(versions.as_array().map(Vec::len), Some(1), "{versions}");
    versions[0].clone()
}

#[test]
fn a_vulnerable_image_is_denied_with_its_findings() {
    let (_world, source, digest) = World::of(VULNERABLE);
    let version = check(&source, None);
    assert_eq!(
        (&version["digest"], &version["verdict"]),
        (&json!(digest), &json!("deny"))
    );
    let got = Program::get(&source, &version, &json!({}));
    assert_eq!(got.code, 2, "{}", got.stderr);
    assert!(got.stdout.is_empty(), "{}", got.stdout);
    assert!(
        got.stderr
            .contains("is denied: 1 finding of severity low or above; 1 finding without"),
        "{}",
        got.stderr
    );
    let verdict = got.file("verdict.json");
    assert_eq!(
        (&verdict["format"], &verdict["verdict"]),
        (&json!(2), &json!("deny"))
    );
    let judged_at = verdict["judged_at"].as_str().expect("a time");
    judged_at.parse::<jiff::Timestamp>().expect("a time");
    assert_eq!(verdict["findings"].as_array().map(Vec::len), Some(2));
    let advisories = json!(["DEBIAN-CVE-2023-5363", "DSA-5532-1"]);
    assert_eq!(verdict["findings"][0]["advisories"], advisories);
    assert_eq!(verdict["counts"]["unknown"], 1);
    assert_eq!(
        got.file("packages.json")["images"][0]["packages"][0]["source"]["name"],
        "openssl"
    );
}

#[test]
fn a_deny_can_be_reported_only() {
    let (_world, source, _) = World::of(VULNERABLE);
    let version = check(&source, None);
    let got = Program::get(&source, &version, &json!({"on_deny": "report"}));
    assert_eq!(got.json()["version"], version);
    assert_eq!(got.file("verdict.json")["verdict"], "deny");
}

/// A permit that says nothing of a program that nobody looked into would say too much.
#[test]
fn an_image_with_a_program_that_was_not_examined_is_incomplete_unless_it_is_accepted_by_name() {
    let (world, mut source, _) = World::of(FIXED);
    let unowned = layer(&[("opt/app", "\u{7f}ELF"), ("opt/run.sh", "#!/bin/sh\n")]);
    world.image("mixed", "amd64", &[debian(FIXED), unowned]);
    source["tag"] = json!("mixed");
    for (accepted, missing) in [
        (
            json!([]),
            "1 × program or library that no package owns, 1 × script",
        ),
        (json!(["script"]), "not examined: 1 × program"),
        (json!(["program"]), "not examined: 1 × script"),
        (json!(["/opt/app"]), "not examined: 1 × script"),
    ] {
        source["policy"] = json!({"accept_not_examined": accepted});
        let version = check(&source, None);
        assert_eq!(version["verdict"], "incomplete", "{accepted}");
        let got = Program::get(&source, &version, &json!({}));
        assert_eq!((got.code, got.stdout.as_str()), (2, ""), "{}", got.stderr);
        assert!(got.stderr.contains(missing), "{missing}: {}", got.stderr);
        assert!(got.stderr.contains("is incomplete: "), "{}", got.stderr);
        assert_eq!(got.file("verdict.json")["verdict"], "incomplete");
        let reported = Program::get(&source, &version, &json!({"on_deny": "report"}));
        assert_eq!(reported.json()["version"], version);
    }
    source["policy"] = json!({"accept_not_examined": ["/opt/app", "script"]});
    let version = check(&source, None);
    let got = Program::get(&source, &version, &json!({}));
    assert_eq!(got.json()["version"]["verdict"], "permit");
    let words = "permitted; accepted without examination: 1 × program";
    assert!(got.stderr.contains(words), "{}", got.stderr);
    assert_eq!(
        got.file("verdict.json")["not_examined"][0]["accepted"],
        true
    );
}

#[test]
fn the_end_of_security_support_is_said() {
    let (world, mut source, _) = World::of(FIXED);
    let status = "Package: bash\nStatus: install ok installed\nVersion: 4.3-11\n";
    let old = layer(&[
        ("etc/os-release", "ID=debian\nVERSION_ID=\"9\"\n"),
        ("var/lib/dpkg/status", status),
    ]);
    world.image("old", "amd64", &[old]);
    source["tag"] = json!("old");
    let version = check(&source, None);
    let got = Program::get(&source, &version, &json!({}));
    assert_eq!(got.json()["version"]["verdict"], "permit");
    let said = "Debian:9 is no longer supported: security support ended on 2022-06-30";
    assert!(got.stderr.contains(said), "{}", got.stderr);
    let examined = &got.file("verdict.json")["examined"][0];
    assert_eq!(examined["support_ended"], "2022-06-30");
    for (policy, verdict) in [("incomplete", "incomplete"), ("deny", "deny")] {
        source["policy"] = json!({"end_of_support": policy});
        assert_eq!(check(&source, None)["verdict"], verdict);
    }
}

#[test]
fn a_fixed_image_is_permitted() {
    let (_world, source, digest) = World::of(FIXED);
    let version = check(&source, None);
    let got = Program::get(&source, &version, &json!({}));
    assert_eq!(got.json()["version"]["verdict"], "permit");
    assert_eq!(
        std::fs::read_to_string(got.dir.path().join("digest")).unwrap(),
        digest
    );
}

#[test]
fn the_policy_decides_what_counts() {
    let (_world, mut source, _) = World::of(VULNERABLE);
    let verdict = |policy: Value| {
        source["policy"] = policy;
        check(&source, None)["verdict"].clone()
    };
    let mut verdict = verdict;
    assert_eq!(
        verdict(json!({"severity": "critical", "unknown_severity": "ignore"})),
        "permit"
    );
    assert_eq!(
        verdict(json!({"severity": "high", "unknown_severity": "ignore"})),
        "deny"
    );
    assert_eq!(verdict(json!({"severity": "critical"})), "deny");
}

#[test]
fn the_version_stays_while_the_outcome_does_and_follows_the_advisories() {
    let (world, source, _) = World::of(VULNERABLE);
    let first = check(&source, None);
    let old = json!({"digest": first["digest"], "verdict": first["verdict"], "findings": first["findings"],
                     "since": "2020-01-01T00:00:00Z"});
    assert_eq!(
        check(&source, Some(&old)),
        old,
        "the same outcome is the same version"
    );
    world.advisories(&["DSA-5764-1"]);
    let moved = check(&source, Some(&old));
    assert_ne!(moved["findings"], old["findings"]);
    assert_ne!(moved["since"], old["since"]);
}

#[test]
fn a_get_does_not_show_an_outcome_that_is_over() {
    let (world, source, _) = World::of(VULNERABLE);
    world.advisories(&["DSA-5532-1", "DSA-5764-1", "DEBIAN-CVE-2023-5363"]);
    let permit = check(&source, None);
    assert_eq!(permit["verdict"], "permit");
    world.advisories(&[]);
    let got = Program::get(&source, &permit, &json!({}));
    assert_eq!(got.code, 1, "{}", got.stderr);
    assert!(
        got.stderr.contains("the outcome is now deny") && got.stderr.contains("run a check"),
        "{}",
        got.stderr
    );
    assert_eq!(
        std::fs::read_dir(got.dir.path()).unwrap().count(),
        0,
        "nothing looks like a verdict"
    );
}

#[test]
fn every_platform_of_an_index_is_examined_and_attestations_are_named() {
    let (world, mut source, fixed) = World::of(FIXED);
    let vulnerable = world.image("arm", "arm64", &[debian(VULNERABLE)]);
    let attestation = world.image("att", "unknown", &[layer(&[("x", "y")])]);
    let images = [
        (fixed.as_str(), "amd64"),
        (vulnerable.as_str(), "arm64"),
        (attestation.as_str(), "unknown"),
    ];
    world.index("all", &images);
    source["tag"] = json!("all");
    let version = check(&source, None);
    let got = Program::get(&source, &version, &json!({"on_deny": "report"}));
    let verdict = got.file("verdict.json");
    assert_eq!(verdict["examined"].as_array().map(Vec::len), Some(2));
    assert_eq!(verdict["verdict"], "deny");
    assert_eq!(verdict["not_examined"][0]["examples"], json!([attestation]));
    source["platform"] = json!("linux/amd64");
    assert_eq!(check(&source, None)["verdict"], "permit");
    source["platform"] = json!("linux/s390x");
    let missing = Program::check(&source, None);
    assert_eq!(missing.code, 1);
    assert!(missing.stderr.contains("linux/s390x"), "{}", missing.stderr);
}

/// Its descriptor in an index.
fn descriptor(document: &Value, digest: &str, architecture: &str) -> Value {
    let size = document.to_string().len();
    json!({"mediaType": MANIFEST, "digest": digest, "size": size,
           "platform": {"os": "linux", "architecture": architecture}})
}

#[test]
fn an_image_that_calls_itself_an_attestation_is_examined() {
    let (world, mut source, fixed) = World::of(FIXED);
    let vulnerable = world.image("bad", "amd64", &[debian(VULNERABLE)]);
    let mut hidden = descriptor(&world.manifest(&vulnerable), &vulnerable, "amd64");
    hidden["annotations"] = json!({"vnd.docker.reference.type": "attestation-manifest"});
    let shown = descriptor(&world.manifest(&fixed), &fixed, "arm64");
    let index = json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": [hidden, shown]});
    world.document(INDEX, "all", &index);
    source["tag"] = json!("all");
    assert_eq!(check(&source, None)["verdict"], "deny");
}

#[test]
fn a_manifest_that_readers_take_for_different_images_is_an_error_and_never_a_verdict() {
    let (world, mut source, fixed) = World::of(FIXED);
    let vulnerable = world.image("bad", "amd64", &[debian(VULNERABLE)]);
    let (fixed_one, vulnerable_one) = (world.manifest(&fixed), world.manifest(&vulnerable));
    let mut both = vulnerable_one.clone();
    both["manifests"] = json!([descriptor(&fixed_one, &fixed, "amd64")]);
    let mut folded = fixed_one;
    folded["Layers"] = vulnerable_one["layers"].clone();
    for (document, named) in [(both, "both an image and an index"), (folded, "Layers")] {
        world.document(MANIFEST, "twofold", &document);
        source["tag"] = json!("twofold");
        let checked = Program::check(&source, None);
        let seen = (checked.code, checked.stdout.as_str());
        assert_eq!(seen, (1, ""), "{}", checked.stderr);
        assert!(checked.stderr.contains(named), "{}", checked.stderr);
    }
}

#[test]
fn what_cannot_be_read_is_an_error_and_never_a_verdict() {
    let (world, source, digest) = World::of(VULNERABLE);
    let zip = zip_of("Debian", &[]);
    let damaged: [(&str, u16, Vec<u8>, &str); 5] = [
        (
            "/osv/Debian/all.zip",
            200,
            zip[..zip.len() - 30].to_vec(),
            "cut off",
        ),
        (
            "/osv/Debian/all.zip",
            200,
            zip_of("Alpine", &[]),
            "no Debian:12 advisories",
        ),
        (
            "/osv/Debian/all.zip",
            200,
            b"<html>".to_vec(),
            "no zip file",
        ),
        ("/osv/Debian/all.zip", 404, Vec::new(), "404"),
        ("/osv/Debian/all.zip", 403, Vec::new(), "403"),
    ];
    for (path, status, body, expected) in damaged {
        world.serve(path, status, "application/zip", body);
        let checked = Program::check(&source, None);
        assert_eq!(
            (checked.code, checked.stdout.as_str()),
            (1, ""),
            "{}",
            checked.stderr
        );
        assert!(
            checked.stderr.contains(expected),
            "expected {expected}: {}",
            checked.stderr
        );
    }
    world.advisories(&[]);
    let manifest = format!("/v2/app/manifests/{digest}");
    world.serve(
        &manifest,
        200,
        "application/vnd.oci.image.manifest.v1+json",
        b"{}".to_vec(),
    );
    let wrong = Program::check(&source, None);
    assert_eq!(
        (wrong.code, wrong.stdout.as_str()),
        (1, ""),
        "{}",
        wrong.stderr
    );
}

#[test]
fn a_layer_that_is_not_what_its_digest_says_is_an_error() {
    let (world, source, _) = World::of(FIXED);
    let honest = debian(FIXED);
    let path = format!("/v2/app/blobs/{}", world::digest(&honest));
    let mut other = honest.clone();
    let at = other.len() - 1;
    other[at] ^= 1;
    for body in [other, honest[..honest.len() / 2].to_vec(), Vec::new()] {
        world.serve(&path, 200, "application/octet-stream", body);
        let checked = Program::check(&source, None);
        assert_eq!(
            (checked.code, checked.stdout.as_str()),
            (1, ""),
            "{}",
            checked.stderr
        );
    }
}

#[test]
fn a_wrong_source_is_a_configuration_fault() {
    let (world, source, digest) = World::of(FIXED);
    let with = |key: &str, value: Value| {
        let mut wrong = source.clone();
        wrong[key] = value;
        wrong
    };
    let wrong = [
        (
            with("digest", json!(digest)),
            "tag and digest are both given",
        ),
        (
            with("tag", json!("")),
            "source.tag: found an empty string; name something, or leave the key out",
        ),
        (with("databse", json!("x")), "databse"),
        (with("database", json!("ftp://host/osv")), "found ftp"),
        (
            with("policy", json!({"severity": "urgent"})),
            "source.policy.severity: unknown value, expected one of",
        ),
        (
            with("username", json!("me")),
            "username and password together",
        ),
    ];
    for (source, expected) in wrong {
        let checked = Program::check(&source, None);
        assert_eq!(checked.code, 78, "{}", checked.stderr);
        assert!(
            checked.stderr.contains(expected),
            "expected {expected}: {}",
            checked.stderr
        );
    }
    let none = Program::check(&world.source(), None);
    assert_eq!(none.json(), json!([]), "no image to judge yet");
}

#[test]
fn a_database_may_be_a_folder_of_records() {
    let (_world, mut source, _) = World::of(VULNERABLE);
    source["database"] = json!(concat!(
        "file://",
        env!("CARGO_MANIFEST_DIR"),
        "/../../tests/data/osv"
    ));
    assert_eq!(check(&source, None)["verdict"], "deny");
}

/// HEAD of the tag, then manifest, configuration, layer and the zip file of the one ecosystem that is needed.
#[test]
fn a_check_asks_for_everything_once_and_for_no_other_ecosystem() {
    let (world, source, _) = World::of(FIXED);
    check(&source, None);
    let asked = world.asked();
    assert_eq!(asked.len(), 5, "{asked:?}");
    assert_eq!(asked[0], "HEAD /v2/app/manifests/v1");
    assert_eq!(asked[4], "GET /osv/Debian/all.zip");
}
