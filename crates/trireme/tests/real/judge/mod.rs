//! The verdict on a roll, from those who did not take part in it: an [`observer`], the [`audit`] log, a [`prober`]; and on the
//! [`clock`] of who rolled.
//!
//! Each judge first asks whether its witness saw enough. One that did not has no verdict, least of all a good one.

pub mod audit;
pub mod clock;
pub mod observer;
pub mod prober;

/// Why a judge does not acquit.
#[derive(Debug, PartialEq, Eq)]
pub enum Objection {
    /// The witness did not see what it would have to see: no verdict.
    Unseen(String),
    /// It saw that a promise was broken.
    Broken(String),
}

/// Nothing, or the first objection.
pub type Verdict = Result<(), Objection>;

/// Objects unless the witness saw this.
fn seen(holds: bool, what: impl FnOnce() -> String) -> Verdict {
    holds.then_some(()).ok_or_else(|| Objection::Unseen(what()))
}

/// Objects unless this promise was kept.
fn kept(holds: bool, what: impl FnOnce() -> String) -> Verdict {
    holds.then_some(()).ok_or_else(|| Objection::Broken(what()))
}
