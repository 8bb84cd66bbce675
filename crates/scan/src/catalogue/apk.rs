//! apk: `/lib/apk/db/installed`, since Alpine 3.22 `/usr/lib/apk/db/installed`.

use crate::{Package, ScanError, SourcePackage, layer::Files};

use super::{Database, leftovers::own_path};

const PATHS: [&str; 2] = ["lib/apk/db/installed", "usr/lib/apk/db/installed"];

pub(super) fn read(files: &Files) -> Result<Database, ScanError> {
    let mut database = Database::default();
    for path in PATHS {
        if let Some(content) = files.content(path) {
            read_installed(path, content, &mut database)?;
        }
    }
    Ok(database)
}

/// Entries of lines `X:value`, separated by empty lines.
fn read_installed(path: &str, content: &[u8], into: &mut Database) -> Result<(), ScanError> {
    let text = String::from_utf8_lossy(content);
    let entries = text
        .split("\n\n")
        .map(str::trim)
        .filter(|entry| !entry.is_empty());
    for (at, entry) in entries.enumerate() {
        into.packages.push(package(path, at + 1, entry)?);
        own_files(entry, into);
    }
    Ok(())
}

fn package(path: &str, at: usize, entry: &str) -> Result<Package, ScanError> {
    let field = |key: &str| {
        entry
            .lines()
            .find_map(|line| line.strip_prefix(key))
            .map(str::trim)
    };
    let required = |key: &str| {
        let value = field(key).filter(|value| !value.is_empty());
        value
            .map(str::to_owned)
            .ok_or_else(|| ScanError::PackageDatabase {
                path: path.to_owned(),
                entry: at,
                reason: format!("expected a line `{key}…`, found none"),
            })
    };
    let (name, version) = (required("P:")?, required("V:")?);
    // Sub-packages (libcrypto3) name the package that they come from; advisories are about that one.
    let origin = field("o:")
        .filter(|origin| !origin.is_empty())
        .unwrap_or(&name)
        .to_owned();
    let source = SourcePackage {
        name: origin,
        version: version.clone(),
    };
    Ok(Package {
        architecture: field("A:").unwrap_or_default().to_owned(),
        name,
        version,
        source,
    })
}

/// `F:` names a folder, the `R:` lines after it the files in it.
fn own_files(entry: &str, into: &mut Database) {
    let mut folder = "";
    for line in entry.lines() {
        if let Some(path) = line.strip_prefix("F:") {
            folder = path;
        } else if let Some(name) = line.strip_prefix("R:") {
            into.owned.insert(own_path(&format!("{folder}/{name}")));
        }
    }
}
