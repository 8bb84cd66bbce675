//! The range of releases that a pipeline allows.

use std::fmt;
use std::str::FromStr;

use semver::{Comparator, VersionReq};

use crate::version::shown;
use crate::{Minor, Version};

/// A range of releases in the grammar of Cargo, e.g. `>=1.36, <1.38` or `~1.37`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Constraint(VersionReq);

/// Text that is not a constraint.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{shown} is not a constraint of versions ({reason}); expected e.g. `>=1.36, <1.38` or `~1.37`"
)]
pub struct ConstraintError {
    shown: String,
    reason: String,
}

impl Constraint {
    /// Allows every release and no pre-release.
    pub const ANY: Self = Self(VersionReq::STAR);

    /// Whether this release is in the range. The suffix of a vendor does not matter.
    pub fn allows(&self, version: &Version) -> bool {
        self.0.matches(&version.as_semver())
    }

    /// Whether the range allows any release of this minor. The server need not be asked about another minor.
    ///
    /// Exact: the range treats all patches between two neighbouring bounds alike, so one patch of each group decides.
    pub fn touches(&self, minor: Minor) -> bool {
        let bounds = self.0.comparators.iter().filter_map(|c| c.patch);
        let mut patches = bounds.flat_map(|p| [p.saturating_sub(1), p, p.saturating_add(1)]);
        self.allows(&Version::new(minor.major, minor.minor, 0))
            || patches.any(|patch| self.allows(&Version::new(minor.major, minor.minor, patch)))
    }
}

impl FromStr for Constraint {
    type Err = ConstraintError;

    /// A leading `v` of a version is accepted, as Kubernetes writes it.
    fn from_str(text: &str) -> Result<Self, ConstraintError> {
        let bare: Vec<String> = text.split(',').map(without_v).collect();
        match VersionReq::parse(&bare.join(",")) {
            Ok(range) => Ok(Self(range)),
            Err(error) => Err(ConstraintError {
                shown: shown(text),
                reason: error.to_string(),
            }),
        }
    }
}

/// `>= v1.36` as `>= 1.36`.
fn without_v(comparator: &str) -> String {
    let start = comparator
        .find(|character: char| !"<>=~^ ".contains(character))
        .unwrap_or(comparator.len());
    let (operator, version) = comparator.split_at(start);
    format!("{operator}{}", version.strip_prefix('v').unwrap_or(version))
}

impl fmt::Display for Constraint {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts: Vec<String> = self
            .0
            .comparators
            .iter()
            .map(Comparator::to_string)
            .collect();
        formatter.write_str(
            if parts.is_empty() {
                "*".into()
            } else {
                parts.join(", ")
            }
            .as_str(),
        )
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn minor(minor: u64) -> Minor {
        Minor { major: 1, minor }
    }

    #[test]
    fn the_range_of_a_pipeline() {
        let range: Constraint = ">=v1.36, <1.38".parse().unwrap();
        assert!(range.allows(&Version::new(1, 36, 0)) && range.allows(&Version::new(1, 37, 9)));
        assert!(!range.allows(&Version::new(1, 38, 0)));
        assert!(!range.allows(&"1.37.0-rc.1".parse().unwrap()));
        assert!(!range.allows(&"1.37.0-rc.1+rke2r1".parse().unwrap()));
        for vendor in ["1.36.4+k3s1", "1.37.2-eks-1234", "1.37.2-gke.5"] {
            assert!(range.allows(&vendor.parse().unwrap()), "{vendor}");
        }
        assert!(!range.allows(&"1.38.0-gke.1".parse().unwrap()));
        assert!(range.touches(minor(37)) && !range.touches(minor(38)));
        assert!(Constraint::ANY.touches(minor(1)));
    }

    #[test]
    fn what_is_not_a_range_is_refused() {
        for bad in ["", "newest", ">=", "1.37 - 1.38", "vv1.37"] {
            assert!(bad.parse::<Constraint>().is_err(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn touches_is_what_trying_every_patch_says(
            low in (30u64..34, 0u64..6), high in (30u64..34, 0u64..6),
            low_operator in prop::sample::select(vec![">", ">=", "^", "~", "="]),
            high_operator in prop::sample::select(vec!["<", "<="]),
        ) {
            let text = format!("{low_operator}1.{}.{}, {high_operator}1.{}.{}", low.0, low.1, high.0, high.1);
            let range: Constraint = text.parse().unwrap();
            for number in 28..36 {
                let tried = (0..12).any(|patch| range.allows(&Version::new(1, number, patch)));
                prop_assert_eq!(range.touches(minor(number)), tried, "{} in 1.{}", text, number);
            }
        }
    }
}
