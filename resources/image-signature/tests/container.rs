//! The three steps in a container with nothing in it: no temporary folder, a read-only root, an unknown user.
#![cfg(feature = "peers")]

mod fake;

use fake::Fake;
use serde_json::{Value, json};
use trireme_peers::concourse::bare::answer;

const PROGRAM: &str = env!("CARGO_BIN_EXE_trireme-image-signature");
const KEY: &str = include_str!("../../../crates/signature/tests/data/p256.pkcs8.pem");

#[test]
fn an_image_is_signed_found_and_verified() {
    let fake = Fake::start();
    fake.image("app");
    let source = json!({"repository": format!("{}/app", fake.host()), "tag": "latest", "key": KEY});
    let folder = || tempfile::tempdir().expect("a folder");
    let put = answer(PROGRAM, "out", &json!({"source": source}), folder().path());
    let request = json!({"source": source, "version": put["version"]});
    let check = answer(PROGRAM, "check", &request, folder().path());
    assert_eq!(check, json!([put["version"]]));
    let dir = folder();
    let get = answer(PROGRAM, "in", &request, dir.path());
    assert_eq!(get["version"], put["version"]);
    let evidence = std::fs::read(dir.path().join("signature.json")).expect("evidence");
    let evidence: Value = serde_json::from_slice(&evidence).expect("JSON");
    assert_eq!(evidence["verdict"], "permit");
}
