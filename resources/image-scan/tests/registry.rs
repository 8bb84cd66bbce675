//! A registry that fails in every way in which registries fail: each step ends with an operational error that says what
//! came, and never with a verdict.

mod world;

use std::thread;

use serde_json::{Value, json};
use trireme_peers::{Front, Wrong};
use world::{FIXED, Program, World};

/// Exit code 1, the words, and nothing that looks like a verdict beside what was there before.
fn fails(ran: &Program, case: &str, words: &str, left: usize) {
    let seen = (ran.code, ran.stdout.as_str());
    assert_eq!(seen, (1, ""), "{case}: {}", ran.stderr);
    assert!(ran.stderr.contains(words), "{case}: {}", ran.stderr);
    let found = std::fs::read_dir(ran.dir.path()).expect("the folder");
    assert_eq!(found.count(), left, "{case}");
}

/// `check`, `in` and `out` where the registry's answers for `path` are wrong, the database's not.
fn every_step_fails(world: &World, source: &Value, path: &'static str, wrong: Wrong) {
    let version = Program::check(source, None).json()[0].clone();
    let front = Front::on(&world.address, path, wrong);
    let mut source = source.clone();
    source["repository"] = json!(format!("{}/app", front.host()));
    let words = match (path, wrong) {
        // A blob that is a page for people is not what its digest says.
        ("/blobs/", Wrong::Page) => "size",
        _ => wrong.words(),
    };
    let digest = version["digest"].as_str().expect("a digest");
    let files = [("app/digest", digest)];
    for (step, left, ran) in [
        ("check", 0, Program::check(&source, None)),
        ("get", 0, Program::get(&source, &version, &json!({}))),
        ("put", 0, Program::put(&source, &json!({}), &[])),
        (
            "put of an artifact",
            1,
            Program::put(&source, &json!({"image": "app"}), &files),
        ),
    ] {
        fails(&ran, &format!("{step} {path} {wrong:?}"), words, left);
    }
}

#[test]
fn a_registry_that_answers_wrongly_is_an_operational_error_and_never_a_verdict() {
    let (world, source, _) = World::of(FIXED);
    // Side by side: those that may pass are tried again for some seconds.
    thread::scope(|scope| {
        for wrong in Wrong::ALL {
            for path in ["", "/blobs/"] {
                let (world, source) = (&world, &source);
                scope.spawn(move || every_step_fails(world, source, path, wrong));
            }
        }
    });
}

#[test]
fn a_version_whose_image_is_gone_has_no_verdict_any_more() {
    let (world, source, digest) = World::of(FIXED);
    let version = Program::check(&source, None).json()[0].clone();
    world.remove(&format!("/v2/app/manifests/{digest}"));
    let files = [("app/digest", digest.as_str())];
    let put = Program::put(&source, &json!({"image": "app"}), &files);
    for (step, left, ran) in [
        ("get", 0, Program::get(&source, &version, &json!({}))),
        ("put", 1, put),
    ] {
        fails(
            &ran,
            step,
            "no such image any more; copy it to this repository, or run ",
            left,
        );
        assert!(ran.stderr.contains(&digest), "{}", ran.stderr);
    }
}

/// The manifest is there, and something that it names is not: nobody is told that the image is gone.
#[test]
fn an_image_of_which_a_part_is_gone_has_no_verdict() {
    let (world, source, digest) = World::of(FIXED);
    let version = Program::check(&source, None).json()[0].clone();
    let manifest = world.manifest(&digest);
    for part in [&manifest["config"], &manifest["layers"][0]] {
        let part = part["digest"].as_str().expect("a digest");
        let (world, source, _) = World::of(FIXED);
        world.remove(&format!("/v2/app/blobs/{part}"));
        let got = Program::get(&source, &version, &json!({}));
        fails(&got, part, "it is not there", 0);
        assert!(got.stderr.contains(part), "{}", got.stderr);
        assert!(!got.stderr.contains("any more"), "{}", got.stderr);
    }
}
