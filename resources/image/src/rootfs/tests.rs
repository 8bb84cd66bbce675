//! Layers, honest and hostile, applied to a folder.

use std::{fs, os::unix::fs::PermissionsExt as _};

use tar::{Builder, EntryType, Header};

use super::*;

mod hostile;
mod kept;

/// Builds a layer entry by entry; the names are written as they are, however bad.
struct Layer(Builder<Vec<u8>>);

impl Layer {
    fn new() -> Self {
        Self(Builder::new(Vec::new()))
    }

    fn add(mut self, kind: EntryType, name: &str, mode: u32, link: &str, content: &str) -> Self {
        let mut header = Header::new_gnu();
        header.set_entry_type(kind);
        header.set_mode(mode);
        header.set_uid(0);
        header.set_gid(0);
        header.set_mtime(1_000_000_000);
        header.set_size(content.len() as u64);
        let gnu = header.as_gnu_mut().unwrap();
        gnu.name[..name.len()].copy_from_slice(name.as_bytes());
        gnu.linkname[..link.len()].copy_from_slice(link.as_bytes());
        header.set_cksum();
        self.0.append(&header, content.as_bytes()).unwrap();
        self
    }

    fn file(self, name: &str, content: &str) -> Self {
        self.add(EntryType::Regular, name, 0o644, "", content)
    }

    fn folder(self, name: &str, mode: u32) -> Self {
        self.add(EntryType::Directory, name, mode, "", "")
    }

    fn symlink(self, name: &str, target: &str) -> Self {
        self.add(EntryType::Symlink, name, 0o777, target, "")
    }

    fn hard_link(self, name: &str, target: &str) -> Self {
        self.add(EntryType::Link, name, 0o644, target, "")
    }

    fn bytes(self) -> Vec<u8> {
        self.0.into_inner().unwrap()
    }
}

/// A folder with a `rootfs` in it and a file beside it that nothing may touch.
struct Case {
    dir: tempfile::TempDir,
}

impl Case {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("rootfs")).unwrap();
        fs::write(dir.path().join("outside"), "untouched").unwrap();
        Self { dir }
    }

    fn apply(&self, layers: impl IntoIterator<Item = Layer>) -> Result<Unpacked, LayerError> {
        let mut applier = Applier::new(Root::new(self.dir.path().join("rootfs")), 1000);
        for layer in layers {
            applier.layer(layer.bytes().as_slice())?;
        }
        applier.finish()
    }

    fn read(&self, name: &str) -> Option<String> {
        fs::read_to_string(self.dir.path().join("rootfs").join(name)).ok()
    }

    fn mode(&self, name: &str) -> u32 {
        let path = self.dir.path().join("rootfs").join(name);
        fs::metadata(path).unwrap().permissions().mode() & 0o7777
    }
}

#[test]
fn layers_cover_hide_and_keep() {
    let case = Case::new();
    let lower = Layer::new()
        .folder("etc/", 0o755)
        .file("etc/a", "1")
        .file("etc/b", "1")
        .folder("opt/", 0o700)
        .file("opt/old", "1");
    let upper = Layer::new()
        .file("etc/a", "2")
        .file("etc/.wh.b", "")
        .file("opt/new", "2")
        .file("opt/.wh..wh..opq", "");
    case.apply([lower, upper]).unwrap();
    assert_eq!(case.read("etc/a").as_deref(), Some("2"));
    assert_eq!(case.read("etc/b"), None);
    assert_eq!(
        case.read("opt/old"),
        None,
        "an opaque folder shows what lies below"
    );
    assert_eq!(case.read("opt/new").as_deref(), Some("2"));
    assert_eq!(case.mode("opt"), 0o700);
}

