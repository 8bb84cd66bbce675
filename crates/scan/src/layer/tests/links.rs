//! Names that lead through symlinks, and second names.

use super::*;

const ELF: &[u8] = b"\x7fELF\x02";

/// One layer of several archives.
fn joined(archives: &[Vec<u8>]) -> Vec<u8> {
    let entries = archives
        .iter()
        .flat_map(|archive| &archive[..archive.len() - 1024]);
    entries.copied().chain([0; 1024]).collect()
}

fn symlink(path: &str, target: &str) -> Vec<u8> {
    link(path, target, EntryType::Symlink)
}

fn hard_link(path: &str, target: &str) -> Vec<u8> {
    link(path, target, EntryType::Link)
}

fn found(layers: &[Vec<u8>]) -> Vec<(String, UncataloguedKind)> {
    uncatalogued(&files(layers))
}

fn one(path: &str, kind: UncataloguedKind) -> Vec<(String, UncataloguedKind)> {
    vec![(path.to_owned(), kind)]
}

#[test]
fn a_program_that_was_stored_through_a_link_stays_when_the_link_goes() {
    for target in ["a", "/a", "./a/../a", "c/../../a"] {
        let base = [symlink("b", target), tar_of(&[("b/evil", ELF)])];
        let layers = [joined(&base), tar_of(&[(".wh.b", b"")])];
        assert_eq!(
            found(&layers),
            one("a/evil", UncataloguedKind::Program),
            "{target}"
        );
    }
}

#[test]
fn a_hard_link_finds_its_program_through_a_link() {
    let base = joined(&[
        tar_of(&[("usr/bin/x", ELF)]),
        symlink("bin", "usr/bin"),
        hard_link("app", "bin/x"),
    ]);
    let layers = [base, tar_of(&[("usr/bin/.wh.x", b"")])];
    assert_eq!(found(&layers), one("app", UncataloguedKind::Program));
}

#[test]
fn package_data_is_found_through_a_link() {
    let layer = joined(&[
        symlink("bin", "etc"),
        tar_of(&[("bin/os-release", b"ID=x")]),
    ]);
    assert_eq!(
        files(&[layer]).content("etc/os-release"),
        Some(&b"ID=x"[..])
    );
}

#[test]
fn a_hard_link_to_what_is_not_known_is_not_examined() {
    let expected = one("app", UncataloguedKind::HardLink);
    assert_eq!(found(&[hard_link("app", "bin/x")]), expected);
    let base = joined(&[tar_of(&[("z/x", b"text")]), symlink("c", "z")]);
    assert_eq!(found(&[base, hard_link("app", "c/x")]), expected);
    let text = joined(&[tar_of(&[("x", b"text")]), hard_link("app", "x")]);
    assert!(found(&[text]).is_empty());
}

/// The link is the same one as its second name: what is stored through either lies in the folder.
#[test]
fn a_hard_link_to_a_link_is_a_link() {
    let layer = joined(&[
        symlink("b", "/a"),
        hard_link("c", "b"),
        tar_of(&[("c/evil", ELF)]),
    ]);
    assert_eq!(found(&[layer]), one("a/evil", UncataloguedKind::Program));
}

/// Where the layer is unpacked into a folder of its own (overlayfs), there is no link to follow.
#[test]
fn what_was_stored_through_a_link_of_a_layer_below_is_not_examined_whatever_comes_later() {
    let base = symlink("b", "a");
    let gone = tar_of(&[(".wh.b", b""), (".wh.a", b"")]);
    for stored in [tar_of(&[("b/x", ELF)]), symlink("b/x", "y")] {
        let layers = [base.clone(), stored, gone.clone()];
        assert_eq!(found(&layers), one("b/x", UncataloguedKind::BehindLink));
    }
    let text = tar_of(&[("b/x", b"text")]);
    assert!(found(&[base.clone(), text]).is_empty());
    let folder = [tar_of(&[("b/", b""), ("b/x", ELF)])];
    assert_eq!(
        found(&[base, joined(&folder)]),
        one("b/x", UncataloguedKind::Program)
    );
}

#[test]
fn links_that_go_round_in_a_circle_are_an_error() {
    let layer = joined(&[
        symlink("a", "b"),
        symlink("b", "a"),
        tar_of(&[("a/x", ELF)]),
    ]);
    let error = Layers::new().apply(&layer[..]).unwrap_err();
    assert!(format!("{error:?}").contains("circle"), "{error:?}");
}

/// Nothing can be unpacked there, and each part of it costs a look at all links.
#[test]
fn a_name_that_is_longer_than_linux_allows_is_an_error() {
    let long = "a/".repeat(2100) + "x";
    for layer in [symlink("b", &long), symlink(&long, "b")] {
        let error = Layers::new().apply(&layer[..]).unwrap_err();
        let text = format!("{error:?}");
        assert!(text.contains("more than 4096 bytes"), "{text}");
    }
}
