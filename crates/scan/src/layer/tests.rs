mod links;
mod programs;

use std::io::Write as _;

use super::*;

fn tar_of(entries: &[(&str, &[u8])]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for (path, content) in entries {
        let mut header = tar::Header::new_gnu();
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        // Straight into the header: the builder refuses names such as `../x`, which a hostile layer has.
        header.as_gnu_mut().unwrap().name[..path.len()].copy_from_slice(path.as_bytes());
        header.set_cksum();
        builder.append(&header, *content).unwrap();
    }
    builder.into_inner().unwrap()
}

fn link(path: &str, target: &str, kind: EntryType) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_gnu();
    header.set_entry_type(kind);
    header.set_size(0);
    builder.append_link(&mut header, path, target).unwrap();
    builder.into_inner().unwrap()
}

fn files(layers: &[Vec<u8>]) -> Files {
    let mut all = Layers::new();
    layers
        .iter()
        .for_each(|layer| all.apply(&layer[..]).unwrap());
    all.finish()
}

const STATUS: &str = "var/lib/dpkg/status";

/// What is not read, and the programs, which say nothing in these tests.
fn uncatalogued(files: &Files) -> Vec<(String, UncataloguedKind)> {
    let unread = files.uncatalogued().map(|file| (file.path, file.kind));
    let programs = files.programs();
    let programs = programs.map(|(path, _)| (path.to_owned(), UncataloguedKind::Program));
    let mut all: Vec<_> = unread.chain(programs).collect();
    all.sort();
    all
}

#[test]
fn the_last_layer_wins() {
    let result = files(&[
        tar_of(&[(STATUS, b"old")]),
        tar_of(&[("./var/lib/dpkg/status", b"new")]),
    ]);
    assert_eq!(result.content(STATUS), Some(&b"new"[..]));
}

#[test]
fn whiteouts_take_away_what_is_below_and_nothing_of_their_own_layer() {
    let base = tar_of(&[(STATUS, b"old"), ("opt/app.jar", b"PK")]);
    for whiteout in [
        "var/lib/dpkg/.wh.status",
        "var/lib/.wh.dpkg",
        "var/lib/dpkg/.wh..wh..opq",
        ".wh.var",
    ] {
        let gone = files(&[base.clone(), tar_of(&[(whiteout, b"")])]);
        assert_eq!(gone.content(STATUS), None, "{whiteout}");
        assert_eq!(
            gone.uncatalogued().count(),
            1,
            "{whiteout} took away too much"
        );
    }
    let replaced = files(&[
        base,
        tar_of(&[(STATUS, b"new"), ("var/lib/dpkg/.wh..wh..opq", b"")]),
    ]);
    assert_eq!(replaced.content(STATUS), Some(&b"new"[..]));
}

#[test]
fn a_mark_that_removes_its_own_folder_is_refused() {
    for hostile in ["var/.wh.", "var/.wh..", "var/.wh..."] {
        let layer = tar_of(&[(hostile, b"")]);
        let error = Layers::new().apply(&layer[..]).unwrap_err();
        assert!(format!("{error:?}").contains("its own folder"), "{error:?}");
    }
}

#[test]
fn a_file_or_link_in_the_place_of_a_folder_takes_the_folder_away() {
    let base = tar_of(&[(STATUS, b"old")]);
    assert_eq!(
        files(&[base.clone(), tar_of(&[("var/lib/dpkg", b"")])]).content(STATUS),
        None
    );
    let linked = files(&[
        base,
        link("var/lib/dpkg", "/opt/hidden", EntryType::Symlink),
    ]);
    assert_eq!(linked.content(STATUS), None);
    assert_eq!(
        uncatalogued(&linked),
        [("var/lib/dpkg".to_owned(), UncataloguedKind::LinkedDatabase)]
    );
}

#[test]
fn hard_links_are_second_names() {
    let base = tar_of(&[("usr/lib/os-release", b"ID=debian")]);
    let linked = files(&[
        base,
        link("etc/os-release", "usr/lib/os-release", EntryType::Link),
    ]);
    assert_eq!(linked.content("etc/os-release"), Some(&b"ID=debian"[..]));
}

#[test]
fn a_database_behind_a_link_is_named() {
    let linked = files(&[link(STATUS, "/opt/status", EntryType::Symlink)]);
    assert_eq!(
        uncatalogued(&linked),
        [(STATUS.to_owned(), UncataloguedKind::LinkedDatabase)]
    );
    assert!(uncatalogued(&files(&[link("lib", "usr/lib", EntryType::Symlink)])).is_empty());
}

