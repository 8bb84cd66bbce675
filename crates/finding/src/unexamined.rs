//! What was seen and not examined, and how a policy accepts it by name.

use std::{borrow::Cow, collections::BTreeSet};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

/// How many examples a verdict names of each group. The count says how many there are.
const EXAMPLES: usize = 5;

/// Why part of an artifact was not examined: the kind of thing that it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// A program or library that does not say what it was built from.
    Program,
    /// A script (`#!`) that no package owns.
    Script,
    /// A Java archive.
    Java,
    /// A Python package.
    Python,
    /// An npm package.
    Npm,
    /// A Ruby gem.
    Ruby,
    /// What PHP's composer installed.
    Php,
    /// A package database that is not read, or packages without advisories.
    Packages,
    /// A module whose version is not known, and that has advisories.
    Module,
    /// A manifest beside the images of an index, which no runtime runs.
    Attachment,
    /// An image for a platform that was not asked for.
    Platform,
}

/// The kinds that can run. Only these make a verdict incomplete, and only these a policy accepts.
const EXECUTABLE: [Kind; 9] = [
    Kind::Program,
    Kind::Script,
    Kind::Java,
    Kind::Python,
    Kind::Npm,
    Kind::Ruby,
    Kind::Php,
    Kind::Packages,
    Kind::Module,
];

impl Kind {
    /// The word in policies and files.
    pub fn word(self) -> &'static str {
        match self {
            Self::Program => "program",
            Self::Script => "script",
            Self::Java => "java",
            Self::Python => "python",
            Self::Npm => "npm",
            Self::Ruby => "ruby",
            Self::Php => "php",
            Self::Packages => "packages",
            Self::Module => "module",
            Self::Attachment => "attachment",
            Self::Platform => "platform",
        }
    }

    /// Whether it can run.
    pub fn is_executable(self) -> bool {
        EXECUTABLE.contains(&self)
    }

    /// Whether things of this kind are named by their paths, and not by the names of packages or modules: `act` may be
    /// a program or a package, and who accepts `/act` means the program.
    fn is_named_by_path(self) -> bool {
        self.is_executable() && !matches!(self, Self::Packages | Self::Module)
    }
}

/// Things of one kind that were seen and not examined. Never the same as clean.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct NotExamined {
    /// What kind of thing they are.
    pub kind: Kind,
    /// The same for people, e.g. `Java archive`.
    pub what: String,
    /// Why they were not examined.
    pub reason: String,
    /// All of them, by path, name or digest.
    pub names: BTreeSet<String>,
}

/// What a verdict says of things that were not examined.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct NotExaminedPart {
    /// What kind of thing they are.
    pub kind: Kind,
    /// The same for people.
    pub what: String,
    /// Why they were not examined.
    pub reason: String,
    /// Whether the policy accepts them by name.
    pub accepted: bool,
    /// How many there are.
    pub count: usize,
    /// Some of them.
    pub examples: Vec<String>,
}

impl NotExaminedPart {
    /// Whether it makes the verdict incomplete.
    pub fn is_missing(&self) -> bool {
        self.kind.is_executable() && !self.accepted
    }
}

/// What a policy accepts as not examined: every thing of a kind, or the file with this path.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Accepted {
    /// Every thing of this kind.
    Kind(Kind),
    /// The file with this absolute path.
    Path(String),
}

impl Accepted {
    fn holds(&self, kind: Kind, name: &str) -> bool {
        match self {
            Self::Kind(accepted) => *accepted == kind,
            Self::Path(_) => self.names(kind, name),
        }
    }

    /// Whether this is the path of that file.
    fn names(&self, kind: Kind, name: &str) -> bool {
        match self {
            Self::Path(path) if kind.is_named_by_path() => {
                path.trim_start_matches('/') == name.trim_start_matches('/')
            }
            _ => false,
        }
    }
}

impl TryFrom<String> for Accepted {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        if text.len() > 1 && text.starts_with('/') {
            return Ok(Self::Path(text));
        }
        let kind = EXECUTABLE.into_iter().find(|kind| kind.word() == text);
        kind.map(Self::Kind).ok_or_else(|| {
            let words = EXECUTABLE.map(Kind::word).join(", ");
            format!("`{text}` is no kind: expected one of {words}, or the absolute path of a file")
        })
    }
}

impl From<Accepted> for String {
    fn from(accepted: Accepted) -> Self {
        match accepted {
            Accepted::Kind(kind) => kind.word().to_owned(),
            Accepted::Path(path) => path,
        }
    }
}

impl JsonSchema for Accepted {
    fn schema_name() -> Cow<'static, str> {
        "Accepted".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let words = EXECUTABLE.map(Kind::word).join("|");
        json_schema!({"type": "string", "pattern": format!("^(/.+|{words})$")})
    }
}

