//! Layers that no honest tool makes: refused, or applied as a container would see them, and never more than that.

use std::{ffi::OsStr, os::unix::ffi::OsStrExt as _};

use super::*;

/// Names that are no text.
const LATIN: &[u8] = b"caf\xe9";

fn header(kind: EntryType, name: &[u8], size: u64) -> Header {
    let mut header = Header::new_gnu();
    header.set_entry_type(kind);
    header.set_mode(0o644);
    header.set_size(size);
    let gnu = header.as_gnu_mut().unwrap();
    gnu.name[..name.len()].copy_from_slice(name);
    header.set_cksum();
    header
}

impl Layer {
    /// An entry whose header and content need not fit each other.
    fn raw(mut self, header: &Header, content: &[u8]) -> Self {
        let bytes = self.0.get_mut();
        bytes.extend_from_slice(header.as_bytes());
        bytes.extend_from_slice(content);
        bytes.resize(bytes.len().next_multiple_of(512), 0);
        self
    }

    /// A folder, and a link to it.
    fn way(mut self, folder: &str, link: &str) -> Self {
        let mut header = Header::new_gnu();
        header.set_entry_type(EntryType::Directory);
        header.set_size(0);
        header.set_mode(0o755);
        self.0.append_data(&mut header, folder, &b""[..]).unwrap();
        header.set_entry_type(EntryType::Symlink);
        self.0.append_link(&mut header, link, folder).unwrap();
        self
    }

    /// A file whose name may be as long as it wants.
    fn long(mut self, name: &str) -> Self {
        let mut header = Header::new_gnu();
        header.set_size(0);
        header.set_mode(0o644);
        self.0.append_data(&mut header, name, &b""[..]).unwrap();
        self
    }
}

impl Case {
    fn outside(&self) -> String {
        fs::read_to_string(self.dir.path().join("outside")).unwrap()
    }
}

/// The error, which is the image's fault.
fn refused(layers: impl IntoIterator<Item = Layer>) -> LayerError {
    let case = Case::new();
    let error = case.apply(layers).unwrap_err();
    assert!(!error.is_of_this_machine(), "{error:?}");
    assert_eq!(case.outside(), "untouched");
    error
}

#[test]
fn what_has_no_content_and_says_that_it_has_is_refused() {
    // Behind it, where some readers look for the next header and others for its content.
    let hidden = header(EntryType::Regular, b"hidden", 0);
    for kind in [
        EntryType::Directory,
        EntryType::Symlink,
        EntryType::Link,
        EntryType::Char,
        EntryType::Fifo,
    ] {
        let outer = header(kind, b"outer", 512);
        let error = refused([Layer::new().raw(&outer, hidden.as_bytes())]);
        assert!(matches!(error, LayerError::Hostile { .. }), "{error}");
    }
}

#[test]
fn sizes_that_lie_are_refused() {
    for size in [1001, 1 << 40, u64::MAX] {
        let large = header(EntryType::Regular, b"a", size);
        refused([Layer::new().raw(&large, b"few")]);
    }
    // Its end is where the archive ends, and before its own.
    let case = Case::new();
    let short = Layer::new().raw(&header(EntryType::Regular, b"a", 900), b"few");
    let mut applier = Applier::new(Root::new(case.dir.path().join("rootfs")), 1000);
    let error = applier.layer(&short.bytes()[..1024]).unwrap_err();
    assert!(matches!(error, LayerError::Read(_)), "{error}");
}

/// A mark, or a comment on the archive, is not written, but has to be read.
#[test]
fn what_is_left_out_counts_to_the_limit() {
    for (kind, name) in [
        (EntryType::Regular, ".wh.a"),
        (EntryType::XGlobalHeader, "pax_global_header"),
    ] {
        let bomb = Layer::new().add(kind, name, 0o644, "", &"0".repeat(2000));
        let error = refused([bomb]);
        assert!(matches!(error, LayerError::TooLarge { .. }), "{error}");
    }
}

#[test]
fn a_sparse_file_counts_with_its_holes() {
    let mut header = Header::new_gnu();
    header.set_entry_type(EntryType::GNUSparse);
    header.set_size(0);
    let gnu = header.as_gnu_mut().unwrap();
    gnu.name[..4].copy_from_slice(b"hole");
    gnu.set_real_size(1 << 40);
    gnu.sparse[0].set_offset(1 << 40);
    gnu.sparse[0].set_length(0);
    header.set_cksum();
    let error = refused([Layer::new().raw(&header, b"")]);
    assert!(matches!(error, LayerError::TooLarge { .. }), "{error}");
}

#[test]
fn a_comment_on_the_archive_renames_nothing() {
    let mut layer = Layer::new();
    let comment = "23 path=../../outside\n";
    layer = layer.add(EntryType::XGlobalHeader, "outside", 0o644, "", comment);
    let case = Case::new();
    case.apply([layer.file("a", "1")]).unwrap();
    assert_eq!(case.read("a").as_deref(), Some("1"));
    assert_eq!(
        (case.read("outside"), case.outside().as_str()),
        (None, "untouched")
    );
}