#[test]
fn compressed_layers_are_told_by_their_first_bytes() {
    let plain = tar_of(&[(STATUS, b"content")]);
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(&plain).unwrap();
    let gzip = gzip.finish().unwrap();
    let zstd =
        ruzstd::encoding::compress_to_vec(&plain[..], ruzstd::encoding::CompressionLevel::Fastest);
    let padded = [&gzip[..], &[0; 512]].concat();
    for layer in [plain, gzip, padded, zstd] {
        assert_eq!(files(&[layer]).content(STATUS), Some(&b"content"[..]));
    }
}

#[test]
fn every_frame_of_a_zstd_layer_is_read() {
    let plain = tar_of(&[("first", &[1; 2000]), (STATUS, b"content")]);
    let skippable = [0x5a, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 9, 9, 9];
    let frame = |piece| {
        ruzstd::encoding::compress_to_vec(piece, ruzstd::encoding::CompressionLevel::Fastest)
    };
    let frames = plain
        .chunks(7)
        .map(|piece| [&skippable[..], &frame(piece)[..]].concat());
    let layer: Vec<u8> = frames.flatten().collect();
    assert_eq!(
        files(std::slice::from_ref(&layer)).content(STATUS),
        Some(&b"content"[..])
    );
    assert!(Layers::new().apply(&layer[..layer.len() - 1]).is_err());
}

#[test]
fn a_layer_that_is_cut_off_is_an_error_wherever_the_cut_is() {
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(&tar_of(&[(STATUS, &[7; 4000])])).unwrap();
    let whole = gzip.finish().unwrap();
    for cut in 4..whole.len() {
        assert!(
            Layers::new().apply(&whole[..cut]).is_err(),
            "cut at {cut} of {}",
            whole.len()
        );
    }
    assert!(Layers::new().apply(&whole[..]).is_ok());
}

#[test]
fn what_is_no_archive_is_an_error_that_says_what_was_expected() {
    let error = Layers::new()
        .apply(&b"<html>not here</html>".repeat(100)[..])
        .unwrap_err();
    assert!(
        error
            .to_string()
            .contains("layer 1: expected a tar archive"),
        "{error}"
    );
}

#[test]
fn databases_that_take_too_much_memory_together_are_refused() {
    let list = vec![b'x'; FILE_LIMIT_BYTES as usize];
    let names: Vec<_> = (0..5)
        .map(|n| format!("var/lib/dpkg/info/p{n}.list"))
        .collect();
    let entries: Vec<_> = names
        .iter()
        .map(|name| (name.as_str(), &list[..]))
        .collect();
    let error = Layers::new().apply(&tar_of(&entries)[..]).unwrap_err();
    assert!(
        matches!(
            error,
            ScanError::TooLarge {
                limit_bytes: RETAINED_LIMIT_BYTES,
                ..
            }
        ),
        "{error}"
    );
}

#[test]
fn names_that_climb_out_stay_inside() {
    let climbing = files(&[tar_of(&[
        ("../../var/lib/dpkg/status", b"up"),
        ("/etc/os-release", b"ID=x"),
    ])]);
    assert_eq!(climbing.content(STATUS), Some(&b"up"[..]));
    assert_eq!(climbing.content("etc/os-release"), Some(&b"ID=x"[..]));
}

#[test]
fn what_is_not_read_is_named() {
    let result = files(&[tar_of(&[
        ("app/node_modules/left-pad/package.json", b"{}"),
        ("opt/app.jar", b"PK"),
        ("usr/lib/python3/dist-packages/x-1.dist-info/METADATA", b""),
        ("usr/local/bin/script", b"#!/bin/sh"),
        ("var/lib/rpm/rpmdb.sqlite", b"SQLite"),
    ])]);
    let kinds: Vec<_> = result.uncatalogued().map(|file| file.kind).collect();
    let expected = [
        UncataloguedKind::Node,
        UncataloguedKind::Java,
        UncataloguedKind::Python,
        UncataloguedKind::Database,
    ];
    assert_eq!(kinds, expected);
}

/// The header of an entry of this kind whose content has `size` bytes.
fn header(path: &str, kind: EntryType, size: u64) -> Vec<u8> {
    let mut header = tar::Header::new_gnu();
    header.set_entry_type(kind);
    header.set_size(size);
    header.as_gnu_mut().unwrap().name[..path.len()].copy_from_slice(path.as_bytes());
    header.set_cksum();
    header.as_bytes().to_vec()
}

/// Where a container runtime looks for the next header, others look for content.
#[test]
fn what_has_no_content_and_says_that_it_has_is_an_error() {
    let hidden = tar_of(&[(STATUS, b"hidden")]);
    for kind in [EntryType::Directory, EntryType::Symlink, EntryType::Fifo] {
        let outer = header("outer", kind, hidden.len() as u64);
        let layer = [&outer[..], &hidden].concat();
        let error = Layers::new().apply(&layer[..]).unwrap_err();
        let text = format!("{error:?}");
        assert!(text.contains("says that it has content"), "{text}");
    }
}

