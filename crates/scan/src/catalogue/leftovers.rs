//! What is in an image beside the packages of its distribution.

use std::collections::{BTreeMap, HashSet};

use trireme_finding::NotExamined;

use crate::layer::{Files, TraceKind};

/// How many examples are named of each kind. The count says how many there are.
const EXAMPLES: usize = 5;

/// Everything that may carry packages, is not read, and belongs to no package of the distribution: what a
/// distribution's package owns is covered by the advisories of that distribution.
pub(super) fn of(files: &Files, owned: &[&HashSet<String>]) -> Vec<NotExamined> {
    let mut by_kind: BTreeMap<TraceKind, Vec<String>> = BTreeMap::new();
    for trace in files.traces() {
        let own = own_path(&trace.path);
        if trace.kind == TraceKind::LinkedDatabase
            || !owned.iter().any(|owned| owned.contains(&own))
        {
            by_kind.entry(trace.kind).or_default().push(trace.path);
        }
    }
    let groups = by_kind.into_iter().filter_map(|(kind, paths)| {
        let (what, reason) = words(kind);
        group(what, reason, paths)
    });
    groups.collect()
}

/// One entry for things of one kind; none if there are none.
pub(super) fn group(
    what: &str,
    reason: &str,
    names: impl IntoIterator<Item = String>,
) -> Option<NotExamined> {
    let mut names: Vec<_> = names.into_iter().collect();
    let count = names.len();
    names.truncate(EXAMPLES);
    let group = NotExamined {
        what: what.to_owned(),
        reason: reason.to_owned(),
        count,
        examples: names,
    };
    (count > 0).then_some(group)
}

fn words(kind: TraceKind) -> (&'static str, &'static str) {
    const UNREAD: &str = "packages of this kind are not catalogued";
    match kind {
        TraceKind::Database => ("package database", "only those of dpkg and apk are read"),
        TraceKind::LinkedDatabase => ("package database behind a link", "links are not followed"),
        TraceKind::Python => ("Python package", UNREAD),
        TraceKind::Node => ("npm package", UNREAD),
        TraceKind::Java => ("Java archive", UNREAD),
        TraceKind::Ruby => ("Ruby gem", UNREAD),
        TraceKind::Php => ("PHP packages of composer", UNREAD),
        TraceKind::Program => (
            "program or library that no package owns",
            "what is linked into it is not known",
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
