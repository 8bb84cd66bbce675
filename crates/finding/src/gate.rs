//! The question that other resources ask.

use std::future::Future;

use crate::Verdict;

/// "Is this digest permitted?"
///
/// The answer is a verdict with its reasons, or an operational error; an error is never a yes. Whoever asks does not
/// learn how the answer came about: from our own matcher, from a scanner behind an API, or from a file.
pub trait ScanGate {
    /// Why there is no answer. May pass on a retry.
    type Error: std::error::Error + Send + Sync + 'static;

    /// Judges the artifact with this digest (`sha256:…`).
    fn permitted(&self, digest: &str) -> impl Future<Output = Result<Verdict, Self::Error>> + Send;
}
