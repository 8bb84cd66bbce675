//! The installed packages of an image, and what could not be catalogued.

mod apk;
mod dpkg;
mod go;
mod programs;
mod rust;
mod uncatalogued;

use std::collections::HashSet;

use trireme_finding::{Kind, NotExamined, Package};

use crate::{Ecosystem, ScanError, layer::Files};

/// What is installed in an image.
#[derive(Clone, Debug)]
pub struct Catalogue {
    /// Where packages come from that can be matched: the distribution, Go, crates.io. Each has packages.
    pub ecosystems: Vec<Ecosystem>,
    /// The packages that can be matched, sorted.
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
    let is_owned = |path: &str| {
        let path = uncatalogued::own_path(path);
        dpkg.owned.contains(&path) || apk.owned.contains(&path)
    };
    let programs = programs::read(files, is_owned);
    let mut not_examined = uncatalogued::of(files, is_owned);
    not_examined.extend(programs.not_examined);
    let mut packages = programs.packages;
    for (what, family, database) in [
        (DPKG, &["Debian", "Ubuntu"][..], dpkg),
        (APK, &["Alpine"][..], apk),
    ] {
        match &ecosystem {
            Ok(ecosystem) if family.contains(&ecosystem.family()) => {
                packages.extend(named(database.packages, ecosystem));
            }
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
        ecosystems: present(ecosystem.ok(), &packages),
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

/// The ecosystems of these packages.
fn present(distribution: Option<Ecosystem>, packages: &[Package]) -> Vec<Ecosystem> {
    let all = distribution
        .into_iter()
        .chain([Ecosystem::go(), Ecosystem::crates_io()]);
    let has_packages = |ecosystem: &Ecosystem| {
        packages
            .iter()
            .any(|package| package.ecosystem == ecosystem.name())
    };
    all.filter(has_packages).collect()
}

/// The same packages, which are those of this release.
fn named(mut packages: Vec<Package>, ecosystem: &Ecosystem) -> Vec<Package> {
    for package in &mut packages {
        package.ecosystem = ecosystem.name().to_owned();
    }
    packages
}

fn unmatched(what: &str, database: &Database, reason: &str) -> Option<NotExamined> {
    let names = database.packages.iter().map(|package| package.name.clone());
    uncatalogued::group(Kind::Packages, what, reason, names)
}

#[cfg(test)]
mod tests;
