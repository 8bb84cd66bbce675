//! The compiled program, called and held as Concourse does it.

use trireme_peers::concourse::Resource;

const RESOURCE: Resource<'static> = Resource {
    name: "image",
    program: env!("CARGO_BIN_EXE_trireme-image"),
    source: r#"{"repository": "ADDRESS/app", "insecure": true, "username": "robot", "password": "CANARY"}"#,
    version: r#"{"tag": "latest", "digest": "sha256:0000000000000000000000000000000000000000000000000000000000000000"}"#,
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
