//! A check of what has not changed is cheap, and calls nothing unchanged that was not verified.

mod world;

use std::{fs, path::Path};

use serde_json::{Value, json};
use tempfile::TempDir;
use world::{FIXED, Program, VULNERABLE, Validators, World, debian, layer, zip_of};

const SINCE: &str = "2020-01-01T00:00:00Z";

/// Concourse: one container that is used for check after check, and the version that it knows.
struct Concourse {
    container: TempDir,
    source: Value,
    last: Value,
}

impl Concourse {
    /// Its first check of this source, some time ago.
    fn first(source: Value) -> Self {
        let mut concourse = Self {
            container: tempfile::tempdir().expect("a folder"),
            source,
            last: Value::Null,
        };
        concourse.last = concourse.check();
        concourse.last["since"] = json!(SINCE);
        concourse
    }

    fn check(&self) -> Value {
        let last = (!self.last.is_null()).then_some(&self.last);
        Program::check_again(self.container.path(), &self.source, last).json()[0].clone()
    }
}

/// That the next check judges in full: it reads the layers again.
fn judges_in_full(world: &World, concourse: &Concourse) -> Value {
    world.reset();
    let version = concourse.check();
    let asked = world.asked();
    let reads_blobs = asked
        .iter()
        .any(|line| line.starts_with("GET /v2/app/blobs/"));
    assert!(reads_blobs, "{asked:?}");
    version
}

#[test]
fn nothing_changed_costs_two_requests_and_no_content() {
    for validators in [Validators::Strong, Validators::Unconditional] {
        let (world, source, _) = World::of(VULNERABLE);
        world.validators(validators);
        let concourse = Concourse::first(source);
        assert!(world.reset() > 1000, "the first check reads everything");
        for _ in 0..2 {
            assert_eq!(concourse.check(), concourse.last);
            let two = ["HEAD /v2/app/manifests/v1", "HEAD /osv/Debian/all.zip"];
            assert_eq!(world.asked(), two);
            assert_eq!(world.reset(), 0);
        }
    }
}

#[test]
fn an_image_by_digest_or_judged_last_must_still_be_there() {
    let (world, mut source, digest) = World::of(FIXED);
    let manifest = format!("/v2/app/manifests/{digest}");
    source["tag"] = Value::Null;
    // What a source names must be there; a version may be older than what the registry keeps, and its check must not fail for
    // ever.
    for (wanted, end) in [(json!(digest), (1, "")), (Value::Null, (0, "[]\n"))] {
        source["digest"] = wanted;
        let mut concourse = Concourse::first({
            let mut source = source.clone();
            source["digest"] = json!(digest);
            source
        });
        concourse.source = source.clone();
        world.reset();
        assert_eq!(concourse.check(), concourse.last);
        let two = [
            format!("HEAD {manifest}"),
            "HEAD /osv/Debian/all.zip".into(),
        ];
        assert_eq!(world.asked(), two);
        world.remove(&manifest);
        let gone = Program::check_again(concourse.container.path(), &source, Some(&concourse.last));
        assert_eq!((gone.code, gone.stdout.as_str()), end, "{}", gone.stderr);
        world.image("v1", "amd64", &[debian(FIXED)]);
    }
}

#[test]
fn changed_advisories_are_read_and_judged() {
    let (world, source, _) = World::of(VULNERABLE);
    world.advisories(&["DSA-5764-1"]);
    let concourse = Concourse::first(source);
    world.advisories(&[]);
    let moved = judges_in_full(&world, &concourse);
    assert_ne!(moved["findings"], concourse.last["findings"]);
    world.advisories(&["DSA-5764-1"]);
    let back = judges_in_full(&world, &concourse);
    assert_eq!(back, concourse.last);
}

#[test]
fn a_moved_tag_and_another_question_are_judged() {
    let (world, source, _) = World::of(VULNERABLE);
    let mut concourse = Concourse::first(source);
    world.image("v1", "amd64", &[debian(FIXED)]);
    assert_eq!(judges_in_full(&world, &concourse)["verdict"], "permit");
    world.image("v1", "amd64", &[debian(VULNERABLE)]);
    assert_eq!(judges_in_full(&world, &concourse)["verdict"], "deny");
    concourse.source["policy"] = json!({"severity": "critical", "unknown_severity": "ignore"});
    assert_eq!(judges_in_full(&world, &concourse)["verdict"], "permit");
    concourse.source["platform"] = json!("linux/amd64");
    judges_in_full(&world, &concourse);
}