#[test]
fn marks_hide_what_lies_below_and_nothing_of_their_own_layer() {
    let case = Case::new();
    let lower = Layer::new()
        .file("a/b/old", "1")
        .file("c/old", "1")
        .file("d", "1");
    let upper = Layer::new()
        .file("a/b/new", "2")
        .file("a/.wh..wh..opq", "")
        .file("c/new", "2")
        .file(".wh.c", "")
        .file("d", "2")
        .file(".wh.d", "");
    case.apply([lower, upper]).unwrap();
    for hidden in ["a/b/old", "c/old"] {
        assert_eq!(case.read(hidden), None, "{hidden}");
    }
    for kept in ["a/b/new", "c/new", "d"] {
        assert_eq!(case.read(kept).as_deref(), Some("2"), "{kept}");
    }
}

#[test]
fn an_endless_name_is_refused_before_it_fills_the_memory() {
    let name = "x".repeat(2 * 1024 * 1024);
    let layer = Layer::new().add(EntryType::GNULongName, "././@LongLink", 0, "", &name);
    let error = Case::new().apply([layer.file("a", "")]).unwrap_err();
    assert!(format!("{error:?}").contains("headers"), "{error:?}");
}

#[test]
fn modes_links_and_times_are_kept() {
    let case = Case::new();
    let layer = Layer::new()
        .add(EntryType::Regular, "bin/su", 0o4755, "", "x")
        .hard_link("bin/su2", "bin/su")
        .folder("ro", 0o555)
        .file("ro/file", "x")
        .symlink("sbin", "bin");
    let upper = Layer::new().file("sbin/through", "y");
    let unpacked = case.apply([layer, upper]).unwrap();
    assert_eq!(
        (case.mode("bin/su"), case.mode("bin/su2"), case.mode("ro")),
        (0o4755, 0o4755, 0o555)
    );
    assert_eq!(
        case.read("bin/through").as_deref(),
        Some("y"),
        "a link to a folder was replaced"
    );
    assert_eq!(
        unpacked,
        Unpacked {
            files: 5,
            bytes: 3,
            devices: 0
        }
    );
    let modified = fs::metadata(case.dir.path().join("rootfs/bin/su"))
        .unwrap()
        .modified()
        .unwrap();
    let seconds = modified
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap()
        .as_secs();
    assert_eq!(seconds, 1_000_000_000);
}

/// kaniko writes an entry for the root and absolute targets of hard links, ko and distroless absolute names.
#[test]
fn absolute_names_start_at_the_root_of_the_image() {
    let case = Case::new();
    let layer = Layer::new()
        .folder("/", 0o755)
        .folder("./", 0o755)
        .file("/ko-app/server", "x")
        .hard_link("ko-app/linked", "/ko-app/server")
        .symlink("/usr/bin/python", "/ko-app/server")
        .file("/outside", "y");
    let upper = Layer::new().file("/ko-app/.wh.server", "");
    case.apply([layer, upper]).unwrap();
    assert_eq!(case.read("ko-app/linked").as_deref(), Some("x"));
    assert_eq!(case.read("ko-app/server"), None, "the mark hides it");
    let link = fs::read_link(case.dir.path().join("rootfs/usr/bin/python")).unwrap();
    assert_eq!(link, Path::new("/ko-app/server"));
    let outside = fs::read_to_string(case.dir.path().join("outside")).unwrap();
    assert_eq!(outside, "untouched");
    // A target that the image does not have is not that of the machine.
    let missing = Layer::new().hard_link("a", "/etc/passwd");
    let error = Case::new().apply([missing]).unwrap_err();
    assert!(!error.is_of_this_machine(), "{error}");
}

#[test]
fn nothing_is_written_outside() {
    let hostile = [
        Layer::new().file("../outside", "x"),
        Layer::new().file("a/../../outside", "x"),
        Layer::new().file("/../outside", "x"),
        Layer::new().hard_link("a", "../outside"),
        Layer::new().hard_link("a", "/../outside"),
        Layer::new().file(".wh...", ""),
        Layer::new().file("a/.wh..", ""),
    ];
    for layer in hostile {
        let case = Case::new();
        let error = case.apply([layer]).unwrap_err();
        assert!(matches!(error, LayerError::Hostile { .. }), "{error}");
        assert_eq!(
            fs::read_to_string(case.dir.path().join("outside")).unwrap(),
            "untouched"
        );
    }
}

