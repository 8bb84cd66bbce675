//! dpkg: `/var/lib/dpkg/status`, and the folder `status.d` of distroless images.

use crate::{Package, ScanError, SourcePackage, layer::Files};

use super::{Database, leftovers::own_path};

/// States in which nothing of the package is installed (dpkg(1), "Package states").
const ABSENT: [&str; 2] = ["not-installed", "config-files"];

pub(super) fn read(files: &Files) -> Result<Database, ScanError> {
    let mut database = Database::default();
    if let Some(status) = files.content("var/lib/dpkg/status") {
        database
            .packages
            .extend(stanzas("var/lib/dpkg/status", status)?);
    }
    for (path, content) in files.folder("var/lib/dpkg/status.d/") {
        if path.ends_with(".md5sums") {
            database
                .owned
                .extend(lines(content).filter_map(|line| Some(own_path(line.split_once("  ")?.1))));
        } else {
            database.packages.extend(stanzas(path, content)?);
        }
    }
    for (_, list) in files.folder("var/lib/dpkg/info/") {
        database
            .owned
            .extend(lines(list).map(|line| own_path(&line)));
    }
    Ok(database)
}

fn lines(content: &[u8]) -> impl Iterator<Item = String> {
    content
        .split(|&byte| byte == b'\n')
        .map(|line| String::from_utf8_lossy(line).into_owned())
}

/// The installed packages of a file of stanzas, separated by empty lines.
fn stanzas(path: &str, content: &[u8]) -> Result<Vec<Package>, ScanError> {
    let text = std::str::from_utf8(content)
        .map_err(|error| damaged(path, 1, format!("expected UTF-8, {error}")))?;
    let stanzas = text
        .split("\n\n")
        .map(str::trim)
        .filter(|stanza| !stanza.is_empty());
    let packages = stanzas
        .enumerate()
        .map(|(at, stanza)| package(path, at + 1, stanza));
    packages.filter_map(Result::transpose).collect()
}

fn damaged(path: &str, entry: usize, reason: String) -> ScanError {
    ScanError::PackageDatabase {
        path: path.to_owned(),
        entry,
        reason,
    }
}

/// One stanza; none if the package is not installed any more.
fn package(path: &str, entry: usize, stanza: &str) -> Result<Option<Package>, ScanError> {
    let field = |name: &str| {
        let line = stanza.lines().find(|line| {
            line.get(..name.len())
                .is_some_and(|key| key.eq_ignore_ascii_case(name))
        });
        line.map(|line| line[name.len()..].trim())
    };
    let state = field("Status:").and_then(|status| status.split_whitespace().last());
    if state.is_some_and(|state| ABSENT.contains(&state)) {
        return Ok(None);
    }
    let required = |name: &str| {
        let value = field(name).filter(|value| !value.is_empty());
        value.map(str::to_owned).ok_or_else(|| {
            damaged(
                path,
                entry,
                format!("expected a field `{name}`, found none"),
            )
        })
    };
    let (name, version) = (required("Package:")?, required("Version:")?);
    let source = source(field("Source:"), &name, &version);
    let architecture = field("Architecture:").unwrap_or_default().to_owned();
    Ok(Some(Package {
        name,
        version,
        architecture,
        source,
    }))
}

/// `Source: NAME` or `Source: NAME (VERSION)`; without the field, source and binary package are named alike.
fn source(field: Option<&str>, name: &str, version: &str) -> SourcePackage {
    let (source, built_from) = match field.filter(|field| !field.is_empty()) {
        None => (name, version),
        Some(field) => match field.split_once('(') {
            Some((source, rest)) => (source.trim(), rest.trim_end_matches(')').trim()),
            None => (field, version),
        },
    };
    SourcePackage {
        name: source.to_owned(),
        version: built_from.to_owned(),
    }
}
