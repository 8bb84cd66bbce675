//! From a file to a pipeline that is known to be runnable, or everything that is wrong with it.

use crate::catalogue::Catalogue;
use crate::error::RunnerError;
use crate::pipeline::Pipeline;
use crate::problem::{Position, Problem, Problems};
use crate::rules;
use crate::service::LocalInputs;
use crate::vars::{Comparison, Missing, Vars};
use crate::yaml::{self, Node};
use std::fs::File;
use std::io::Read;
use std::path::Path;

/// Reads a file of vars, as `--load-vars-from` takes it.
///
/// # Errors
/// It cannot be read, is no YAML, or is no mapping.
pub fn read_vars(file: &Path) -> Result<serde_json::Map<String, serde_json::Value>, RunnerError> {
    let (node, problems) = read_yaml(file)?;
    if !problems.errors.is_empty() {
        return Err(invalid(file, problems));
    }
    match node.to_json() {
        serde_json::Value::Object(values) => Ok(values),
        serde_json::Value::Null => Ok(serde_json::Map::new()),
        _ => {
            let mut problems = Problems::default();
            problems.error(
                node.at,
                format!("vars must be a mapping, not {}", node.describe()),
            );
            Err(invalid(file, problems))
        }
    }
}

/// What [`validate()`] says of a pipeline that is valid.
#[derive(Debug)]
pub struct Valid {
    /// What Concourse accepts, and is likely a mistake.
    pub warnings: Vec<Problem>,
    /// What is right for Concourse and cannot be done here: `trireme run` leaves it out or refuses it at that step.
    pub notes: Vec<Problem>,
    /// The vars that it names against those that are given.
    pub vars: Comparison,
}

/// Says everything that is wrong with a pipeline, or what is to be known of one that is valid. References that have no
/// value are left unjudged.
///
/// # Errors
/// All problems at once, with their places.
pub fn validate(
    file: &Path,
    vars: &Vars,
    catalogue: &Catalogue,
    supply: &LocalInputs,
) -> Result<Valid, RunnerError> {
    let read = load(file, vars, Missing::Keep, catalogue, supply)?;
    Ok(Valid {
        warnings: read.warnings,
        notes: read.notes,
        vars: vars.compare(&read.written.to_json()),
    })
}

/// Reads a pipeline whose every reference has a value, with what of it cannot be done here.
pub(crate) fn pipeline(
    file: &Path,
    vars: &Vars,
    catalogue: &Catalogue,
    supply: &LocalInputs,
) -> Result<(Pipeline, Vec<Problem>), RunnerError> {
    let read = load(file, vars, Missing::KeepLocal, catalogue, supply)?;
    Ok((read.pipeline, read.notes))
}

/// A valid pipeline.
struct Loaded {
    /// As it stands in the file, references and all.
    written: Node,
    pipeline: Pipeline,
    warnings: Vec<Problem>,
    notes: Vec<Problem>,
}

fn load(
    file: &Path,
    vars: &Vars,
    missing: Missing,
    catalogue: &Catalogue,
    supply: &LocalInputs,
) -> Result<Loaded, RunnerError> {
    let (written, mut problems) = read_yaml(file)?;
    let root = vars.fill(&written, missing, &mut problems.errors);
    let pipeline = Pipeline::read(&root, &mut problems);
    rules::structure(&pipeline, &mut problems);
    rules::resources(&pipeline, catalogue, supply, &mut problems);
    problems.settle();
    if !problems.errors.is_empty() {
        return Err(invalid(file, problems));
    }
    Ok(Loaded {
        written,
        pipeline,
        warnings: problems.warnings,
        notes: problems.notes,
    })
}

/// The file, and what is wrong with it that does not keep the rest of it from being judged.
fn read_yaml(file: &Path) -> Result<(Node, Problems), RunnerError> {
    let mut bytes = Vec::new();
    // One byte more than the limit is enough for the reader of YAML to say so.
    let read = File::open(file).and_then(|open| {
        open.take(yaml::MAX_BYTES as u64 + 1)
            .read_to_end(&mut bytes)
    });
    read.map_err(RunnerError::io("read", file))?;
    text(bytes)
        .and_then(|text| yaml::read(&text))
        .map_err(|problem| {
            let errors = vec![problem];
            invalid(
                file,
                Problems {
                    errors,
                    ..Problems::default()
                },
            )
        })
}

/// The bytes as text, or the place of the first that is none.
fn text(bytes: Vec<u8>) -> Result<String, Problem> {
    String::from_utf8(bytes).map_err(|error| {
        let (good, bytes) = (error.utf8_error().valid_up_to(), error.as_bytes());
        let before = String::from_utf8_lossy(&bytes[..good]);
        let last_line = before.rsplit('\n').next().unwrap_or_default();
        let at = Position {
            line: before.matches('\n').count() + 1,
            column: last_line.chars().count() + 1,
        };
        let message = format!("byte {:#04x} is no text in UTF-8", bytes[good]);
        Problem { at, message }
    })
}

fn invalid(file: &Path, problems: Problems) -> RunnerError {
    RunnerError::Invalid {
        file: file.to_owned(),
        count: problems.errors.len(),
        lines: problems.lines(file),
    }
}
