//! What is linked into programs that no package of the distribution owns.

use trireme_finding::{Kind, NotExamined, Package};

use crate::{layer::Files, program::BuildData};

use super::{
    go, rust,
    uncatalogued::{PROGRAM, group},
};

/// What programs were built from.
pub(super) struct Programs {
    pub packages: Vec<Package>,
    pub not_examined: Vec<NotExamined>,
}

/// Reads what every program says that is not owned. One that says nothing, or something that cannot be read, is named.
pub(super) fn read(files: &Files, is_owned: impl Fn(&str) -> bool) -> Programs {
    let mut packages = Vec::new();
    let (mut silent, mut unreadable) = (Vec::new(), Vec::new());
    for (path, data) in files.programs().filter(|(path, _)| !is_owned(path)) {
        let found = built_from(data);
        let is_damaged = data.unreadable || found.is_none();
        let found = found.unwrap_or_default();
        if is_damaged {
            unreadable.push(path.to_owned());
        } else if found.is_empty() {
            silent.push(path.to_owned());
        }
        packages.extend(found.into_iter().map(|package| Package {
            program: Some(path.to_owned()),
            ..package
        }));
    }
    const SILENT: &str = "it has neither build info of Go nor audit data of Rust";
    const UNREADABLE: &str =
        "its build info is damaged, too much, or of a Go before 1.18, and cannot be read";
    let groups = [
        group(Kind::Program, PROGRAM, SILENT, silent),
        group(Kind::Program, PROGRAM, UNREADABLE, unreadable),
    ];
    Programs {
        packages,
        not_examined: groups.into_iter().flatten().collect(),
    }
}

/// None if some of the data cannot be read.
fn built_from(data: &BuildData) -> Option<Vec<Package>> {
    let go = data.go.iter().map(|text| go::packages(text));
    let rust = data.rust.iter().map(|json| rust::packages(json));
    let all = go.chain(rust).collect::<Option<Vec<_>>>()?;
    Some(all.into_iter().flatten().collect())
}
