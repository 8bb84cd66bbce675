//! Findings, the policy over them, and the verdict (pure).
//!
//! An [`Examiner`] looks into one artifact and gives an [`Examination`]: the [`Finding`]s, and by name everything that was
//! seen and not examined. A [`Policy`] says what counts; [`judge`] applies it and gives a [`Verdict`]: permit, deny, or
//! incomplete when something that can run was not examined and the policy does not accept it by name.
//!
//! "Found something" and "did not see everything" are verdicts. "Could not tell" is an error of the examiner, and never gets
//! as far as this crate, with two exceptions that both lean to no: a severity that nobody stated is [`Rating::Unknown`] and
//! counts as the policy says (denied by default), and an artifact in which nothing could be examined is incomplete unless
//! the policy names every file in it that can run.
//!
//! **Invariant:** the verdict depends on the set of findings, never on their order, and a policy that asks for less
//! never denies what one that asks for more permits (property tests hold both).

mod examination;
mod finding;
mod package;
mod policy;
mod severity;
mod table;
mod unexamined;
mod verdict;

pub use examination::{Counted, Examination, Examined, Examiner, SupportEnded};
pub use finding::Finding;
pub use package::{Package, SourcePackage};
pub use policy::{EndOfSupport, Policy, Threshold, UnknownSeverity};
pub use severity::{Rating, Severity};
pub use table::table;
pub use unexamined::{Accepted, Kind, NotExamined, NotExaminedPart};
pub use verdict::{Counts, Decision, Reason, Rule, Verdict, judge};
