//! apk: `/lib/apk/db/installed`, since Alpine 3.22 `/usr/lib/apk/db/installed`.

use trireme_finding::{Package, SourcePackage};

use crate::{ScanError, layer::Files};

use super::{Database, uncatalogued::own_path};

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
    let damaged = |reason| ScanError::PackageDatabase {
        path: path.to_owned(),
        entry: at,
        reason,
    };
    let field = |key: &str| only(entry, key).map_err(damaged);
    let required = |key: &str| {
        let value = field(key)?.filter(|value| !value.is_empty());
        value.ok_or_else(|| damaged(format!("expected a line `{key}…`, found none")))
    };
    let (name, version) = (required("P:")?, required("V:")?);
    // Sub-packages (libcrypto3) name the package that they come from; advisories are about that one.
    let origin = field("o:")?.filter(|origin| !origin.is_empty());
    let source = SourcePackage {
        name: origin.unwrap_or(name).to_owned(),
        version: version.to_owned(),
    };
    Ok(Package {
        architecture: field("A:")?.unwrap_or_default().to_owned(),
        name: name.to_owned(),
        version: version.to_owned(),
        source,
        ecosystem: String::new(),
        program: None,
    })
}

/// The value of a line, of which there may be one: two of them are two packages that nothing separates.
fn only<'a>(entry: &'a str, key: &str) -> Result<Option<&'a str>, String> {
    let mut values = entry.lines().filter_map(|line| line.strip_prefix(key));
    let first = values.next();
    match values.next() {
        None => Ok(first.map(str::trim)),
        Some(_) => Err(format!("expected one line `{key}…`, found several")),
    }
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
