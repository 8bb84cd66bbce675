//! Steps that end well, or with a deny, show no secret of their source, in no form and no file.

mod world;

use serde_json::json;
use trireme_peers::leak;
use world::{Program, World, debian};

const PASSWORD: &str = "pass/word+ %7Qx!k@tz";

#[test]
fn no_step_that_ends_well_or_denies_shows_a_secret() {
    for openssl in ["3.0.14-1~deb12u2", "3.0.9-1"] {
        let world = World::start();
        world.advisories(&[]);
        let image = world.image("v1", "amd64", &[debian(openssl)]);
        let mut source = world.source();
        source["username"] = json!("robot");
        source["password"] = json!(PASSWORD);
        source["debug"] = json!(true);
        let files = [("app/digest", image.as_str())];
        let put = Program::put(
            &source,
            &json!({"image": "app", "on_deny": "report"}),
            &files,
        );
        let version = put.json()["version"].clone();
        let container = tempfile::tempdir().expect("a folder");
        let check = Program::check_again(container.path(), &source, Some(&version));
        assert_eq!(check.json(), json!([version]));
        let get = Program::get(&source, &version, &json!({}));
        let code = if version["verdict"] == "permit" { 0 } else { 2 };
        assert_eq!(get.code, code, "{}", get.stderr);
        leak::assert_none_in_files(container.path(), &[PASSWORD]);
        for ran in [put, check, get] {
            leak::assert_none(&ran.stdout, &[PASSWORD]);
            leak::assert_none(&ran.stderr, &[PASSWORD]);
            leak::assert_none_in_files(ran.dir.path(), &[PASSWORD]);
        }
    }
}
