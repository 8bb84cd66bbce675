//! Which files of an image are read, and which are only named.

use serde::Serialize;

/// What a file is, as far as its path says.
pub(super) enum FileClass {
    /// A cataloguer reads it.
    PackageData,
    /// Its presence says that there are packages which no cataloguer reads.
    Uncatalogued(UncataloguedKind),
    /// Its first bytes decide.
    MaybeProgram,
}

/// A file that may carry packages, and is not read.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct UncataloguedFile {
    /// Its path.
    pub path: String,
    /// What it is.
    pub kind: UncataloguedKind,
}

/// What cannot be catalogued.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub enum UncataloguedKind {
    /// A package database of rpm, pacman, portage, opkg or nix.
    Database,
    /// A link where a package database is looked for: what it leads to was not read.
    LinkedDatabase,
    /// A package of PyPI.
    Python,
    /// A package of npm.
    Node,
    /// A Java archive.
    Java,
    /// A Ruby gem.
    Ruby,
    /// What PHP's composer installed.
    Php,
    /// A program or library, which may have others linked into it.
    Program,
    /// A file that was stored through a link of a layer below. Some container runtimes follow the link, and others
    /// put a folder in its place.
    BehindLink,
    /// A hard link to a file that is not known.
    HardLink,
    /// A script that may be run (`#!`).
    Script,
}

/// Folders and files in which the cataloguers look, and their parents: a link there hides a database.
const DATABASES: [&str; 5] = [
    "var/lib/dpkg/status",
    "var/lib/dpkg/status.d",
    "lib/apk/db/installed",
    "usr/lib/apk/db/installed",
    "usr/lib/os-release",
];

const FOREIGN_DATABASES: [&str; 8] = [
    "var/lib/rpm/",
    "usr/lib/sysimage/rpm/",
    "usr/share/rpm/",
    "var/lib/pacman/local/",
    "var/db/pkg/",
    "usr/lib/opkg/status",
    "var/lib/opkg/status",
    "nix/var/nix/db/",
];

/// Whether a link at this path can hide a package database. `lib` may be a link to `usr/lib`, where we look too.
pub(super) fn hides_database(path: &str) -> bool {
    let parent = |database: &&str| {
        database
            .strip_prefix(path)
            .is_some_and(|rest| rest.starts_with('/'))
    };
    path != "lib" && (DATABASES[..4].contains(&path) || DATABASES[..4].iter().any(parent))
}

/// Whether packages are read at this path, or could be behind it.
pub(super) fn holds_packages(path: &str) -> bool {
    hides_database(path) || path.starts_with("var/lib/dpkg/status.d/")
}

pub(super) fn classify(path: &str) -> FileClass {
    if is_package_data(path) {
        return FileClass::PackageData;
    }
    let name = path.rsplit('/').next().unwrap_or(path);
    let kind = match name {
        _ if FOREIGN_DATABASES
            .iter()
            .any(|database| path.starts_with(database)) =>
        {
            UncataloguedKind::Database
        }
        "METADATA" | "PKG-INFO" if path.contains(".dist-info/") || path.contains(".egg-info/") => {
            UncataloguedKind::Python
        }
        _ if name.ends_with(".egg-info") => UncataloguedKind::Python,
        "package.json" if path.contains("node_modules/") => UncataloguedKind::Node,
        "installed.json" if path.ends_with("composer/installed.json") => UncataloguedKind::Php,
        _ if [".jar", ".war", ".ear", ".jmod"]
            .iter()
            .any(|end| name.ends_with(end)) =>
        {
            UncataloguedKind::Java
        }
        _ if name.ends_with(".gemspec") && path.contains("/specifications/") => {
            UncataloguedKind::Ruby
        }
        _ => return FileClass::MaybeProgram,
    };
    FileClass::Uncatalogued(kind)
}

/// What a file is that may be run. A hook of a package is a script that only dpkg runs.
pub(super) fn classify_executable(path: &str, start: &[u8], mode: u32) -> Option<UncataloguedKind> {
    let is_hook = path.starts_with("var/lib/dpkg/info/");
    runs(start, mode).filter(|kind| !is_hook || *kind != UncataloguedKind::Script)
}

/// The same by its first bytes and its mode alone: what Linux runs itself, and what runs in a runtime of its own (PE of
/// .NET, WebAssembly). A script is run only when its mode says so.
pub(super) fn runs(start: &[u8], mode: u32) -> Option<UncataloguedKind> {
    match start {
        [0x7f, b'E', b'L', b'F', ..] | [b'M', b'Z', ..] | [0, b'a', b's', b'm', ..] => {
            Some(UncataloguedKind::Program)
        }
        [b'#', b'!', ..] if mode & 0o111 != 0 => Some(UncataloguedKind::Script),
        _ => None,
    }
}

/// Package databases, release files, and the lists of which package owns which file.
pub(super) fn is_package_data(path: &str) -> bool {
    let dpkg_list = path.starts_with("var/lib/dpkg/info/") && path.ends_with(".list");
    let release = ["etc/os-release", "etc/debian_version", "etc/alpine-release"].contains(&path);
    let distroless = path.starts_with("var/lib/dpkg/status.d/");
    dpkg_list || release || distroless || DATABASES.contains(&path)
}
