//! A `put` with `verify: true`: the image is verified again and nothing is signed. A `get` of a known version is answered by
//! Concourse's cache, so this is how a job looks again.

mod fake;
mod program;

use fake::Fake;
use program::Program;
use serde_json::{Value, json};

const PRIVATE: &str = include_str!("../../../crates/signature/tests/data/p256.pkcs8.pem");
const PUBLIC: &str = include_str!("../../../crates/signature/tests/data/p256.pub");

fn source(fake: &Fake, key: &str) -> Value {
    json!({"repository": format!("{}/app", fake.host()), "tag": "latest", "key": key})
}

fn verify() -> Value {
    json!({"verify": true})
}

fn time(value: &Value) -> jiff::Timestamp {
    let text = value.as_str().expect("a time");
    text.parse().expect("a time in RFC 3339")
}

#[test]
fn a_signed_image_is_verified_with_the_public_key_alone() {
    let fake = Fake::start();
    let digest = fake.image("app");
    Program::put(&source(&fake, PRIVATE), &json!({})).succeed();
    let put = Program::put(&source(&fake, PUBLIC), &verify()).succeed();
    assert_eq!(put["version"]["digest"], digest.as_str());
    assert_eq!(fake.count_referrers(&digest), 1, "nothing was signed");
}

#[test]
fn an_image_that_is_not_signed_is_denied_and_stays_unsigned() {
    let fake = Fake::start();
    let digest = fake.image("app");
    let put = Program::put(&source(&fake, PRIVATE), &verify());
    assert_eq!(put.code, 2, "{}", put.stderr);
    assert!(
        put.stderr.contains("is not signed with key"),
        "{}",
        put.stderr
    );
    assert_eq!(fake.count_referrers(&digest), 0);
}

#[test]
fn every_verification_has_a_version_and_a_time_of_its_own() {
    let fake = Fake::start();
    fake.image("app");
    let source = source(&fake, PRIVATE);
    let before = jiff::Timestamp::now();
    let signed = Program::put(&source, &json!({})).succeed()["version"].clone();
    let verified = Program::put(&source, &verify()).succeed()["version"].clone();
    assert!(time(&verified["since"]) >= time(&signed["since"]));
    let got = Program::get(&source, &verified);
    got.succeed();
    let evidence = got.evidence();
    let verified_at = time(&evidence["verified_at"]);
    assert!(
        verified_at >= before && verified_at <= jiff::Timestamp::now(),
        "{evidence}"
    );
    let checked = Program::check(&source, Some(&verified)).succeed();
    assert_eq!(
        checked,
        json!([verified]),
        "a check makes no version of its own"
    );
}
