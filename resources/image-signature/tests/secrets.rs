//! No step shows a secret of its source, whether it signs, verifies, denies or cannot use the key.

mod fake;
mod program;

use fake::Fake;
use program::Program;
use serde_json::{Value, json};
use trireme_peers::leak;

const KEY: &str = include_str!("../../../crates/signature/tests/data/p256.key");
/// Of the key file.
const KEY_PASSWORD: &str = "test-password";
const PASSWORD: &str = "pass/word+ %7Qx!k@tz";
const WRONG_PASSWORD: &str = "wr/ong+ %3Zk!w@qy";

fn shows_none(ran: &Program) {
    let secrets = [KEY, KEY_PASSWORD, PASSWORD, WRONG_PASSWORD];
    leak::assert_none(&ran.stdout, &secrets);
    leak::assert_none(&ran.stderr, &secrets);
    leak::assert_none_in_files(ran.dir.path(), &secrets);
}

fn source(fake: &Fake) -> Value {
    json!({"repository": fake.repository(), "key": KEY, "key_password": KEY_PASSWORD,
        "username": "robot", "password": PASSWORD, "debug": true})
}

#[test]
fn no_step_that_ends_well_or_denies_shows_a_secret() {
    let fake = Fake::start();
    let digest = fake.image("app");
    let source = source(&fake);
    let put = Program::put(&source, &json!({"digest": digest}));
    let version = put.succeed()["version"].clone();
    let check = Program::check(&source, Some(&version));
    assert_eq!(check.succeed(), json!([version]));
    let get = Program::get(&source, &version);
    get.succeed();
    fake.take_referrers(&digest);
    let denied = Program::get(&source, &version);
    assert_eq!(denied.code, 2, "{}", denied.stderr);
    for ran in [put, check, get, denied] {
        shows_none(&ran);
    }
}

#[test]
fn no_error_about_the_source_shows_a_secret() {
    let fake = Fake::start();
    let digest = fake.image("app");
    let unusable = [
        ("key_password", json!(WRONG_PASSWORD)),
        ("key_password", json!([KEY_PASSWORD])),
        ("key", json!(&KEY[..KEY.len() / 2])),
        ("key", json!({"pem": KEY})),
        ("key", json!(format!("https://vault/{PASSWORD}"))),
        ("username", Value::Null),
        (KEY_PASSWORD, json!(true)),
    ];
    for (name, value) in unusable {
        let mut source = source(&fake);
        source[name] = value;
        let ran = Program::put(&source, &json!({"digest": digest}));
        assert_eq!(ran.code, 78, "{name}: {}", ran.stderr);
        shows_none(&ran);
    }
}
