//! What of a layer is kept: times, pipes, and not device nodes.

use super::*;

/// Seconds and nanoseconds of the last change; of a link itself.
fn modified(case: &Case, name: &str) -> (i64, i64) {
    use std::os::unix::fs::MetadataExt as _;
    let found = fs::symlink_metadata(case.dir.path().join("rootfs").join(name)).unwrap();
    (found.mtime(), found.mtime_nsec())
}

#[test]
fn times_of_folders_and_links_and_parts_of_a_second_are_kept() {
    let case = Case::new();
    let mut layer = Layer::new().folder("etc", 0o755).folder("etc/deep", 0o500);
    let precise = [("mtime", &b"1700000000.25"[..])];
    layer.0.append_pax_extensions(precise).unwrap();
    let layer = layer.file("etc/deep/file", "x").symlink("etc/link", "deep");
    let upper = Layer::new()
        .file("etc/deep/new", "y")
        .file("etc/.wh.link", "");
    case.apply([layer, upper]).unwrap();
    assert_eq!(
        modified(&case, "etc/deep/file"),
        (1_700_000_000, 250_000_000)
    );
    for name in ["etc", "etc/deep", "etc/deep/new"] {
        assert_eq!(modified(&case, name), (1_000_000_000, 0), "{name}");
    }
    let case = Case::new();
    case.apply([Layer::new().symlink("link", "nowhere")])
        .unwrap();
    assert_eq!(modified(&case, "link"), (1_000_000_000, 0));
}

#[test]
fn a_named_pipe_is_kept() {
    use std::os::unix::fs::FileTypeExt as _;
    let case = Case::new();
    let pipe = Layer::new().add(EntryType::Fifo, "run/pipe", 0o622, "", "");
    let again = Layer::new()
        .file("a", "")
        .add(EntryType::Fifo, "a", 0o600, "", "");
    let unpacked = case.apply([pipe, again]).unwrap();
    assert_eq!((unpacked.files, unpacked.devices), (3, 0));
    for name in ["run/pipe", "a"] {
        let found = fs::symlink_metadata(case.dir.path().join("rootfs").join(name)).unwrap();
        assert!(found.file_type().is_fifo(), "{name}");
    }
    assert_eq!(case.mode("run/pipe"), 0o622);
    assert_eq!(modified(&case, "run/pipe"), (1_000_000_000, 0));
}

#[test]
fn device_nodes_are_left_out_and_counted() {
    let case = Case::new();
    let layer = Layer::new()
        .add(EntryType::Char, "dev/null", 0o666, "", "")
        .add(EntryType::Block, "dev/sda", 0o660, "", "")
        .file("dev/other", "x");
    let unpacked = case.apply([layer]).unwrap();
    assert_eq!(
        unpacked,
        Unpacked {
            files: 1,
            bytes: 1,
            devices: 2
        }
    );
    assert!(!case.dir.path().join("rootfs/dev/sda").exists());
}

#[test]
fn a_hard_link_to_a_device_node_is_left_out_with_it() {
    let case = Case::new();
    let lower = Layer::new().add(EntryType::Block, "dev/sda", 0o660, "", "");
    let upper = Layer::new()
        .hard_link("dev/disk", "/dev/sda")
        .hard_link("dev/again", "dev/disk")
        .file("dev/other", "x")
        .hard_link("dev/linked", "dev/other");
    let unpacked = case.apply([lower, upper]).unwrap();
    assert_eq!((unpacked.files, unpacked.devices), (2, 3));
    assert_eq!(case.read("dev/linked").as_deref(), Some("x"));
    assert!(!case.dir.path().join("rootfs/dev/disk").exists());
}

/// A device covers what lower layers have at its path, as any other file does: a scan says that it is gone.
#[test]
fn what_is_left_out_covers_what_a_lower_layer_has_there() {
    let case = Case::new();
    let lower = Layer::new()
        .file("dev/null", "stale")
        .file("dev/linked", "stale")
        .file("opt/folder/below", "stale");
    let upper = Layer::new()
        .add(EntryType::Char, "dev/null", 0o666, "", "")
        .hard_link("dev/linked", "dev/null")
        .hard_link("dev/later", "dev/linked")
        .add(EntryType::Block, "opt/folder", 0o660, "", "");
    let unpacked = case.apply([lower, upper]).unwrap();
    for gone in ["dev/null", "dev/linked", "dev/later", "opt/folder/below"] {
        assert_eq!(case.read(gone), None, "{gone}");
    }
    assert_eq!(unpacked.devices, 4);
}

/// Such an archive has no types: the name of a folder ends with `/`.
#[test]
fn a_folder_of_the_oldest_archives_is_a_folder() {
    let case = Case::new();
    let mut layer = Layer::new();
    let mut header = Header::new_old();
    header.set_path("etc/").unwrap();
    header.as_old_mut().linkflag = [0];
    header.set_mode(0o750);
    header.set_size(0);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(1);
    header.set_cksum();
    layer.0.append(&header, std::io::empty()).unwrap();
    case.apply([layer.file("etc/motd", "x")]).unwrap();
    assert_eq!(case.read("etc/motd").as_deref(), Some("x"));
    assert_eq!(case.mode("etc"), 0o750);
}
