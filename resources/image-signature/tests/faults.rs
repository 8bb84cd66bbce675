//! Bad input, bad lists and bad signatures: a clear error, the documented exit code, and never a yes.

mod fake;
mod program;

use axum::http::StatusCode;
use fake::{Fake, Fault};
use program::Program;
use serde_json::{Value, json};

const KEY: &str = include_str!("../../../crates/signature/tests/data/p256.key");
const PUBLIC: &str = include_str!("../../../crates/signature/tests/data/p256.pub");
const PASSWORD: &str = "test-password";

fn signing(fake: &Fake) -> Value {
    json!({"repository": fake.repository(), "key": KEY, "key_password": PASSWORD})
}

fn verifying(fake: &Fake) -> Value {
    json!({"repository": fake.repository(), "key": PUBLIC, "tag": "latest"})
}

/// A registry with one image that is signed, and its version.
fn signed() -> (Fake, Value) {
    let fake = Fake::start();
    let digest = fake.image("app");
    let put = Program::put(&signing(&fake), &json!({"digest": digest})).succeed();
    (fake, put["version"].clone())
}

#[test]
fn a_version_stays_while_the_outcome_stays_and_is_new_when_an_old_one_comes_back() {
    let (fake, put) = signed();
    let source = verifying(&fake);
    assert_eq!(Program::check(&source, Some(&put)).succeed(), json!([put]));
    let digest = put["digest"].as_str().expect("a digest").to_owned();
    let taken = fake.take_referrers(&digest);
    assert_eq!(Program::check(&source, Some(&put)).succeed(), json!([]));
    assert_eq!(Program::get(&source, &put).code, 2);

    fake.put_back(taken);
    let unsigned =
        json!({"digest": digest, "signatures": "sha256:other", "since": "2026-01-01T00:00:00Z"});
    let again = &Program::check(&source, Some(&unsigned)).succeed()[0];
    assert_eq!(again["signatures"], put["signatures"]);
    assert_ne!(again["since"], unsigned["since"]);
}

#[test]
fn a_put_without_a_target_in_the_source_is_followed_by_check() {
    let (fake, put) = signed();
    let source = signing(&fake);
    assert_eq!(Program::check(&source, None).succeed(), json!([]));
    assert_eq!(Program::check(&source, Some(&put)).succeed(), json!([put]));
    assert_eq!(Program::get(&source, &put).succeed()["version"], put);
}

#[test]
fn what_is_wrong_in_source_or_params_is_a_configuration_error() {
    let fake = Fake::start();
    let digest = fake.image("app");
    let with = |name: &str, value: Value| {
        let mut source = signing(&fake);
        source[name] = value;
        source
    };
    let params = json!({"digest": digest});
    let cases = [
        (
            with("key_password", json!("wrong")),
            params.clone(),
            "does not open",
        ),
        (
            with("key_password", Value::Null),
            params.clone(),
            "no password",
        ),
        (
            with("key", json!("https://vault/key")),
            params.clone(),
            "URI",
        ),
        (with("key", json!(PUBLIC)), params.clone(), "public key"),
        (
            with("key", json!(KEY.replace('\n', " "))),
            params.clone(),
            "on one line: its line breaks were lost",
        ),
        (with("keys", json!("x")), params.clone(), "keys"),
        (with("digest", json!("sha256:x")), json!({}), "digest"),
        (
            with("tag", json!("")),
            json!({}),
            "source.tag: found an empty string",
        ),
        (with("username", json!("x")), params.clone(), "password"),
        (
            with("repository", json!("app:1")),
            params.clone(),
            "repository",
        ),
        (signing(&fake), json!({}), "no image is named"),
        (signing(&fake), json!({"image": "../x"}), "image"),
        (
            signing(&fake),
            json!({"image": "a", "digest": digest}),
            "both",
        ),
        (signing(&fake), json!({"sign": true}), "sign"),
    ];
    for (source, params, expected) in cases {
        let ran = Program::put(&source, &params);
        assert_eq!(ran.code, 78, "{expected}: {}", ran.stderr);
        assert!(ran.stderr.contains(expected), "{expected}: {}", ran.stderr);
        assert!(!ran.stderr.contains(PASSWORD), "{}", ran.stderr);
    }
}

const INDEX: &str = "application/vnd.oci.image.index.v1+json";

/// Wrong answers to the question for referrers, each with what the error must say.
fn wrong_lists() -> Vec<(Fault, &'static str)> {
    let fault = |status, kind, body| Fault {
        path: "/referrers/",
        status,
        kind,
        body,
        link: None,
    };
    let refused = "text/plain";
    let mut cut_short = fault(
        StatusCode::OK,
        INDEX,
        r#"{"schemaVersion":2,"manifests":[]}"#,
    );
    cut_short.link = Some("</v2/app/referrers/next>; rel=\"next\"");
    vec![
        (
            fault(StatusCode::UNAUTHORIZED, refused, "no"),
            "authenticate",
        ),
        (fault(StatusCode::FORBIDDEN, refused, "no"), "403"),
        (
            fault(StatusCode::TOO_MANY_REQUESTS, refused, "later"),
            "429",
        ),
        (
            fault(StatusCode::INTERNAL_SERVER_ERROR, refused, "oops"),
            "500",
        ),
        (
            fault(StatusCode::OK, "text/html", "<html>log in</html>"),
            "HTML",
        ),
        (fault(StatusCode::OK, INDEX, ""), "index"),
        (
            fault(
                StatusCode::OK,
                INDEX,
                r#"{"schemaVersion":2,"manifests":[{"#,
            ),
            "index",
        ),
        (cut_short, "does not end"),
    ]
}

