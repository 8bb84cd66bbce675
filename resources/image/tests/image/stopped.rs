//! SIGTERM in the middle of a transfer: it ends in time with 75, and nothing half-done looks whole.

use std::{fs, path::Path};

use serde_json::json;
use tar::EntryType;

use crate::{
    faults::{honest, layer},
    faulty::{Faulty, Trouble},
    program::Program,
};

/// What is not yet whole.
const PARTIAL: &str = ".trireme-partial-";

fn names(dir: &Path) -> Vec<String> {
    let entries = fs::read_dir(dir).into_iter().flatten();
    let name = |entry: fs::DirEntry| entry.file_name().to_string_lossy().into_owned();
    entries
        .map(|entry| name(entry.expect("an entry")))
        .collect()
}

/// Whether the first of the two files of the layer lies in the unfinished folder.
fn unpacks(dir: &Path) -> bool {
    let partial = |name: &String| dir.join(name).join("rootfs/first");
    names(dir).iter().map(partial).any(|file| file.exists())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_in_that_unpacks_ends_when_told() {
    let mut archive = layer(EntryType::Regular, "first", "", &"1".repeat(3 << 20));
    // Without the two empty blocks at its end, more can follow.
    archive.truncate(archive.len() - 1024);
    archive.extend(layer(
        EntryType::Regular,
        "second",
        "",
        &"2".repeat(5 << 20),
    ));
    let request = |registry: &Faulty| {
        json!({
            "source": {"repository": registry.repository(), "tag": "1"},
            "version": {"tag": "1", "digest": registry.digest()},
        })
    };
    let honest = Faulty::start(Trouble::None, archive.clone()).await;
    let whole = request(&honest);
    let get = Program::get(&whole["source"], &whole["version"], &json!({})).await;
    get.succeed();

    let registry = Faulty::start(Trouble::Stall, archive).await;
    let dir = tempfile::tempdir().expect("a folder");
    let ended = Program::stopped("in", &request(&registry), dir, unpacks).await;
    assert_eq!((ended.code, &*ended.stdout), (75, ""), "{}", ended.stderr);
    assert!(ended.stderr.contains("interrupted"), "{}", ended.stderr);
    let left = names(ended.dir());
    let is_partial = |name: &String| name.starts_with(PARTIAL);
    assert!(left.iter().all(is_partial), "{left:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_out_that_uploads_ends_when_told_and_moves_no_tag() {
    let from = Faulty::start(Trouble::None, honest()).await;
    let other = layer(EntryType::Regular, "other", "", "another image 1");
    let registry = Faulty::start(Trouble::Stall, other).await;
    let request = json!({
        "source": {"repository": registry.repository()},
        "params": {"from": {"repository": from.repository(), "tag": "1"}, "tag": "2"},
    });
    let uploads = |_: &Path| {
        let requests = registry.requests();
        requests.iter().any(|request| request.starts_with("POST"))
    };
    let dir = tempfile::tempdir().expect("a folder");
    let ended = Program::stopped("out", &request, dir, uploads).await;
    assert_eq!((ended.code, &*ended.stdout), (75, ""), "{}", ended.stderr);
    assert!(!registry.has("manifests/2"), "no tag without its blobs");
    assert!(names(ended.dir()).is_empty());
}
