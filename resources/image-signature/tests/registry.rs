//! A registry that fails in every way in which registries fail: each step ends with an operational error that says what
//! came, and nobody is told that an image is signed, or that it is not.

mod fake;
mod program;

use std::thread;

use fake::Fake;
use program::Program;
use serde_json::{Value, json};
use trireme_peers::{Front, Wrong};

const KEY: &str = include_str!("../../../crates/signature/tests/data/p256.pkcs8.pem");

fn source(host: &str) -> Value {
    json!({"repository": format!("{host}/app"), "tag": "latest", "key": KEY})
}

/// Exit code 1, the words, and nothing that looks whole.
fn fails(ran: &Program, case: &str, words: &str) {
    let seen = (ran.code, ran.stdout.as_str());
    assert_eq!(seen, (1, ""), "{case}: {}", ran.stderr);
    assert!(ran.stderr.contains(words), "{case}: {}", ran.stderr);
    let left = std::fs::read_dir(ran.dir.path()).expect("the folder");
    assert_eq!(left.count(), 0, "{case}");
}

/// Those that may pass are tried again for some seconds: side by side.
fn side_by_side(cases: impl IntoIterator<Item = Wrong>, check: impl Fn(Wrong) + Sync) {
    thread::scope(|scope| {
        for wrong in cases {
            let check = &check;
            scope.spawn(move || check(wrong));
        }
    });
}

/// A registry with an image that is signed, and its version.
fn signed() -> (Fake, Value) {
    let fake = Fake::start();
    fake.image("app");
    let put = Program::put(&source(&fake.host()), &json!({})).succeed();
    (fake, put["version"].clone())
}

#[test]
fn check_and_get_and_put_end_with_an_error() {
    let (fake, version) = signed();
    side_by_side(Wrong::ALL, |wrong| {
        let front = Front::new(&fake.host(), wrong);
        let source = source(&front.host());
        for (step, ran) in [
            ("check", Program::check(&source, Some(&version))),
            ("get", Program::get(&source, &version)),
            ("put", Program::put(&source, &json!({}))),
        ] {
            fails(&ran, &format!("{step}, {wrong:?}"), wrong.words());
        }
    });
    Program::get(&source(&fake.host()), &version).succeed();
}

/// The image is there, and what is attached to it cannot be had.
#[test]
fn what_is_attached_and_cannot_be_had_is_no_verdict() {
    let (fake, version) = signed();
    side_by_side(Wrong::ALL, |wrong| {
        let front = Front::on(&fake.host(), "/blobs/", wrong);
        let source = source(&front.host());
        // A blob that is a page for people is not what its digest says.
        let words = match wrong {
            Wrong::Page => "size",
            wrong => wrong.words(),
        };
        for ran in [
            Program::check(&source, Some(&version)),
            Program::get(&source, &version),
        ] {
            fails(&ran, &format!("{wrong:?}"), words);
        }
    });
}

#[test]
fn nothing_is_signed_where_the_image_cannot_be_seen() {
    let fake = Fake::start();
    let digest = fake.image("app");
    // There is no blob yet that could be half.
    let cases = Wrong::ALL.into_iter().filter(|w| *w != Wrong::HalfBlob);
    side_by_side(cases, |wrong| {
        let front = Front::new(&fake.host(), wrong);
        let put = Program::put(&source(&front.host()), &json!({}));
        fails(&put, &format!("{wrong:?}"), wrong.words());
    });
    assert_eq!(fake.count_referrers(&digest), 0);
}

/// The registry takes the signature, and then fails: the put fails too, and again it finds that it has signed.
#[test]
fn a_signature_that_was_taken_and_not_shown_is_an_error_until_it_is_shown() {
    // A wrong digest passes while a registry catches up with itself; the deadline for that is no test's to wait for.
    let cases = Wrong::ALL.into_iter().filter(|w| *w != Wrong::Digest);
    side_by_side(cases, |wrong| {
        let fake = Fake::start();
        let digest = fake.image("app");
        let front = Front::after_a_push(&fake.host(), wrong);
        let put = Program::put(&source(&front.host()), &json!({}));
        fails(&put, &format!("{wrong:?}"), wrong.words());
        assert_eq!(fake.count_referrers(&digest), 1, "{wrong:?}");
        let again = Program::put(&source(&fake.host()), &json!({}));
        again.succeed();
        assert!(again.stderr.contains("already signed"), "{}", again.stderr);
        assert_eq!(fake.count_referrers(&digest), 1, "{wrong:?}");
    });
}