/// Whether something here can run, and the policy names the path of everything that can.
pub(crate) fn all_are_named(groups: &[NotExamined], accepted: &[Accepted]) -> bool {
    let can_run = |group: &&NotExamined| group.kind.is_executable() && !group.names.is_empty();
    let mut executable = groups.iter().filter(can_run).peekable();
    let is_named = |kind, name: &String| accepted.iter().any(|one| one.names(kind, name));
    executable.peek().is_some()
        && executable.all(|group| group.names.iter().all(|name| is_named(group.kind, name)))
}

/// What a verdict says of all groups: what is accepted apart from what is not, and groups that differ only in their names
/// (as those of two platforms of one image) as one.
pub(crate) fn parts<'a>(
    groups: impl IntoIterator<Item = &'a NotExamined>,
    accepted: &[Accepted],
) -> Vec<NotExaminedPart> {
    let mut merged: Vec<NotExamined> = groups.into_iter().cloned().collect();
    merged.sort();
    merged.dedup_by(|later, kept| {
        let key = |group: &NotExamined| (group.kind, group.what.clone(), group.reason.clone());
        let same = key(later) == key(kept);
        if same {
            kept.names.append(&mut later.names);
        }
        same
    });
    merged
        .iter()
        .flat_map(|group| split(group, accepted))
        .collect()
}

fn split(group: &NotExamined, accepted: &[Accepted]) -> impl Iterator<Item = NotExaminedPart> {
    let is_accepted = |name: &&String| accepted.iter().any(|one| one.holds(group.kind, name));
    let (accepted, missing): (Vec<_>, Vec<_>) = group.names.iter().partition(is_accepted);
    let part = |names: Vec<&String>, accepted| {
        (!names.is_empty()).then(|| NotExaminedPart {
            kind: group.kind,
            what: group.what.clone(),
            reason: group.reason.clone(),
            accepted,
            count: names.len(),
            examples: names.into_iter().take(EXAMPLES).cloned().collect(),
        })
    };
    [part(missing, false), part(accepted, true)]
        .into_iter()
        .flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn group(kind: Kind, names: &[&str]) -> NotExamined {
        NotExamined {
            kind,
            what: "thing".to_owned(),
            reason: "not read".to_owned(),
            names: names.iter().map(|name| (*name).to_owned()).collect(),
        }
    }

    fn accepted(text: &str) -> Vec<Accepted> {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn a_kind_is_accepted_whole_and_a_path_alone() {
        let groups = [
            group(Kind::Script, &["a.sh"]),
            group(Kind::Program, &["bin/a", "bin/b"]),
        ];
        let parts = parts(&groups, &accepted(r#"["script", "/bin/a"]"#));
        let seen: Vec<_> = parts
            .iter()
            .map(|part| (part.kind, part.accepted, part.examples.join(" ")))
            .collect();
        let expected = [
            (Kind::Program, false, "bin/b"),
            (Kind::Program, true, "bin/a"),
            (Kind::Script, true, "a.sh"),
        ];
        assert_eq!(
            seen,
            expected.map(|(kind, accepted, name)| (kind, accepted, name.to_owned()))
        );
    }

    #[test]
    fn a_path_accepts_no_package_and_no_module_of_that_name() {
        let accepted = accepted(r#"["/act"]"#);
        for kind in [Kind::Packages, Kind::Module] {
            let groups = [group(kind, &["act"])];
            assert!(parts(&groups, &accepted)[0].is_missing(), "{kind:?}");
            assert!(!all_are_named(&groups, &accepted), "{kind:?}");
        }
        assert!(all_are_named(&[group(Kind::Script, &["act"])], &accepted));
    }

    #[test]
    fn groups_of_two_platforms_are_one_and_name_each_thing_once() {
        let both = [
            group(Kind::Program, &["bin/a", "bin/b"]),
            group(Kind::Program, &["bin/a", "bin/c"]),
        ];
        let parts = parts(&both, &[]);
        assert_eq!((parts.len(), parts[0].count), (1, 3));
    }

    #[test]
    fn only_what_can_run_is_accepted_and_nothing_is_accepted_unnamed() {
        for wrong in [
            r#"["all"]"#,
            r#"["attachment"]"#,
            r#"["bin/a"]"#,
            r#"["/"]"#,
        ] {
            let error = serde_json::from_str::<Vec<Accepted>>(wrong).unwrap_err();
            let text = error.to_string();
            assert!(text.contains("script") && text.contains("path"), "{text}");
        }
        let same = accepted(r#"["java","/opt/a.jar"]"#);
        assert_eq!(
            serde_json::to_string(&same).unwrap(),
            r#"["java","/opt/a.jar"]"#
        );
    }
}
