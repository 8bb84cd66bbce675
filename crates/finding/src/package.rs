//! An installed package.

use serde::Serialize;

/// An installed package, module or crate.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Package {
    /// Where it comes from, as advisories name it, e.g. `Debian:12`, `Go`, `crates.io`.
    pub ecosystem: String,
    /// Its name.
    pub name: String,
    /// Its version; empty if it is not known.
    pub version: String,
    /// Its architecture; empty if its database does not say.
    pub architecture: String,
    /// What it was built from, which advisories are about: the source package, or the module that replaces another.
    pub source: SourcePackage,
    /// The program that it is linked into, if it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub program: Option<String>,
}

/// What advisories are about.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct SourcePackage {
    /// Its name.
    pub name: String,
    /// Its version, which can differ from that of the binary package; empty if it is not known.
    pub version: String,
}
