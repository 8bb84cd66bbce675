//! The installed packages of an image, and what could not be catalogued.

mod apk;
mod dpkg;
mod leftovers;

use std::collections::HashSet;

use serde::Serialize;
use trireme_finding::NotExamined;

use crate::{Ecosystem, ScanError, layer::Files};

/// An installed package.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Package {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// Its architecture; empty if the database does not say.
    pub architecture: String,
    /// The source package that it was built from, which advisories are about.
    pub source: SourcePackage,
}

/// A source package.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct SourcePackage {
    /// Its name.
    pub name: String,
    /// Its version, which can differ from that of the binary package.
    pub version: String,
}

/// What is installed in an image.
#[derive(Clone, Debug)]
pub struct Catalogue {
    /// Where the packages come from. None if there are no packages, or no advisories for where they come from.
    pub ecosystem: Option<Ecosystem>,
    /// The packages that can be matched, sorted. Empty without an ecosystem.
    pub packages: Vec<Package>,
    /// What was seen and could not be catalogued or matched.
    pub not_examined: Vec<NotExamined>,
}

/// Packages of one database, and the files that they own.
#[derive(Default)]
struct Database {
    packages: Vec<Package>,
    owned: HashSet<String>,
}

const DPKG: &str = "dpkg packages";
const APK: &str = "apk packages";

/// Catalogues the file system of an image.
///
/// # Errors
/// A package database that does not have its own format. Nothing is guessed from the rest of it.
pub fn catalogue(files: &Files) -> Result<Catalogue, ScanError> {
    let (dpkg, apk) = (dpkg::read(files)?, apk::read(files)?);
    let ecosystem = release(files);
    let mut not_examined = leftovers::of(files, &[&dpkg.owned, &apk.owned]);
    let mut packages = Vec::new();
    for (what, family, database) in [
        (DPKG, &["Debian", "Ubuntu"][..], dpkg),
        (APK, &["Alpine"][..], apk),
    ] {
        match &ecosystem {
            Ok(ecosystem) if family.contains(&ecosystem.family()) => packages = database.packages,
            Ok(ecosystem) => not_examined.extend(unmatched(
                what,
                &database,
                &format!("the image is {ecosystem}"),
            )),
            Err(reason) => not_examined.extend(unmatched(what, &database, reason)),
        }
    }
    packages.sort();
    packages.dedup();
    not_examined.sort();
    Ok(Catalogue {
        ecosystem: ecosystem.ok().filter(|_| !packages.is_empty()),
        packages,
        not_examined,
    })
}

/// The release file; `/etc/os-release` is usually a link to the other one.
fn release(files: &Files) -> Result<Ecosystem, String> {
    let text = files
        .content("etc/os-release")
        .or_else(|| files.content("usr/lib/os-release"));
    let text = text.ok_or("the image has no os-release file, so its distribution is unknown")?;
    let known = Ecosystem::of_release(&String::from_utf8_lossy(text));
    known.map_err(|found| format!("we know no advisories for {found}"))
}

fn unmatched(what: &str, database: &Database, reason: &str) -> Option<NotExamined> {
    let names = database.packages.iter().map(|package| package.name.clone());
    leftovers::group(what, reason, names)
}

#[cfg(test)]
mod tests;
