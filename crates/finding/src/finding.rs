//! One advisory on one package in one artifact.

use crate::Rating;

/// One advisory on one package in one artifact.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Finding {
    /// The advisory's id, as its database has it, e.g. `DSA-5532-1`. Of several about the same flaw, one.
    pub id: String,
    /// All advisories of the database about this flaw, with `id`.
    pub advisories: Vec<String>,
    /// Other names of the same flaw, e.g. `CVE-2023-5363`.
    pub aliases: Vec<String>,
    /// Where the package comes from, as the database names it, e.g. `Debian:12`.
    pub ecosystem: String,
    /// What the advisory is about: a source package, a module, a crate.
    pub package: String,
    /// What is installed of it: binary packages, or the programs that it is linked into.
    pub binaries: Vec<String>,
    /// The installed version.
    pub version: String,
    /// The version that repairs it, if there is one.
    pub fixed: Option<String>,
    /// How bad it is, if anybody said.
    pub severity: Rating,
    /// One line for people, often empty.
    pub summary: String,
}

impl Finding {
    /// What makes two findings the same one, and the order in which they are written down: advisory, package, installed and
    /// fixed version (empty if there is none), severity.
    pub(crate) fn content(&self) -> [&str; 6] {
        [
            &self.id,
            &self.ecosystem,
            &self.package,
            &self.version,
            self.fixed.as_deref().unwrap_or_default(),
            self.severity.word(),
        ]
    }
}
