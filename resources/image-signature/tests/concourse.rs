//! The compiled program, called and held as Concourse does it.

use trireme_peers::concourse::Resource;

const RESOURCE: Resource<'static> = Resource {
    name: "image-signature",
    program: env!("CARGO_BIN_EXE_trireme-image-signature"),
    source: r#"{"repository": "ADDRESS/app", "tag": "1", "insecure": true, "username": "robot", "password": "CANARY", "key": "-----BEGIN PUBLIC KEY-----\nMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEJ4FukDQeYZ3uV99Ndwe3UbJxAq39\nFncog6icrwmcaYyW9IXYaaHPLps4bs93p2TIWFlQELlvwscKGM70qmwn7A==\n-----END PUBLIC KEY-----"}"#,
    version: r#"{"digest": "sha256:0000000000000000000000000000000000000000000000000000000000000000", "signatures": "sha256:0000000000000000000000000000000000000000000000000000000000000000", "since": "2026-01-01T00:00:00Z"}"#,
};

trireme_peers::held_as_by_concourse!(RESOURCE);

#[test]
fn it_repeats_no_token() {
    RESOURCE.repeats_no_token();
}

#[test]
fn a_tag_may_look_like_a_number() {
    RESOURCE.takes_a_number_for_a_tag();
}
