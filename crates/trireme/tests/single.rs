//! `trireme check|get|put FILE RESOURCE` on a whole platform: one step, and its JSON on standard output.

#[cfg(test)]
#[path = "support/bench.rs"]
mod bench;

use std::fs;
use std::process::Output;

use bench::{Bench, stderr};
use serde_json::{Value, json};

/// No type is declared: `--type` says what serves each.
const PIPELINE: &str = "
resources:
- {name: release, type: releases, source: {release_server: ((release_server)), constraint: '<1.38'}}
- name: mirror
  type: images
  source: &registry {repository: ((registry))/shop, tag: stable, username: ((registry_username)), password: ((registry_password))}
- {name: scan, type: scans, source: {<<: *registry, database: ((advisories))}}
- {name: judged, type: scans, source: {<<: *registry, tag: null, database: ((advisories))}}
- {name: signature, type: signatures, source: {<<: *registry, key: ((signing_key)), key_password: ((signing_password))}}
- {name: signed, type: signatures, source: {<<: *registry, tag: null, key: ((signing_key)), key_password: ((signing_password))}}
- {name: platform, type: clusters, source: {kubeconfig: ((kubeconfig)), version: v1.37.2}}
jobs:
- name: j
  plan:
  - in_parallel: [{get: release}, {get: mirror}, {get: scan}, {get: judged}, {get: signature}, {get: signed}, {get: platform}]
";

const TYPES: [&str; 5] = [
    "releases=kubernetes-release",
    "images=image",
    "scans=image-scan",
    "signatures=image-signature",
    "clusters=cluster",
];

const NOTHING: &str = "sha256:0000000000000000000000000000000000000000000000000000000000000000";

/// Runs one step; the words follow the pipeline.
fn step(bench: &Bench, name: &str, words: &[&str]) -> Output {
    let pipeline = bench.dir.path().join("single.yml");
    fs::write(&pipeline, PIPELINE).expect("a pipeline");
    let mut command = bench.program(name, &pipeline);
    for kind in TYPES {
        command.args(["--type", kind]);
    }
    command.args(words).output().expect("the program starts")
}

/// What a step that ended well printed: one JSON value.
fn answer(output: &Output) -> Value {
    assert_eq!(output.status.code(), Some(0), "{}", stderr(output));
    serde_json::from_slice(&output.stdout).expect("one JSON value")
}

/// Versions without the time at which their outcome was first seen.
fn timeless(mut versions: Value) -> Value {
    for version in versions.as_array_mut().expect("a list") {
        version.as_object_mut().expect("keys").remove("since");
    }
    versions
}

#[test]
fn each_step_prints_its_json_and_takes_any_last_version() {
    let bench = Bench::new();
    let digest = a_put_and_a_get(&bench);
    let params = format!("{{digest: '{digest}'}}");
    let put = answer(&step(&bench, "put", &["signature", "--params", &params]));
    assert_eq!(put["version"]["digest"], digest.as_str(), "{put}");

    for (resource, expected, outdated) in [
        (
            "release",
            json!({"version": "v1.37.2", "channel": "stable"}),
            json!({"version": "v1.2.3", "channel": "stable"}),
        ),
        (
            "mirror",
            json!({"tag": "stable", "digest": digest}),
            json!({"tag": "old", "digest": NOTHING}),
        ),
        (
            "scan",
            json!({"digest": digest, "verdict": "deny"}),
            json!({"digest": NOTHING, "verdict": "permit", "findings": NOTHING, "since": "2020-01-01T00:00:00Z"}),
        ),
        (
            "signature",
            json!({"digest": digest}),
            json!({"digest": NOTHING, "signatures": NOTHING, "since": "2020-01-01T00:00:00Z"}),
        ),
        (
            "platform",
            json!({"from": "v1.36.4", "to": "v1.37.2"}),
            json!({"blueprint": NOTHING, "from": "v1.2.3", "to": "v1.3.0", "since": "2020-01-01T00:00:00Z"}),
        ),
    ] {
        let first = timeless(answer(&step(&bench, "check", &[resource])));
        let newest = first
            .as_array()
            .and_then(|list| list.last())
            .expect("a version");
        for (key, value) in expected.as_object().expect("keys") {
            assert_eq!(&newest[key], value, "{resource}: {first}");
        }
        not_understood(&bench, resource, &outdated, &first);
        let after = answer(&check_from(&bench, resource, &outdated));
        let after = timeless(after);
        assert_eq!(
            after.as_array().and_then(|list| list.last()),
            Some(newest),
            "{resource}"
        );
    }
    // Without tag and digest the last version names the image, and this one is gone.
    for (resource, kind) in [("judged", "scan"), ("signed", "signature")] {
        let gone = json!({"digest": NOTHING, "verdict": "permit", "findings": NOTHING, "signatures": NOTHING, "since": "x"});
        let checked = check_from(&bench, resource, &gone);
        assert_eq!(answer(&checked), json!([]), "{kind}: {}", stderr(&checked));
        not_understood(&bench, resource, &gone, &json!([]));
    }
}

