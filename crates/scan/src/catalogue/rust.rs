//! Rust: the crates in the audit data that `cargo auditable` puts into a program.
//!
//! Crates that only ran while it was built are not in the program, and are left out. Rust's own library is not in the data.

use auditable_serde::{DependencyKind, VersionInfo};
use trireme_finding::{Package, SourcePackage};

use crate::Ecosystem;

/// The crates; none if it is no audit data.
pub(super) fn packages(json: &[u8]) -> Option<Vec<Package>> {
    let data: VersionInfo = serde_json::from_slice(json).ok()?;
    let linked = data.packages.into_iter();
    let linked = linked.filter(|package| package.kind == DependencyKind::Runtime);
    Some(linked.map(package).collect())
}

fn package(package: auditable_serde::Package) -> Package {
    let source = SourcePackage {
        name: package.name,
        version: package.version.to_string(),
    };
    Package {
        ecosystem: Ecosystem::crates_io().name().to_owned(),
        name: source.name.clone(),
        version: source.version.clone(),
        architecture: String::new(),
        source,
        program: None,
    }
}
