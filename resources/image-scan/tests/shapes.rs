//! Images, indexes and databases of unusual shapes: each is judged for what it is, or not at all.

mod world;

use serde_json::{Value, json};
use world::{FIXED, INDEX, MANIFEST, Program, VULNERABLE, World, debian, layer};

/// A deny of everything that the policy can pass over.
fn mild() -> Value {
    json!({"severity": "critical", "unknown_severity": "ignore", "fixed_only": true})
}

fn judged(source: &Value) -> Value {
    let version = Program::check(source, None).json()[0].clone();
    let got = Program::get(source, &version, &json!({"on_deny": "report"}));
    got.json();
    got.file("verdict.json")
}

/// No version, exit code 1, and these words.
fn cannot_be_judged(source: &Value, words: &str) {
    let checked = Program::check(source, None);
    let seen = (checked.code, checked.stdout.as_str());
    assert_eq!(seen, (1, ""), "{}", checked.stderr);
    assert!(
        checked.stderr.contains(words),
        "{words}: {}",
        checked.stderr
    );
}

#[test]
fn an_image_that_an_index_names_twice_is_examined_once() {
    let (world, mut source, fixed) = World::of(FIXED);
    let vulnerable = world.image("bad", "amd64", &[debian(VULNERABLE)]);
    let twice = [
        (fixed.as_str(), "amd64"),
        (vulnerable.as_str(), "amd64"),
        (fixed.as_str(), "amd64"),
    ];
    world.index("all", &twice);
    source["tag"] = json!("all");
    let verdict = judged(&source);
    assert_eq!(verdict["verdict"], "deny", "one of one platform suffices");
    let examined = verdict["examined"].as_array().expect("a list");
    let digests: Vec<_> = examined.iter().map(|image| &image["digest"]).collect();
    assert_eq!(digests, [&json!(fixed), &json!(vulnerable)]);
}

#[test]
fn an_index_in_an_index_and_an_artifact_are_no_images() {
    let (world, mut source, fixed) = World::of(FIXED);
    let inner = world.index("inner", &[(&fixed, "amd64")]);
    world.index("outer", &[(&fixed, "amd64"), (&inner, "arm64")]);
    source["tag"] = json!("outer");
    cannot_be_judged(&source, "expected a manifest with config and layers");
    let artifact = json!({"schemaVersion": 2, "mediaType": "application/vnd.oci.artifact.manifest.v1+json",
        "artifactType": "application/spdx+json", "blobs": []});
    let artifact = world.document(MANIFEST, "artifact", &artifact);
    source["tag"] = json!("artifact");
    cannot_be_judged(&source, "expected a manifest with config and layers");
    world.index("mixed", &[(&fixed, "amd64"), (&artifact, "arm64")]);
    source["tag"] = json!("mixed");
    cannot_be_judged(&source, "expected a manifest with config and layers");
    let empty = json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": []});
    world.document(INDEX, "empty", &empty);
    source["tag"] = json!("empty");
    source["policy"] = mild();
    assert_eq!(judged(&source)["verdict"], "incomplete");
}

#[test]
fn a_size_that_lies_is_an_error() {
    let (world, mut source, fixed) = World::of(FIXED);
    for (size, words) in [
        (json!(1), "size"),
        (json!(u64::MAX), "size"),
        (json!(-1), "is not an image"),
    ] {
        let mut manifest = world.manifest(&fixed);
        manifest["layers"][0]["size"] = size;
        world.document(MANIFEST, "lies", &manifest);
        source["tag"] = json!("lies");
        cannot_be_judged(&source, words);
    }
}

#[test]
fn a_distribution_without_advisories_is_not_examined() {
    let (world, mut source, _) = World::of(FIXED);
    let status = "Package: bash\nStatus: install ok installed\nVersion: 1\n";
    let kali = layer(&[
        ("etc/os-release", "ID=kali\nVERSION_ID=\"2026.3\"\n"),
        ("var/lib/dpkg/status", status),
    ]);
    world.image("kali", "amd64", &[kali]);
    source["tag"] = json!("kali");
    source["policy"] = mild();
    let verdict = judged(&source);
    assert_eq!(verdict["verdict"], "incomplete");
    assert_eq!(verdict["reasons"][0]["rule"], "nothing_examined");
    let named = verdict["not_examined"][0]["reason"].to_string();
    assert!(named.contains("kali 2026.3"), "{verdict}");
}

/// A package database that a sparse file hides, and one that another reader would find behind a folder.
#[test]
fn a_layer_that_others_read_otherwise_is_an_error() {
    let (world, mut source, _) = World::of(FIXED);
    let mut header = tar::Header::new_gnu();
    header.set_path("outer").expect("a name");
    header.set_entry_type(tar::EntryType::Directory);
    header.set_size(512);
    header.set_cksum();
    let layer = [&header.as_bytes()[..], &[0; 1536]].concat();
    world.image("ambiguous", "amd64", &[debian(FIXED), layer]);
    source["tag"] = json!("ambiguous");
    cannot_be_judged(&source, "says that it has content");
}

#[test]
fn a_folder_of_records_with_one_that_is_cut_off_is_an_error() {
    let (_world, mut source, _) = World::of(VULNERABLE);
    let folder = tempfile::tempdir().expect("a folder");
    source["database"] = json!(format!("file://{}", folder.path().display()));
    cannot_be_judged(&source, "holds no records");
    let records = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/data/osv/Debian");
    let record = std::fs::read(format!("{records}/DSA-5532-1.json")).expect("a record");
    let path = folder.path().join("DSA-5532-1.json");
    std::fs::write(&path, &record).expect("written");
    assert_eq!(judged(&source)["verdict"], "deny");
    let other = folder.path().join("DSA-5764-1.json");
    std::fs::write(other, &record[..record.len() / 2]).expect("written");
    cannot_be_judged(&source, "DSA-5764-1.json");
}