/// Copies the application into the registry of the platform and fetches it; gives its digest.
fn a_put_and_a_get(bench: &Bench) -> String {
    let vars = bench.sandbox.vars().expect("vars");
    let upstream = vars["application"].as_str().expect("a repository");
    let params = format!("{{from: {{repository: '{upstream}', tag: stable}}, tag: stable}}");
    let put = answer(&step(bench, "put", &["mirror", "--params", &params]));
    let digest = put["version"]["digest"]
        .as_str()
        .expect("a digest")
        .to_owned();
    assert_eq!(put["version"]["tag"], "stable", "{put}");

    let dir = bench.dir.path().join("got");
    let dir = dir.to_str().expect("a path");
    let words = ["mirror", "--dir", dir, "--params", "{skip_download: true}"];
    let get = answer(&step(bench, "get", &words));
    assert_eq!(get["version"], put["version"]);
    assert!(get["metadata"].is_array(), "{get}");
    let file = fs::read_to_string(bench.dir.path().join("got/digest"));
    assert_eq!(file.expect("its file").trim(), digest);

    let version = format!("digest={NOTHING}");
    let missing = step(
        bench,
        "get",
        &[&words[..], &["--version", &version]].concat(),
    );
    assert_eq!(missing.status.code(), Some(1), "{}", stderr(&missing));
    assert!(
        missing.stdout.is_empty(),
        "a step that failed prints no JSON"
    );
    digest
}

fn check_from(bench: &Bench, resource: &str, version: &Value) -> Output {
    let pair =
        |(key, value): (&String, &Value)| format!("{key}={}", value.as_str().expect("a text"));
    let pairs: Vec<String> = version
        .as_object()
        .expect("keys")
        .iter()
        .map(pair)
        .collect();
    let mut words = vec![resource];
    for pair in &pairs {
        words.extend(["--from", pair]);
    }
    step(bench, "check", &words)
}

/// A last version with other keys, or with garbage in its own, changes nothing, and that is said.
fn not_understood(bench: &Bench, resource: &str, version: &Value, expected: &Value) {
    let mut garbled = version.clone();
    for value in garbled.as_object_mut().expect("keys").values_mut() {
        *value = "garbage".into();
    }
    for last in [json!({"ref": "61cbef"}), garbled] {
        let checked = check_from(bench, resource, &last);
        let words = stderr(&checked);
        assert_eq!(
            &timeless(answer(&checked)),
            expected,
            "{resource} after {last}: {words}"
        );
        let line = "version: not understood, so that the check begins without one";
        assert!(words.contains(line), "{resource} after {last}: {words}");
    }
}

#[test]
fn a_type_that_nobody_serves_is_named_with_the_option_that_helps() {
    let dir = tempfile::tempdir().expect("a folder");
    let pipeline = dir.path().join("p.yml");
    let text =
        "resources: [{name: r, type: releases, source: {}}]\njobs: [{name: j, plan: [{get: r}]}]\n";
    fs::write(&pipeline, text).expect("a pipeline");
    let run = |types: &[&str]| {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_trireme"));
        command.arg("validate").arg(&pipeline);
        for kind in types {
            command.args(["--type", kind]);
        }
        command.output().expect("the program starts")
    };
    let without = run(&[]);
    assert_eq!(without.status.code(), Some(0), "{}", stderr(&without));
    assert!(
        stderr(&without).contains("--type releases=NAME"),
        "{}",
        stderr(&without)
    );
    let with = run(&["releases=kubernetes-release"]);
    assert_eq!(with.status.code(), Some(0), "{}", stderr(&with));
    let other = run(&["releases=image"]);
    assert_eq!(other.status.code(), Some(78));
    assert!(
        stderr(&other).contains("`repository`"),
        "{}",
        stderr(&other)
    );
}