/// A file without type, since such an archive has none; taken for a file it would hide what is below it.
#[test]
fn a_folder_of_the_oldest_archives_hides_nothing() {
    let base = tar_of(&[(STATUS, b"old")]);
    let result = files(&[base, tar_of(&[("var/lib/dpkg/", b"")])]);
    assert_eq!(result.content(STATUS), Some(&b"old"[..]));
}

#[test]
fn a_comment_on_the_archive_is_no_file() {
    let comment = b"30 path=var/lib/dpkg/status.d\n";
    let mut layer = header(STATUS, EntryType::XGlobalHeader, comment.len() as u64);
    layer.extend_from_slice(comment);
    layer.resize(1024, 0);
    let result = files(&[tar_of(&[(STATUS, b"old")]), layer]);
    assert_eq!(result.content(STATUS), Some(&b"old"[..]));
}

/// A file as `tar --sparse --format=pax` writes it: another name, and content that begins with a map.
fn sparse(path: &str) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    let extensions = [
        ("GNU.sparse.major", &b"1"[..]),
        ("GNU.sparse.name", path.as_bytes()),
    ];
    builder.append_pax_extensions(extensions).unwrap();
    let mut header = tar::Header::new_ustar();
    header.set_size(2);
    let name = format!("GNUSparseFile.0/{}", path.len());
    builder.append_data(&mut header, name, &b"0\n"[..]).unwrap();
    builder.into_inner().unwrap()
}

#[test]
fn a_sparse_file_is_known_by_its_true_name() {
    let error = Layers::new().apply(&sparse(STATUS)[..]).unwrap_err();
    assert!(format!("{error:?}").contains(STATUS), "{error:?}");
    let program = uncatalogued(&files(&[sparse("usr/bin/app")]));
    assert_eq!(
        program,
        [("usr/bin/app".to_owned(), UncataloguedKind::Program)]
    );
    let archive = uncatalogued(&files(&[sparse("opt/app.jar")]));
    assert_eq!(
        archive,
        [("opt/app.jar".to_owned(), UncataloguedKind::Java)]
    );
}

/// Which of two names it has depends on who reads it.
#[test]
fn a_file_with_two_names_in_its_pax_header_is_an_error() {
    let mut builder = tar::Builder::new(Vec::new());
    let names = [("path", &b"usr/share/doc"[..]), ("path", STATUS.as_bytes())];
    builder.append_pax_extensions(names).unwrap();
    let mut header = tar::Header::new_ustar();
    header.set_size(0);
    builder.append_data(&mut header, "x", &b""[..]).unwrap();
    let layer = builder.into_inner().unwrap();
    let error = Layers::new().apply(&layer[..]).unwrap_err();
    assert!(
        format!("{error:?}").contains("says path twice"),
        "{error:?}"
    );
}

#[test]
fn an_endless_name_is_not_kept() {
    for kind in [
        EntryType::GNULongName,
        EntryType::GNULongLink,
        EntryType::XHeader,
    ] {
        let size = 1 << 40;
        let endless = io::repeat(b'a').take(size);
        let layer = io::Cursor::new(header("x", kind, size)).chain(endless);
        let error = Layers::new().apply(layer).unwrap_err();
        let text = format!("{error:?}");
        assert!(text.contains("more than 1 MiB"), "{text}");
    }
}

#[test]
fn a_large_file_is_no_header_of_the_next() {
    let large = vec![b'x'; 3 << 20];
    let result = files(&[tar_of(&[("large", &large), (STATUS, b"new")])]);
    assert_eq!(result.content(STATUS), Some(&b"new"[..]));
}

#[test]
fn second_names_of_a_large_database_count_as_often_as_they_are_kept() {
    let large = vec![b'x'; 60 << 20];
    let mut layer = tar_of(&[(STATUS, &large)]);
    layer.truncate(layer.len() - 1024);
    for number in 0..5 {
        let name = format!("var/lib/dpkg/status.d/{number}");
        layer.extend(&link(&name, STATUS, EntryType::Link)[..512]);
    }
    let error = Layers::new().apply(&layer[..]).unwrap_err();
    assert!(matches!(error, ScanError::TooLarge { .. }), "{error}");
}

#[test]
fn a_second_name_of_what_was_not_read_is_named() {
    let mut layer = tar_of(&[("x", b"Package: a")]);
    layer.truncate(layer.len() - 1024);
    layer.extend(link("var/lib/dpkg/status.d/a", "x", EntryType::Link));
    let found = uncatalogued(&files(&[layer]));
    let path = "var/lib/dpkg/status.d/a".to_owned();
    assert_eq!(found, [(path, UncataloguedKind::LinkedDatabase)]);
}
