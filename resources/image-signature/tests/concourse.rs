//! The compiled program, called and held as Concourse does it.

use trireme_peers::concourse::Resource;

const RESOURCE: Resource<'static> = Resource {
    name: "image-signature",
    program: env!("CARGO_BIN_EXE_trireme-image-signature"),
    source: r#"{"repository": "ADDRESS/app", "tag": "1", "insecure": true, "username": "robot", "password": "CANARY", "key": "-----BEGIN PUBLIC KEY-----\nMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEJ4FukDQeYZ3uV99Ndwe3UbJxAq39\nFncog6icrwmcaYyW9IXYaaHPLps4bs93p2TIWFlQELlvwscKGM70qmwn7A==\n-----END PUBLIC KEY-----"}"#,
    version: r#"{"digest": "sha256:0000000000000000000000000000000000000000000000000000000000000000", "signatures": "sha256:0000000000000000000000000000000000000000000000000000000000000000", "since": "2026-01-01T00:00:00Z"}"#,
};

#[test]
fn it_answers_to_its_names() {
    RESOURCE.answers_to_its_names();
}

#[test]
fn what_is_no_request_is_refused() {
    RESOURCE.refuses_what_is_no_request();
}

#[test]
fn version_and_params_may_be_nothing() {
    RESOURCE.takes_nothing_for_version_and_params();
}

#[test]
fn it_ends_when_told_while_a_server_hangs() {
    RESOURCE.ends_when_told_while_a_server_hangs();
}

#[test]
fn it_repeats_no_secret() {
    RESOURCE.repeats_no_secret();
}