#[test]
fn links_that_lead_out_are_followed_inside() {
    let case = Case::new();
    let up = Layer::new().symlink("up", "..").file("up/outside", "x");
    let absolute = Layer::new().symlink("abs", "/").file("abs/outside2", "x");
    case.apply([up, absolute]).unwrap();
    assert_eq!(
        fs::read_to_string(case.dir.path().join("outside")).unwrap(),
        "untouched"
    );
    assert_eq!(case.read("outside").as_deref(), Some("x"));
    assert_eq!(case.read("outside2").as_deref(), Some("x"));
}

#[test]
fn a_file_over_a_link_replaces_the_link_and_not_its_target() {
    let case = Case::new();
    let target = case.dir.path().join("outside").display().to_string();
    case.apply([Layer::new().symlink("a", &target).file("a", "x")])
        .unwrap();
    assert_eq!(case.read("a").as_deref(), Some("x"));
    assert_eq!(
        fs::read_to_string(case.dir.path().join("outside")).unwrap(),
        "untouched"
    );
}

/// What it is does not matter, only its name.
#[test]
fn a_mark_may_be_a_hard_link() {
    let case = Case::new();
    let lower = Layer::new().file("tmp/key", "x").file("tmp/repo", "y");
    let upper = Layer::new().hard_link("tmp/.wh.key", "tmp/repo");
    case.apply([lower, upper]).unwrap();
    assert_eq!(case.read("tmp/key"), None);
    assert_eq!(case.read("tmp/repo").as_deref(), Some("y"));
}

#[test]
fn a_bomb_and_a_cut_archive_are_refused() {
    let bomb = Layer::new()
        .file("a", &"x".repeat(900))
        .file("b", &"x".repeat(900));
    let error = Case::new().apply([bomb]).unwrap_err();
    assert!(
        matches!(error, LayerError::TooLarge { limit_bytes: 1000 }),
        "{error}"
    );

    let bytes = Layer::new().file("a", &"x".repeat(900)).bytes();
    let case = Case::new();
    let mut applier = Applier::new(Root::new(case.dir.path().join("rootfs")), 1000);
    assert!(applier.layer(&bytes[..1000]).is_err());
}

#[test]
fn what_an_image_asks_for_and_no_machine_can_do_is_the_fault_of_the_image() {
    let layers = [
        Layer::new().file("a", "1").file("a/b", "2"),
        Layer::new().folder("a", 0o755).hard_link("b", "a"),
    ];
    for layer in layers {
        let error = Case::new().apply([layer]).unwrap_err();
        assert!(!error.is_of_this_machine(), "{error}");
    }
    let long = "a".repeat(5000);
    let mut layer = Layer::new();
    let mut header = Header::new_gnu();
    header.set_size(0);
    layer.0.append_data(&mut header, long, &b""[..]).unwrap();
    let error = Case::new().apply([layer]).unwrap_err();
    assert!(!error.is_of_this_machine(), "{error}");
}

/// Its header names another file, and its content begins with a map.
#[test]
fn a_sparse_file_in_pax_headers_is_refused_and_not_written_as_it_lies() {
    let mut layer = Layer::new();
    let extensions = [("GNU.sparse.major", &b"1"[..]), ("GNU.sparse.name", b"big")];
    layer.0.append_pax_extensions(extensions).unwrap();
    let layer = layer.file("GNUSparseFile.0/big", "0\n");
    let error = Case::new().apply([layer]).unwrap_err();
    assert!(matches!(error, LayerError::Hostile { .. }), "{error}");
}

/// Which of two names it has depends on who reads it.
#[test]
fn two_names_in_one_pax_header_are_refused() {
    let mut layer = Layer::new();
    let names = [("path", &b"etc/one"[..]), ("path", b"etc/two")];
    layer.0.append_pax_extensions(names).unwrap();
    let layer = layer.file("etc/three", "0\n");
    let error = Case::new().apply([layer]).unwrap_err();
    assert!(
        error.to_string().contains("says something twice"),
        "{error}"
    );
    assert!(matches!(error, LayerError::Hostile { .. }), "{error}");
}
