//! The compiled program, called and held as Concourse does it.

use trireme_peers::concourse::Resource;

const RESOURCE: Resource<'static> = Resource {
    name: "image",
    program: env!("CARGO_BIN_EXE_trireme-image"),
    source: r#"{"repository": "ADDRESS/app", "insecure": true, "username": "robot", "password": "CANARY"}"#,
    version: r#"{"tag": "latest", "digest": "sha256:0000000000000000000000000000000000000000000000000000000000000000"}"#,
};

trireme_peers::held_as_by_concourse!(RESOURCE);

#[test]
fn it_repeats_no_token() {
    RESOURCE.repeats_no_token();
}