#[test]
fn names_that_are_no_text_are_kept_and_hidden_byte_by_byte() {
    let case = Case::new();
    let lower = Layer::new().raw(&header(EntryType::Regular, LATIN, 0), b"");
    let other = header(EntryType::Regular, b"caf\xe8", 0);
    case.apply([lower.raw(&other, b"")]).unwrap();
    let exists = |name: &[u8]| {
        let name = OsStr::from_bytes(name);
        case.dir.path().join("rootfs").join(name).exists()
    };
    assert!(exists(LATIN) && exists(b"caf\xe8"));
    let mark = [b".wh.", LATIN].concat();
    case.apply([Layer::new().raw(&header(EntryType::Regular, &mark, 0), b"")])
        .unwrap();
    assert!(!exists(LATIN) && exists(b"caf\xe8"));
}

#[test]
fn marks_where_nothing_is_hide_nothing() {
    let case = Case::new();
    let layer = Layer::new()
        .file("a/.wh.b", "")
        .file("c/.wh..wh..opq", "")
        .add(EntryType::Char, "null", 0o666, "", "")
        .file(".wh.null", "")
        .file("d", "1");
    case.apply([layer]).unwrap();
    assert_eq!(case.read("d").as_deref(), Some("1"));
}

#[test]
fn a_mark_of_an_opaque_root_leaves_what_its_own_layer_has() {
    let case = Case::new();
    let lower = Layer::new().file("old", "1").file("a/old", "1");
    let upper = Layer::new().file("new", "2").file(".wh..wh..opq", "");
    case.apply([lower, upper]).unwrap();
    assert_eq!((case.read("old"), case.read("a/old")), (None, None));
    assert_eq!(case.read("new").as_deref(), Some("2"));
    assert_eq!(case.outside(), "untouched");
}

#[test]
fn a_folder_that_became_a_file_has_no_children() {
    let lower = || Layer::new().folder("a", 0o755).file("a/b", "1");
    refused([lower(), Layer::new().file("a", "2").file("a/c", "3")]);
    let case = Case::new();
    let back = Layer::new().folder("a", 0o700).file("a/c", "3");
    case.apply([lower(), Layer::new().file("a", "2"), back])
        .unwrap();
    assert_eq!((case.read("a/b"), case.mode("a")), (None, 0o700));
    assert_eq!(case.read("a/c").as_deref(), Some("3"));
}

/// The way that was known a moment ago leads elsewhere now.
#[test]
fn a_folder_that_became_a_link_is_followed_inside() {
    let case = Case::new();
    let lower = Layer::new().file("a/b/c", "1").file("real/x", "1");
    let upper = Layer::new()
        .file("a/b/d", "2")
        .symlink("a/b", "../../../real")
        .file("a/b/e", "3");
    case.apply([lower, upper]).unwrap();
    assert_eq!(case.read("real/e").as_deref(), Some("3"));
    assert_eq!(case.read("a/b/d"), None);
    let entries = fs::read_dir(case.dir.path()).unwrap().count();
    assert_eq!(entries, 2, "rootfs and outside");
}

#[test]
fn a_hard_link_never_reaches_out() {
    let case = Case::new();
    let outside = case.dir.path().join("outside").display().to_string();
    let layer = Layer::new()
        .symlink("link", &outside)
        .hard_link("second", "link")
        .file("second", "x");
    case.apply([layer]).unwrap();
    assert_eq!(case.read("second").as_deref(), Some("x"));
    assert_eq!(case.outside(), "untouched");
    // Its way up ends at the root, where there is no such file.
    refused([Layer::new()
        .symlink("up", "..")
        .hard_link("a", "up/outside")]);
    refused([Layer::new()
        .symlink("abs", &outside)
        .hard_link("a", "abs/x")]);
}

#[test]
fn a_hard_link_that_is_replaced_leaves_the_file() {
    let case = Case::new();
    let layer = Layer::new()
        .file("a", "1")
        .hard_link("b", "a")
        .hard_link("a", "a")
        .file("b", "2");
    case.apply([layer]).unwrap();
    assert_eq!(case.read("a").as_deref(), Some("1"));
    assert_eq!(case.read("b").as_deref(), Some("2"));
}

#[test]
fn ways_that_are_too_long_are_the_fault_of_the_image() {
    let deep = "d/".repeat(10_000);
    for name in ["x".repeat(64 * 1024), deep.clone() + "x"] {
        refused([Layer::new().long(&name)]);
    }
    // In steps that are short enough, each through a link to where the last one ended.
    let step = "d/".repeat(900);
    let layer = Layer::new()
        .way(&step, "one")
        .way(&format!("one/{step}"), "two")
        .way(&format!("two/{step}"), "three");
    let error = refused([layer]);
    assert!(
        format!("{error:?}").contains("InvalidFilename"),
        "{error:?}"
    );
}
