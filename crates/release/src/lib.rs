//! Kubernetes versions, their order, and the version-skew rules.
//!
//! Everything here is a pure function of its arguments. [`Version`] is the grammar of Kubernetes versions (`v1.37.2`,
//! `1.38.0-rc.1`, `v1.36.4+k3s1`); [`Constraint`] is a range of them; [`Minor`] is what the skew policy counts in; [`next`] says
//! which release follows a version; [`skew`] says whether two components may run together. The rules are those of the
//! Kubernetes version-skew policy (`content/en/releases/version-skew-policy.md` in kubernetes/website), each named where it is
//! written.

mod constraint;
mod natural;
pub mod next;
pub mod skew;
mod version;

pub use constraint::{Constraint, ConstraintError};
pub use version::{Minor, ParseError, Version};
