//! Concourse resource: scan verdicts that follow the advisories.
//!
//! The packages of an image (dpkg, apk, and what Go and Rust programs say that they were built from; straight from its
//! layers, in memory) are matched against a database of advisories in OSV format, and a policy makes of what was found a
//! verdict: permit, deny or incomplete. `check` emits a new version when the outcome changes, also when only the advisories
//! did; `get` and `put` write the verdict and exit 2 unless it is a permit.
//!
//! How packages are found and matched is told in [`trireme_scan`], what counts in [`trireme_finding`]; this crate
//! brings the bytes. [`OsvExaminer`] is the [`Examiner`](trireme_finding::Examiner); another engine comes beside it.
//!
//! **Invariant:** what could not be fetched, read or matched is an error; what can run and was not examined makes a verdict
//! incomplete, unless the policy accepts it by name. Neither is ever a permit. A verdict is about a digest, never about a tag.

mod advisories;
mod cache;
mod check;
mod checksum;
mod evidence;
mod examiner;
mod get;
mod image;
mod layers;
mod put;
mod scanner;
mod source;
mod verdict_file;
mod version;

pub use evidence::FOLDER_IN_BUILD;
pub use examiner::{OsvExaminer, ScannerError};
pub use get::GetParams;
pub use put::PutParams;
pub(crate) use scanner::Scanner;
pub use source::{OnDeny, Source, Target};
pub use version::Version;

trireme_protocol::resource! {
    /// The resource type `image-scan`.
    pub struct ImageScan is "image-scan"
}
