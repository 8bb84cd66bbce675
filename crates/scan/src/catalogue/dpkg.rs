//! dpkg: `/var/lib/dpkg/status`, and the folder `status.d` of distroless images.

use trireme_finding::{Package, SourcePackage};

use crate::{ScanError, layer::Files};

use super::{Database, uncatalogued::own_path};

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
    let field = |name: &str| only(stanza, name).map_err(|reason| damaged(path, entry, reason));
    let required = |name: &str| {
        let value = field(name)?.filter(|value| !value.is_empty());
        let missing = || format!("expected a field `{name}`, found none");
        value.ok_or_else(|| damaged(path, entry, missing()))
    };
    let state = field("Status:")?.and_then(|status| status.split_whitespace().last());
    if state.is_some_and(|state| ABSENT.contains(&state)) {
        return Ok(None);
    }
    let (name, version) = (required("Package:")?, required("Version:")?);
    let source = source(field("Source:")?, name, version);
    let architecture = field("Architecture:")?.unwrap_or_default();
    Ok(Some(Package {
        name: name.to_owned(),
        version: version.to_owned(),
        architecture: architecture.to_owned(),
        source,
        ecosystem: String::new(),
        program: None,
    }))
}

/// The value of a field, of which there may be one: two of them are two packages that nothing separates, and dpkg refuses
/// them too.
fn only<'a>(stanza: &'a str, name: &str) -> Result<Option<&'a str>, String> {
    let value = |line: &'a str| {
        let (key, value) = line.split_at_checked(name.len())?;
        key.eq_ignore_ascii_case(name).then(|| value.trim())
    };
    let mut values = stanza.lines().filter_map(value);
    let first = values.next();
    match values.next() {
        None => Ok(first),
        Some(_) => Err(format!("expected one field `{name}`, found several")),
    }
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
