//! `put` of the compiled program: what it judges, by which policy, and what it leaves in the folder of the build.

mod world;

use serde_json::json;
use world::{FIXED, Program, VULNERABLE, World};

#[test]
fn put_judges_the_digest_of_an_artifact() {
    let (world, _, digest) = World::of(FIXED);
    let put = Program::put(
        &world.source(),
        &json!({"image": "app"}),
        &[("app/digest", &digest)],
    );
    let version = put.json()["version"].clone();
    assert_eq!(
        (&version["digest"], &version["verdict"]),
        (&json!(digest), &json!("permit"))
    );
    let found = Program::check(&world.source(), Some(&version)).json();
    assert_eq!(found, json!([version]), "check finds it without a tag");
    let refused = Program::put(&world.source(), &json!({"image": "../app"}), &[]);
    assert_eq!(refused.code, 78, "{}", refused.stderr);
    let nothing = Program::put(&world.source(), &json!({}), &[]);
    assert_eq!(nothing.code, 78, "{}", nothing.stderr);
}

#[test]
fn put_takes_the_policy_from_a_file() {
    let (world, _, digest) = World::of(VULNERABLE);
    let files = |policy| {
        [
            ("app/digest", digest.as_str()),
            ("rules/policy.json", policy),
        ]
    };
    let params = json!({"image": "app", "policy_file": "rules/policy.json"});
    let mild = r#"{"severity": "critical", "unknown_severity": "ignore"}"#;
    assert_eq!(
        Program::put(&world.source(), &params, &files(mild)).json()["version"]["verdict"],
        "permit"
    );
    let wrong = Program::put(&world.source(), &params, &files(r#"{"sevrity": "high"}"#));
    assert_eq!(wrong.code, 78, "{}", wrong.stderr);
    assert!(
        wrong.stderr.contains("sevrity") && wrong.stderr.contains("severity"),
        "{}",
        wrong.stderr
    );
}

#[test]
fn a_put_that_denies_has_written_why() {
    let (_world, source, digest) = World::of(VULNERABLE);
    let put = Program::put(&source, &json!({}), &[]);
    assert_eq!((put.code, put.stdout.as_str()), (2, ""), "{}", put.stderr);
    assert!(put.stderr.contains("is denied"), "{}", put.stderr);
    let verdict = put.file(".image-scan/verdict.json");
    assert_eq!(
        (&verdict["verdict"], &verdict["digest"]),
        (&json!("deny"), &json!(digest))
    );
    let findings = put.dir.path().join(".image-scan/findings.txt");
    assert!(std::fs::read_to_string(findings).unwrap().contains("DSA-"));
    let reported = Program::put(&source, &json!({"on_deny": "report"}), &[]);
    assert_eq!(reported.json()["version"]["verdict"], "deny");
    let mut again = reported.file(".image-scan/verdict.json");
    again["judged_at"] = verdict["judged_at"].clone();
    assert_eq!(again, verdict);
}

/// Inputs of a build are folders with any name that a step may have.
#[test]
fn no_input_is_in_the_way_of_what_a_put_writes() {
    let (world, source, digest) = World::of(FIXED);
    for input in ["repository", "digest", "verdict.json", "image-scan"] {
        let files = [(format!("{input}/digest"), digest.as_str())];
        let files = files.each_ref().map(|(path, text)| (path.as_str(), *text));
        let put = Program::put(&source, &json!({"image": input}), &files);
        assert_eq!(put.json()["version"]["verdict"], "permit", "{input}");
        assert_eq!(put.file(".image-scan/verdict.json")["verdict"], "permit");
        let kept = std::fs::read_to_string(put.dir.path().join(files[0].0)).unwrap();
        assert_eq!(kept, digest, "the input is as it was");
    }
    drop(world);
}

/// What is written is for people who look into the container: the verdict stands without it.
#[test]
fn a_verdict_that_cannot_be_written_stands_and_is_said() {
    for (openssl, code) in [(FIXED, 0), (VULNERABLE, 2)] {
        let (_world, source, _) = World::of(openssl);
        let put = Program::put(&source, &json!({}), &[(".image-scan", "in the way")]);
        assert_eq!(put.code, code, "{}", put.stderr);
        let words = "the verdict stands, and its files could not be written";
        assert!(put.stderr.contains(words), "{}", put.stderr);
    }
}
