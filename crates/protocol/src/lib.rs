//! The Concourse resource protocol, once, for every resource of Trireme.
//!
//! A resource author writes typed `Source`, `Version`, `GetParams` and `PutParams` and three async functions, all of which
//! can fail, and hands them to [`resource!`]; [`main`] does the rest: dispatch on `argv[0]`, one bounded JSON value from standard input, one JSON value
//! to standard output, people's lines to standard error, exit codes, SIGTERM, staging of `in`, and redaction.
//!
//! The contract is Concourse's own (`atc/resource/resource.go`, `atc/resource_types.go`): `version` and `params` may be
//! absent, null or `{}`; versions are flat maps of strings; versions are listed oldest first; only the first JSON value
//! of standard output is read, so exactly one is written.
//!
//! **Invariant:** nothing else in the workspace writes to standard output of a resource program.
//! **Invariant:** lines for people are events of `tracing`, written by one layer ([`lines`]).
//! **Invariant:** whatever leaves a program passes the [`redact`] filter, which knows every [`Secret`] that was read.

mod again;
pub mod build;
mod call;
mod decode;
mod dispatch;
mod fault;
pub mod lines;
pub mod redact;
mod resource;
mod schema;
mod secret;
mod skeleton;
mod staging;
mod step;
mod stop;
pub mod types;

pub use again::run_again;
pub use dispatch::{main, main_with};
pub use fault::{Exit, Fault};
pub use resource::{Metadata, Outcome, Resource};
pub use schema::schema;
pub use secret::Secret;
pub use step::{Progress, StepContext};
