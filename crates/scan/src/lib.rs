//! Package catalogues and advisory matching over bytes given (pure).
//!
//! An image comes in as its layers, each a stream of bytes ([`layer::Layers`]); what is kept of them is the package
//! databases, the release file, what programs say that they were built from, and the paths of things that may carry packages
//! of another kind. [`catalogue`] makes of these a [`Catalogue`]: the installed packages by source package, the ecosystems of
//! their advisories (`Debian:12`, `Go`), and by name what was seen and cannot be catalogued. A [`Matcher`] is offered the records of an
//! advisory database one by one and keeps the findings.
//!
//! | where to look | for |
//! | --- | --- |
//! | `layer` | tar, gzip, zstd, whiteouts, limits |
//! | `program` | build info of Go and audit data of Rust, found in a stream |
//! | `catalogue` | dpkg and apk databases, release files, modules and crates, what is not examined |
//! | `version` | the order of dpkg, apk and semantic versions |
//! | `osv` | advisory records, ranges, severities (CVSS) |
//! | `database` | zip files and folders of records |
//!
//! **Invariant:** what cannot be read is an error or is named as not examined; it is never silently left out. A
//! database that is cut off, or that knows nothing of the image's ecosystem, is an error and not "no advisories".

pub mod catalogue;
pub mod database;
pub mod ecosystem;
mod error;
pub mod layer;
mod matcher;
pub mod osv;
pub mod program;
pub mod version;

pub use catalogue::Catalogue;
pub use ecosystem::Ecosystem;
pub use error::ScanError;
pub use matcher::{Matched, Matcher};