#[test]
fn a_registry_that_answers_wrongly_is_an_operational_error_and_never_a_verdict() {
    let (fake, version) = signed();
    for (fault, expected) in wrong_lists() {
        fake.fault(Some(fault));
        let ran = Program::get(&verifying(&fake), &version);
        assert_eq!(ran.code, 1, "{expected}: {}", ran.stderr);
        assert!(ran.stderr.contains(expected), "{expected}: {}", ran.stderr);
    }
    fake.fault(None);
    Program::get(&verifying(&fake), &version).succeed();
}

/// Read to its end, and nothing that could be a signature.
#[test]
fn what_is_attached_and_is_no_signature_is_named_and_denies() {
    for rubbish in ["{}", "<html>log in</html>", "", &"0".repeat(2 << 20)] {
        let fake = Fake::start();
        let digest = fake.image("app");
        fake.attach(&digest, rubbish);
        let version =
            json!({"digest": digest, "signatures": "sha256:0", "since": "2026-01-01T00:00:00Z"});
        let ran = Program::get(&verifying(&fake), &version);
        assert_eq!((ran.code, ran.stdout.as_str()), (2, ""), "{}", ran.stderr);
        assert_eq!(ran.evidence()["refused"].as_array().map(Vec::len), Some(1));
        assert_eq!(Program::check(&verifying(&fake), None).succeed(), json!([]));
        Program::put(&signing(&fake), &json!({"digest": digest})).succeed();
        Program::get(&verifying(&fake), &version).succeed();
    }
}

/// cosign 2 keeps a signature at a tag of its own, in another format.
#[test]
fn a_signature_of_cosign_2_denies_and_is_named() {
    let fake = Fake::start();
    let digest = fake.image("app");
    let tag = format!("{}.sig", digest.replace(':', "-"));
    fake.tag(&tag, &json!({"schemaVersion": 2, "layers": []}));
    let version =
        json!({"digest": digest, "signatures": "sha256:0", "since": "2026-01-01T00:00:00Z"});
    let get = Program::get(&verifying(&fake), &version);
    assert_eq!(get.code, 2, "{}", get.stderr);
    let check = Program::check(&verifying(&fake), None);
    assert_eq!(check.succeed(), json!([]));
    for ran in [get, check] {
        for words in ["in the format of cosign 2", &tag, "sign again"] {
            assert!(ran.stderr.contains(words), "{}", ran.stderr);
        }
    }
    Program::put(&signing(&fake), &json!({"digest": digest})).succeed();
    Program::get(&verifying(&fake), &version).succeed();
}

/// It may be the signature that is looked for: that is neither a yes nor a no.
fn cannot_be_told(fake: &Fake, version: &Value) {
    let source = verifying(fake);
    let get = Program::get(&source, version);
    assert_eq!(std::fs::read_dir(get.dir.path()).expect("it").count(), 0);
    for ran in [get, Program::check(&source, Some(version))] {
        assert_eq!((ran.code, ran.stdout.as_str()), (1, ""), "{}", ran.stderr);
        assert!(
            ran.stderr
                .contains("cannot tell whether the image is signed"),
            "{}",
            ran.stderr
        );
    }
}

#[test]
fn a_signature_that_is_lost_or_changed_is_an_error_until_another_one_is_there() {
    let lose: fn(&Fake) -> usize = |fake| fake.lose("dsseEnvelope");
    let change: fn(&Fake) -> usize = |fake| {
        fake.corrupt("dsseEnvelope", |text| {
            text.replace("\"sig\":\"M", "\"sig\":\"N")
        })
    };
    for damage in [lose, change] {
        let (fake, version) = signed();
        assert_eq!(damage(&fake), 1);
        cannot_be_told(&fake, &version);
        // Of another key, and whole.
        let rsa = include_str!("../../../crates/signature/tests/data/rsa2048.key");
        let source = json!({"repository": fake.repository(), "key": rsa, "key_password": PASSWORD});
        let put = Program::put(&source, &json!({"digest": version["digest"]}));
        let got = Program::get(&source, &put.succeed()["version"]);
        got.succeed();
        assert_eq!(got.evidence()["refused"].as_array().map(Vec::len), Some(1));
    }
}

#[test]
fn the_image_of_a_version_that_is_gone_cannot_be_verified() {
    let fake = Fake::start();
    let absent = format!("sha256:{}", "0".repeat(64));
    let version = json!({"digest": absent, "signatures": absent, "since": "2026-01-01T00:00:00Z"});
    let ran = Program::get(&verifying(&fake), &version);
    assert_eq!((ran.code, ran.stdout.as_str()), (1, ""), "{}", ran.stderr);
    for words in [absent.as_str(), "there is no such image", "or run "] {
        assert!(ran.stderr.contains(words), "{}", ran.stderr);
    }
    assert_eq!(std::fs::read_dir(ran.dir.path()).expect("it").count(), 0);
}

#[test]
fn what_is_not_there_cannot_be_signed() {
    let fake = Fake::start();
    let absent = format!("sha256:{}", "0".repeat(64));
    let ran = Program::put(&signing(&fake), &json!({"digest": absent}));
    assert_eq!(ran.code, 1);
    assert!(
        ran.stderr.contains("there is no such image"),
        "{}",
        ran.stderr
    );
}
