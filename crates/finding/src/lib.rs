//! Findings, the policy over them, and the verdict (pure).
//!
//! A [`Finding`] is one advisory on one package in one artifact. An [`Examination`] is all that was found out about
//! one artifact: the findings, and by name everything that could not be examined. A [`Policy`] says which findings
//! count; [`judge`] applies it and gives a [`Verdict`]: permit or deny, with the rules that decided.
//!
//! Two kinds of bad news are kept apart. "Found something" is a verdict. "Could not tell" is an error of whoever
//! examined, and never gets as far as this crate, with two exceptions that both lean to no: a severity that nobody
//! stated is [`Rating::Unknown`] and counts as the policy says (denied by default), and an artifact in which nothing
//! could be examined is denied under every policy.
//!
//! [`ScanGate`] is how other resources ask "is this digest permitted?" without knowing who answers.
//!
//! **Invariant:** the verdict depends on the set of findings, never on their order, and a policy that asks for less
//! never denies what one that asks for more permits (property tests hold both).

mod examination;
mod finding;
mod gate;
mod policy;
mod severity;
mod table;
mod verdict;

pub use examination::{Examination, Examined, NotExamined};
pub use finding::Finding;
pub use gate::ScanGate;
pub use policy::{NotExaminedPolicy, Policy, Threshold, UnknownSeverity};
pub use severity::{Rating, Severity};
pub use table::table;
pub use verdict::{Counts, Decision, Reason, Rule, Verdict, judge};
