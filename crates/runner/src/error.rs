//! Why a run could not start or go on.

use std::io;
use std::path::PathBuf;

/// An error of the runner itself; a step that fails is not one, but part of the report.
#[derive(Debug, thiserror::Error)]
pub enum RunnerError {
    /// The pipeline, a vars file or an option names something that is not understood.
    #[error("{count} problem(s) in {}:\n{lines}", file.display())]
    Invalid {
        /// The file.
        file: PathBuf,
        /// How many.
        count: usize,
        /// One line for each, with its place.
        lines: String,
    },
    /// An option does not fit the pipeline.
    #[error("{0}")]
    Option(String),
    /// A file or folder could not be read or written.
    #[error("cannot {action} {}", path.display())]
    Io {
        /// What was tried: `read`, `write`, `create`.
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// The state folder belongs to another run that goes on.
    #[error("{} is in use by another `trireme run`: wait for it, or give this one its own folder with --state", path.display())]
    Busy {
        /// The state folder.
        path: PathBuf,
    },
    /// The state folder holds what this program does not understand.
    #[error("{} cannot be understood ({reason}): it was written by another version, or damaged; remove it to start afresh", path.display())]
    State {
        /// The file.
        path: PathBuf,
        /// What was found.
        reason: String,
    },
    /// A single step (`trireme check|get|put`) could not be run.
    #[error("{0}")]
    Step(String),
}

impl RunnerError {
    /// Wraps an input or output error with what was tried.
    pub fn io(action: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io {
            action,
            path,
            source,
        }
    }

    /// The exit code of the program: 78 for what a person has to write differently, 1 otherwise.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Invalid { .. } | Self::Option(_) => 78,
            Self::Io { .. } | Self::Busy { .. } | Self::State { .. } | Self::Step(_) => 1,
        }
    }
}
