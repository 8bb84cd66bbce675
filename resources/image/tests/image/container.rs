//! The program in a container with nothing in it: a read-only root, an unknown user, no temporary folder.

use std::{
    fs::{self, Permissions},
    os::unix::fs::PermissionsExt as _,
};

use serde_json::json;
use tar::EntryType;
use tempfile::TempDir;
use trireme_peers::Registry;

use crate::{
    faults::{honest, layer},
    faulty::{Faulty, Trouble},
    program::Program,
};

/// More than fits into a buffer on the way.
const LAYER_BYTES: usize = 8 << 20;

fn empty() -> TempDir {
    tempfile::tempdir().expect("a folder")
}

/// There is no folder that the program could write in: what it sends is what it just received.
#[tokio::test(flavor = "multi_thread")]
async fn a_copy_between_registries_needs_no_disk() {
    let content = "trireme ".repeat(LAYER_BYTES / 8);
    let layer = layer(EntryType::Regular, "etc/motd", "", &content);
    let from = Faulty::start(Trouble::None, layer).await;
    let to = Registry::distribution().expect("a registry");
    // The container has no file that says what `localhost` is.
    let to = to.host().replace("localhost", "127.0.0.1");
    let source = json!({"repository": format!("{to}/mirror/app")});
    let params = json!({"from": {"repository": from.repository(), "tag": "1"}});
    let build = empty();
    fs::set_permissions(build.path(), Permissions::from_mode(0o555)).expect("our folder");
    let request = json!({"source": source, "params": params});
    let put = Program::in_bare_container("out", &request, build).await;
    let version = json!({"tag": "1", "digest": from.digest()});
    assert_eq!(put.succeed()["version"], version);
    let get = Program::get(&source, &version, &json!({})).await;
    get.succeed();
    let copied = fs::read_to_string(get.dir().join("rootfs/etc/motd")).expect("it was copied");
    assert!(copied == content, "the layer is another one");
}

#[tokio::test(flavor = "multi_thread")]
async fn any_user_can_fetch_an_image() {
    let registry = Faulty::start(Trouble::None, honest()).await;
    let source = json!({"repository": registry.repository(), "tag": "1"});
    let version = json!({"tag": "1", "digest": registry.digest()});
    for (format, file) in [
        ("rootfs", "rootfs/etc/motd"),
        ("oci-layout", "oci/index.json"),
    ] {
        let request = json!({"source": source, "version": version, "params": {"format": format}});
        let get = Program::in_bare_container("in", &request, empty()).await;
        assert_eq!(get.succeed()["version"], version);
        assert!(get.dir().join(file).is_file(), "{format} has no {file}");
    }
}
