//! How a step fails, and the exit code that says so.

use std::fmt;

/// The exit codes of a resource program.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Exit {
    /// The step did what it was asked.
    Done = 0,
    /// Something failed that may pass on retry: a network, a server, a deadline.
    Operational = 1,
    /// A policy or a verdict said no.
    Denied = 2,
    /// The program was called wrongly (its arguments).
    Usage = 64,
    /// The input is not JSON or too large, or a file is malformed.
    Data = 65,
    /// Interrupted; the same call again goes on where this one stopped.
    Interrupted = 75,
    /// A bad or unknown key in `source` or `params`.
    Config = 78,
}

impl Exit {
    /// The exit code that an error carries: that of the first [`Fault`] in its chain, else [`Exit::Operational`].
    pub fn of(error: &anyhow::Error) -> Self {
        error
            .chain()
            .find_map(|cause| cause.downcast_ref::<Fault>())
            .or_else(|| error.downcast_ref::<Fault>())
            .map_or(Self::Operational, |fault| fault.exit)
    }
}

/// An error that names its exit code. Any other error is operational.
#[derive(Debug)]
pub struct Fault {
    exit: Exit,
    message: String,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl Fault {
    /// An error with this exit code. The message says what was tried, expected and found, and what to try.
    pub fn new(exit: Exit, message: impl Into<String>) -> Self {
        Self {
            exit,
            message: message.into(),
            source: None,
        }
    }

    /// A policy or a verdict said no (exit 2).
    pub fn denied(message: impl Into<String>) -> Self {
        Self::new(Exit::Denied, message)
    }

    /// Malformed or too large input (exit 65).
    pub fn data(message: impl Into<String>) -> Self {
        Self::new(Exit::Data, message)
    }

    /// A bad or unknown key in `source` or `params` (exit 78).
    pub fn config(message: impl Into<String>) -> Self {
        Self::new(Exit::Config, message)
    }

    /// Interrupted, resumable (exit 75).
    pub fn interrupted(message: impl Into<String>) -> Self {
        Self::new(Exit::Interrupted, message)
    }

    /// A failure that may pass on retry (exit 1).
    pub fn operational(message: impl Into<String>) -> Self {
        Self::new(Exit::Operational, message)
    }

    /// The program was called wrongly (exit 64).
    pub fn usage(message: impl Into<String>) -> Self {
        Self::new(Exit::Usage, message)
    }

    /// Adds the error that led here.
    #[must_use]
    pub fn with_source(
        mut self,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Self {
        self.source = Some(source.into());
        self
    }

    /// The exit code.
    pub fn exit(&self) -> Exit {
        self.exit
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.message)
    }
}

impl std::error::Error for Fault {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source
            .as_deref()
            .map(|source| source as &(dyn std::error::Error + 'static))
    }
}

#[cfg(test)]
mod tests {
    use anyhow::Context;

    use super::*;

    #[test]
    fn the_exit_code_is_found_by_type_through_any_context() {
        let error = Err::<(), _>(Fault::denied("no"))
            .context("outer")
            .context("outermost")
            .unwrap_err();
        assert_eq!(Exit::of(&error), Exit::Denied);
        assert_eq!(Exit::of(&anyhow::anyhow!("denied")), Exit::Operational);
    }
}
