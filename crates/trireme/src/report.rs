//! What a run leaves for people and programs: a summary on standard error, `summary.json`, and `report.html`.
//!
//! The facts come from the files that the resources wrote (`version`, `digest`, `verdict.json`, `signature.json`,
//! `roll.json`) and, where somebody watched, from the [`Witnessed`] platform. What was not observed is `null`, never zero.

mod availability;
mod chart;
mod images;
mod page;
mod people;
mod steps;
mod summary;
mod troubles;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context;
use trireme_runner::RunReport;
use trireme_sandbox::witnesses::observer::Observed;
use trireme_sandbox::witnesses::prober::Measured;

pub use availability::Probes;
pub use summary::Summary;
pub use troubles::RollEnd;

/// What an observer and a prober saw while the pipeline ran.
pub struct Witnessed {
    /// Nodes and budgets, by a watch of its own.
    pub observed: Observed,
    /// Connections to the probed service.
    pub measured: Measured,
}

/// Where the two files are.
pub struct Files {
    /// `summary.json`.
    pub summary: PathBuf,
    /// `report.html`.
    pub page: PathBuf,
}

impl Files {
    /// Where they are in this state folder.
    pub fn of(state: &Path) -> Self {
        Self {
            summary: state.join("summary.json"),
            page: state.join("report.html"),
        }
    }
}

/// Writes both files into `state` and prints the summary.
///
/// # Errors
/// When a file of a step cannot be understood, or a file cannot be written.
pub fn write(
    state: &Path,
    report: &RunReport,
    witnessed: Option<&Witnessed>,
) -> anyhow::Result<Files> {
    let summary = Summary::of(report, witnessed)?;
    let files = Files::of(state);
    replace(&files.summary, &serde_json::to_vec_pretty(&summary)?)?;
    let page = page::page(&summary, report, witnessed).into_string();
    replace(&files.page, page.as_bytes())?;
    eprint!("{}", people::text(&summary, &files));
    Ok(files)
}

/// Writes beside the place and renames, so that no reader sees half a file.
fn replace(path: &Path, content: &[u8]) -> anyhow::Result<()> {
    let part = path.with_extension("part");
    fs::write(&part, content).with_context(|| format!("could not write {}", part.display()))?;
    fs::rename(&part, path).with_context(|| format!("could not write {}", path.display()))
}
