//! Version grammars, their order, and the Kubernetes version-skew rules.
//!
//! Everything here is a pure function of its arguments. [`Version`] is the grammar of Kubernetes releases (`v1.37.2`,
//! `1.38.0-rc.1`); [`Constraint`] is a range of them; [`Minor`] is what the skew policy counts in; [`next`] says which releases may be reached from a given
//! one; [`skew`] says whether two components may run together. The rules are those of the Kubernetes version-skew policy
//! (`content/en/releases/version-skew-policy.md` in kubernetes/website), each named where it is written.

mod constraint;
pub mod next;
pub mod skew;
mod version;

pub use constraint::{Constraint, ConstraintError};
pub use version::{Minor, ParseError, Version};
