//! The three steps in a container with nothing in it: no temporary folder, a read-only root, an unknown user.
#![cfg(feature = "peers")]

mod world;

use std::{
    fs::{self, Permissions},
    os::unix::fs::PermissionsExt as _,
};

use serde_json::json;
use world::{FIXED, Program, World};

#[test]
fn without_a_temporary_folder_the_database_is_read_all_the_same() {
    let (world, source, digest) = World::of(FIXED);
    let folder = || tempfile::tempdir().expect("a folder");
    // The folder of a build may be another user's.
    let build = folder();
    fs::set_permissions(build.path(), Permissions::from_mode(0o555)).expect("our folder");
    let put = Program::in_bare_container("out", &json!({"source": source}), build);
    let version = put.json()["version"].clone();
    assert_eq!(
        (&version["digest"], &version["verdict"]),
        (&json!(digest), &json!("permit"))
    );
    let request = json!({"source": source, "version": version});
    let check = Program::in_bare_container("check", &request, folder());
    assert_eq!(check.json(), json!([version]));
    let get = Program::in_bare_container("in", &request, folder());
    assert_eq!(get.json()["version"], version);
    assert_eq!(get.file("verdict.json")["verdict"], "permit");
    let asked = world.asked();
    let database = asked.iter().filter(|asked| asked.ends_with("all.zip"));
    assert_eq!(database.count(), 3, "{asked:?}");
}
