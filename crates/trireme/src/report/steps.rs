//! The steps of a run that a linked resource served, and the files that they left.

use std::fs;
use std::path::Path;

use anyhow::Context;
use trireme_evidence::EvidenceError;
use trireme_runner::{RunReport, Status, StepKind, StepReport};

/// The folders that gets of a resource filled to the end.
pub(super) fn got<'a>(report: &'a RunReport, linked: &'a str) -> impl Iterator<Item = &'a Path> {
    served_by(report, linked)
        .filter(|(step, _)| step.kind == StepKind::Get && step.status == Status::Succeeded)
        .map(|(_, dir)| dir)
}

/// The steps that a resource served, with their folders.
pub(super) fn served_by<'a>(
    report: &'a RunReport,
    linked: &'a str,
) -> impl Iterator<Item = (&'a StepReport, &'a Path)> {
    report
        .steps()
        .filter(move |step| step.linked.as_deref() == Some(linked))
        .filter_map(|step| step.dir.as_deref().map(|dir| (step, dir)))
}

/// A text file of a step; none when it is not there.
pub(super) fn text(dir: &Path, file: &str) -> anyhow::Result<Option<String>> {
    let path = dir.join(file);
    match fs::read_to_string(&path) {
        Ok(text) => Ok(Some(text.trim().to_owned())),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).with_context(|| format!("could not read {}", path.display())),
    }
}

/// An evidence file of a step, read by `parse`; none when it is not there.
pub(super) fn evidence<T>(
    dir: &Path,
    file: &str,
    parse: fn(&[u8]) -> Result<T, EvidenceError>,
) -> anyhow::Result<Option<T>> {
    let Some(text) = text(dir, file)? else {
        return Ok(None);
    };
    let parsed = parse(text.as_bytes());
    parsed
        .with_context(|| format!("could not understand {}", dir.join(file).display()))
        .map(Some)
}