#[test]
fn a_server_that_tells_nothing_certain_is_read_each_time() {
    for validators in [Validators::Weak, Validators::None] {
        let (world, source, _) = World::of(FIXED);
        world.validators(validators);
        let concourse = Concourse::first(source);
        assert_eq!(judges_in_full(&world, &concourse), concourse.last);
        world.validators(Validators::Strong);
        assert_eq!(judges_in_full(&world, &concourse), concourse.last);
    }
}

/// An index of a Debian and an Alpine image: both databases are asked, and a change of the second counts.
#[test]
fn every_database_that_was_read_is_asked() {
    let (world, mut source, first) = World::of(FIXED);
    let alpine = layer(&[
        ("etc/os-release", "ID=alpine\nVERSION_ID=3.18.4\n"),
        (
            "lib/apk/db/installed",
            "P:zlib\nV:1.2.13-r1\nA:x86_64\no:zlib\n\n",
        ),
    ]);
    let second = world.image("alpine", "arm64", &[alpine]);
    world.index("both", &[(&first, "amd64"), (&second, "arm64")]);
    source["tag"] = json!("both");
    let concourse = Concourse::first(source);
    world.reset();
    assert_eq!(concourse.check(), concourse.last);
    let asked = world.asked();
    assert_eq!(asked.len(), 3, "{asked:?}");
    world.serve(
        "/osv/Alpine/all.zip",
        200,
        "application/zip",
        zip_of("Alpine", &["ALPINE-CVE-2023-42366"]),
    );
    judges_in_full(&world, &concourse);
}

#[test]
fn a_database_that_is_gone_or_fails_is_an_error_and_not_an_old_outcome() {
    let (world, source, _) = World::of(FIXED);
    let concourse = Concourse::first(source.clone());
    for status in [404, 403, 500] {
        world.serve("/osv/Debian/all.zip", status, "text/plain", "no");
        let failed =
            Program::check_again(concourse.container.path(), &source, Some(&concourse.last));
        assert_eq!(
            (failed.code, failed.stdout.as_str()),
            (1, ""),
            "{}",
            failed.stderr
        );
    }
    world.advisories(&[]);
    world.reset();
    assert_eq!(concourse.check(), concourse.last);
    assert_eq!(world.reset(), 0, "what was known before still holds");
}

/// A check of a local database, which then changes.
fn checks_by_content(database: &Path, change: impl FnOnce()) {
    let (world, mut source, _) = World::of(VULNERABLE);
    source["database"] = json!(format!("file://{}", database.display()));
    let concourse = Concourse::first(source);
    world.reset();
    assert_eq!(concourse.check(), concourse.last);
    assert_eq!(world.asked(), ["HEAD /v2/app/manifests/v1"]);
    change();
    let moved = judges_in_full(&world, &concourse);
    assert_ne!(moved["findings"], concourse.last["findings"]);
}

#[test]
fn a_local_zip_file_is_known_by_its_content_and_not_by_its_time() {
    let folder = tempfile::tempdir().expect("a folder");
    let zip = folder.path().join("all.zip");
    fs::write(&zip, zip_of("Debian", &[])).expect("written");
    checks_by_content(&zip, || {
        let file = fs::metadata(&zip).expect("it is there");
        let time = file.modified().expect("a time");
        fs::write(&zip, zip_of("Debian", &["DSA-5764-1"])).expect("written");
        let file = fs::File::options().append(true).open(&zip);
        let touched = file.and_then(|file| file.set_modified(time));
        touched.expect("the old time");
    });
}

#[test]
fn a_local_folder_of_records_is_known_by_its_content() {
    let folder = tempfile::tempdir().expect("a folder");
    let known = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/data/osv/Debian");
    for entry in fs::read_dir(known).expect("the advisories of the tests") {
        let entry = entry.expect("an entry");
        let copied = fs::copy(entry.path(), folder.path().join(entry.file_name()));
        copied.expect("copied");
    }
    checks_by_content(folder.path(), || {
        fs::remove_file(folder.path().join("DSA-5764-1.json")).expect("removed");
    });
}
