//! What is in an image beside the packages of its distribution.

use std::collections::BTreeMap;

use trireme_finding::{Kind, NotExamined};

use crate::layer::{Files, UncataloguedKind};

/// A program or library that says nothing of what it was built from, or not enough.
pub(super) const PROGRAM: &str = "program or library that no package owns";

/// Everything that may carry packages, is not read, and belongs to no package of the distribution: what a
/// distribution's package owns is covered by the advisories of that distribution.
pub(super) fn of(files: &Files, is_owned: impl Fn(&str) -> bool) -> Vec<NotExamined> {
    let mut by_kind: BTreeMap<UncataloguedKind, Vec<String>> = BTreeMap::new();
    for file in files.uncatalogued() {
        if file.kind == UncataloguedKind::LinkedDatabase || !is_owned(&file.path) {
            by_kind.entry(file.kind).or_default().push(file.path);
        }
    }
    let groups = by_kind.into_iter().filter_map(|(kind, paths)| {
        let (kind, what, reason) = words(kind);
        group(kind, what, reason, paths)
    });
    groups.collect()
}

/// One entry for things of one kind; none if there are none.
pub(super) fn group(
    kind: Kind,
    what: &str,
    reason: &str,
    names: impl IntoIterator<Item = String>,
) -> Option<NotExamined> {
    let group = NotExamined {
        kind,
        what: what.to_owned(),
        reason: reason.to_owned(),
        names: names.into_iter().collect(),
    };
    (!group.names.is_empty()).then_some(group)
}

fn words(kind: UncataloguedKind) -> (Kind, &'static str, &'static str) {
    const UNREAD: &str = "packages of this kind are not catalogued";
    let database = |reason| (Kind::Packages, "package database", reason);
    match kind {
        UncataloguedKind::Database => database("only those of dpkg and apk are read"),
        UncataloguedKind::LinkedDatabase => {
            database("it is behind a link, and links are not followed")
        }
        UncataloguedKind::Python => (Kind::Python, "Python package", UNREAD),
        UncataloguedKind::Node => (Kind::Npm, "npm package", UNREAD),
        UncataloguedKind::Java => (Kind::Java, "Java archive", UNREAD),
        UncataloguedKind::Ruby => (Kind::Ruby, "Ruby gem", UNREAD),
        UncataloguedKind::Php => (Kind::Php, "PHP packages of composer", UNREAD),
        UncataloguedKind::Program => (Kind::Program, PROGRAM, "it is a sparse file"),
        UncataloguedKind::BehindLink => (
            Kind::Program,
            PROGRAM,
            "it was stored through a link of a layer below, and container runtimes put it in different places",
        ),
        UncataloguedKind::HardLink => (
            Kind::Program,
            PROGRAM,
            "it is a hard link to a file that is not known",
        ),
        UncataloguedKind::Script => (
            Kind::Script,
            "script that no package owns",
            "scripts are not read",
        ),
    }
}

/// The path under which owner and owned meet: `/lib` and `/usr/lib` are the same since distributions merged them,
/// but their package lists still name the old ones.
pub(super) fn own_path(path: &str) -> String {
    let path = path.trim_start_matches(['.', '/']);
    let merged = path.strip_prefix("usr/").filter(|rest| {
        let top = rest.split('/').next().unwrap_or_default();
        top == "bin" || top == "sbin" || top.starts_with("lib")
    });
    merged.unwrap_or(path).to_owned()
}
