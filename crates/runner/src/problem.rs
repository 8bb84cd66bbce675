//! What is wrong with a pipeline, and where.

use std::fmt;
use std::path::Path;

/// A place in a YAML file; both numbers start at 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Position {
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.line, self.column)
    }
}

/// One thing that is wrong, that is likely a mistake, or that is to be known.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    /// Where it stands.
    pub at: Position,
    /// What is wrong, with the names involved and what to do.
    pub message: String,
}

/// More lines than this are no help to a person: what is wrong is one thing.
const MOST_LINES: usize = 500;

/// All problems of one file, collected, so that a person repairs them in one go.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Problems {
    /// What Concourse refuses, or what can never work.
    pub errors: Vec<Problem>,
    /// What Concourse accepts, and is likely a mistake.
    pub warnings: Vec<Problem>,
    /// What is right for Concourse and cannot be done here.
    pub notes: Vec<Problem>,
}

impl Problems {
    /// Records an error.
    pub fn error(&mut self, at: Position, message: impl Into<String>) {
        let message = message.into();
        self.errors.push(Problem { at, message });
    }

    /// Records a warning.
    pub fn warning(&mut self, at: Position, message: impl Into<String>) {
        let message = message.into();
        self.warnings.push(Problem { at, message });
    }

    /// Records a note.
    pub fn note(&mut self, at: Position, message: impl Into<String>) {
        let message = message.into();
        self.notes.push(Problem { at, message });
    }

    /// Sorts by place and removes repetitions: an aliased node is read once per use.
    pub fn settle(&mut self) {
        for list in [&mut self.errors, &mut self.warnings, &mut self.notes] {
            list.sort();
            list.dedup();
        }
    }

    /// The errors as lines `FILE:LINE:COLUMN: message`, the first [`MOST_LINES`] of them.
    pub fn lines(&self, file: &Path) -> String {
        let line =
            |problem: &Problem| format!("{}:{}: {}", file.display(), problem.at, problem.message);
        let mut lines: Vec<String> = self.errors.iter().take(MOST_LINES).map(line).collect();
        if self.errors.len() > MOST_LINES {
            lines.push(format!("… and {} more", self.errors.len() - MOST_LINES));
        }
        lines.join("\n")
    }
}
