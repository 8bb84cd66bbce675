//! Real registries, crane and tar judge what the program fetches and stores.

use std::{
    collections::BTreeMap,
    fs,
    os::unix::fs::{FileTypeExt as _, MetadataExt as _},
    path::Path,
};

use serde_json::json;
use tempfile::TempDir;
use trireme_peers::{Registry, Tool};

use crate::program::Program;

fn crane(args: &[&str]) -> String {
    let crane = Tool::new("crane").expect("crane");
    let output = crane.args(args).succeed().expect("crane succeeds");
    output.trim().to_owned()
}

/// Stores an image of one layer, the tar archive of `folder`.
fn append(folder: &Path, reference: &str) {
    let temporary = tempfile::tempdir().expect("a folder");
    let layer = temporary.path().join("layer.tar");
    let (layer, folder) = (layer.to_string_lossy(), folder.to_string_lossy());
    let tar = Tool::system("tar").args(["-C", &folder, "--numeric-owner", "-cf", &layer, "."]);
    tar.succeed().expect("tar succeeds");
    crane(&["append", "-f", &layer, "-t", reference]);
}

/// What a file is, without its name.
#[derive(Debug, PartialEq, Eq)]
struct Facts {
    mode: u32,
    owner: (u32, u32),
    content: String,
    links: u64,
}

/// Everything below `root` but device nodes and pipes, which containers get from their runtime.
fn facts(root: &Path) -> BTreeMap<String, Facts> {
    let mut found = BTreeMap::new();
    let mut waiting = vec![root.to_owned()];
    while let Some(path) = waiting.pop() {
        let metadata = fs::symlink_metadata(&path).expect("it is there");
        let kind = metadata.file_type();
        if kind.is_char_device() || kind.is_block_device() || kind.is_fifo() {
            continue;
        }
        let content = if kind.is_symlink() {
            fs::read_link(&path).expect("a link").display().to_string()
        } else if kind.is_dir() {
            let children = fs::read_dir(&path).expect("a folder");
            waiting.extend(children.map(|child| child.expect("an entry").path()));
            "folder".into()
        } else {
            trireme_registry::digest_of(&fs::read(&path).expect("a file"))
        };
        let facts = Facts {
            mode: metadata.mode(),
            owner: (metadata.uid(), metadata.gid()),
            content,
            links: if kind.is_dir() { 0 } else { metadata.nlink() },
        };
        let name = path.strip_prefix(root).expect("below it").display();
        found.insert(name.to_string(), facts);
    }
    found
}

fn small_folder() -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    fs::create_dir(folder.path().join("etc")).expect("a folder");
    fs::write(folder.path().join("etc/motd"), "hello").expect("a file");
    folder
}

fn empty() -> TempDir {
    tempfile::tempdir().expect("a folder")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_debian_root_file_system_comes_out_as_tar_unpacks_it() {
    let registry = Registry::distribution().expect("a registry");
    let rootfs = trireme_peers::cache().join("rootfs");
    let repository = format!("{}/debian", registry.host());
    append(&rootfs, &format!("{repository}:1"));
    let source = json!({"repository": repository, "tag": "1"});
    let check = Program::check(&source, None).await.succeed();
    let get = Program::get(&source, &check[0], &json!({})).await;
    get.succeed();
    let expected = empty();
    let archive = expected.path().join("export.tar");
    crane(&[
        "export",
        &format!("{repository}:1"),
        &archive.to_string_lossy(),
    ]);
    let root = expected.path().join("root");
    fs::create_dir(&root).expect("a folder");
    let (archive, root_name) = (archive.to_string_lossy(), root.to_string_lossy());
    let tar = Tool::system("tar").args(["-C", &root_name, "--numeric-owner", "-xpf", &archive]);
    tar.succeed().expect("tar succeeds");
    let (mut ours, mut theirs) = (facts(&get.dir().join("rootfs")), facts(&root));
    // The root itself is no entry of an export.
    ours.remove("");
    theirs.remove("");
    assert!(theirs.len() > 5000, "the root file system is whole");
    let differing = theirs
        .iter()
        .find(|(name, facts)| ours.get(*name) != Some(*facts));
    assert_eq!(
        differing.map(|(name, facts)| (name, facts, ours.get(name))),
        None
    );
    assert_eq!(ours.len(), theirs.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_index_passes_through_a_layout_byte_for_byte() {
    let registry = Registry::distribution().expect("a registry");
    let host = registry.host();
    let (one, two, index) = (
        format!("{host}/one:1"),
        format!("{host}/two:1"),
        format!("{host}/both:1"),
    );
    append(small_folder().path(), &one);
    append(small_folder().path(), &two);
    crane(&["index", "append", "-m", &one, "-m", &two, "-t", &index]);
    let digest = crane(&["digest", &index]);
    let source = json!({"repository": format!("{host}/both"), "tag": "1"});
    let version = json!({"tag": "1", "digest": digest});
    let saved = Program::get(&source, &version, &json!({"format": "oci-layout"})).await;
    saved.succeed();
    let build = empty();
    let (layout, archive) = (saved.dir().join("oci"), build.path().join("image.tar"));
    let (layout_name, archive_name) = (layout.to_string_lossy(), archive.to_string_lossy());
    let tar = Tool::system("tar").args(["-C", &layout_name, "-cf", &archive_name, "."]);
    tar.succeed().expect("tar succeeds");
    fs::rename(&layout, build.path().join("oci")).expect("moved");
    fs::write(build.path().join("tags"), "x y\n").expect("written");
    for (number, image) in ["image.tar", "oci"].iter().enumerate() {
        let target = format!("{host}/again{number}");
        let params = json!({"image": image, "tag": "2", "additional_tags": "tags"});
        let input = empty();
        fs::write(input.path().join("tags"), "x y\n").expect("written");
        let from = build.path().join(image);
        fs::rename(&from, input.path().join(image)).expect("moved");
        let put = Program::put(&json!({"repository": target}), &params, input).await;
        assert_eq!(
            put.succeed()["version"],
            json!({"tag": "2", "digest": digest})
        );
        for tag in ["2", "x", "y"] {
            assert_eq!(crane(&["digest", &format!("{target}:{tag}")]), digest);
        }
        crane(&["validate", "--remote", &format!("{target}:2")]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_between_registries_keeps_the_digest() {
    let from = Registry::distribution().expect("a registry");
    let to = Registry::referrers().expect("another registry");
    let origin = format!("{}/app", from.host());
    append(small_folder().path(), &format!("{origin}:1"));
    let digest = crane(&["digest", &format!("{origin}:1")]);
    for host in [to.host(), from.host()] {
        let source = json!({"repository": format!("{host}/mirror/app")});
        let params = json!({"from": {"repository": origin, "tag": "1"}});
        let put = Program::put(&source, &params, empty()).await;
        let version = json!({"tag": "1", "digest": digest});
        assert_eq!(put.succeed()["version"], version);
        crane(&["validate", "--remote", &format!("{host}/mirror/app:1")]);
        let again = Program::put(&source, &params, empty()).await;
        assert_eq!(again.succeed()["version"], version, "a put may be repeated");
        let check = Program::check(&source, Some(&version)).await;
        assert_eq!(check.succeed(), json!([version]));
    }
}
