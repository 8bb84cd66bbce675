//! Which release comes next after a given one.

use crate::{Constraint, Minor, Version};

/// What follows a version in an upgrade.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Next {
    /// Upgrade to this release now.
    Upgrade(Version),
    /// This release comes next, but the constraint does not allow it.
    NotAllowed(Version),
    /// The newest patch of this minor would come first, but it is not known.
    Unknown(Minor),
    /// There is no newer release that can be reached in one upgrade.
    UpToDate,
}

/// What follows `from`. `newest` has the newest patch of the minor of `from` and of the next minor, as far as they exist.
///
/// The newest patch of this minor comes first (the policy's recommendation in "Upgrading"), then the newest patch of the
/// next minor. No minor is skipped, since kube-apiserver must not skip one (rule 1 of the policy). Never a downgrade, never
/// a pre-release. The suffix of a vendor in `from` does not matter: an upgrade is one of the release.
///
/// A constraint says which releases are allowed, not in which order they are safe. It ends the upgrades; it never lets the
/// next minor come before the newest patch of this one.
pub fn after(from: &Version, newest: &[Version], allowed: &Constraint) -> Next {
    let Some(own) = newest_of(from.minor(), newest) else {
        return Next::Unknown(from.minor());
    };
    let next = match own.release() > from.release() {
        true => Some(own),
        false => newest_of(successor(from.minor()), newest),
    };
    match next {
        Some(next) if allowed.allows(next) => Next::Upgrade(next.clone()),
        Some(next) => Next::NotAllowed(next.clone()),
        None => Next::UpToDate,
    }
}

fn newest_of(minor: Minor, available: &[Version]) -> Option<&Version> {
    available
        .iter()
        .filter(|version| version.minor() == minor && !version.is_prerelease())
        .max()
}

fn successor(minor: Minor) -> Minor {
    Minor {
        major: minor.major,
        minor: minor.minor + 1,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn v(text: &str) -> Version {
        text.parse().unwrap()
    }

    fn following(from: &str, newest: &[&str], allowed: &str) -> Next {
        let newest: Vec<Version> = newest.iter().map(|text| v(text)).collect();
        after(&v(from), &newest, &allowed.parse().unwrap())
    }

    fn to(text: &str) -> Next {
        Next::Upgrade(v(text))
    }

    #[test]
    fn the_newest_patch_of_this_minor_comes_before_the_next_minor() {
        let newest = ["1.36.6", "1.37.2", "1.38.0"];
        assert_eq!(following("1.36.4", &newest, "*"), to("1.36.6"));
        assert_eq!(following("1.36.6", &newest, "*"), to("1.37.2"));
        // What runs may be newer than the marker of its minor.
        assert_eq!(following("1.36.7", &newest, "*"), to("1.37.2"));
        assert_eq!(following("1.38.0", &newest, "*"), Next::UpToDate);
    }

    #[test]
    fn a_vendor_suffix_changes_nothing() {
        let newest = ["1.36.6", "1.37.2"];
        for suffix in ["+k3s1", "+vmware.1", "-eks-cb19647", "-gke.1234000"] {
            let from = |release: &str| following(&format!("{release}{suffix}"), &newest, "*");
            assert_eq!(from("1.36.4"), to("1.36.6"));
            assert_eq!(from("1.36.6"), to("1.37.2"));
            assert_eq!(from("1.37.2"), Next::UpToDate);
        }
    }

    #[test]
    fn a_constraint_ends_the_upgrades_and_does_not_change_their_order() {
        let newest = ["1.36.6", "1.37.2"];
        let not_allowed = |text| Next::NotAllowed(v(text));
        assert_eq!(
            following("1.36.4", &newest, ">=1.37"),
            not_allowed("1.36.6")
        );
        assert_eq!(following("1.36.6", &newest, ">=1.37"), to("1.37.2"));
        assert_eq!(following("1.36.6", &newest, "<1.37"), not_allowed("1.37.2"));
    }

    #[test]
    fn a_minor_is_not_left_while_its_newest_patch_is_unknown() {
        let unknown = Next::Unknown(v("1.36.4").minor());
        assert_eq!(following("1.36.4", &["1.37.2"], "*"), unknown);
        // A release candidate is not a patch.
        assert_eq!(
            following("1.36.4", &["1.36.9-rc.1", "1.37.2"], "*"),
            unknown
        );
    }

    #[test]
    fn a_minor_is_never_skipped_and_nothing_goes_down_or_to_a_candidate() {
        for newest in [
            &["1.36.6", "1.38.0"][..],
            &["1.36.6", "1.35.9"],
            &["1.36.6", "1.37.0-rc.1"],
        ] {
            assert_eq!(following("1.36.6", newest, "*"), Next::UpToDate);
        }
        assert_eq!(following("1.38.0-rc.1", &["1.38.0"], "*"), to("1.38.0"));
    }

    prop_compose! {
        fn any_version()(minor in 30u64..36, patch in 0u64..4) -> Version {
            Version::new(1, minor, patch)
        }
    }

    proptest! {
        #[test]
        fn each_upgrade_rises_by_one_minor_at_most_and_leaves_no_minor_before_its_newest_patch(
            from in any_version(),
            mut newest in prop::collection::vec(any_version(), 0..12),
            allowed in prop::sample::select(vec!["*", ">=1.33", "<1.34", "~1.32"]),
        ) {
            let allowed: Constraint = allowed.parse().unwrap();
            let found = after(&from, &newest, &allowed);
            newest.reverse();
            prop_assert_eq!(&after(&from, &newest, &allowed), &found);
            if let Next::Upgrade(next) = found {
                prop_assert!(next > from && newest.contains(&next) && allowed.allows(&next));
                let ahead = next.minor().ahead_of(from.minor()).unwrap();
                prop_assert!((0..=1).contains(&ahead), "{from} to {next}");
                let own = newest.iter().filter(|v| v.minor() == from.minor()).max();
                prop_assert!(own.is_some_and(|own| ahead == 0 || *own <= from), "{from} to {next}");
            }
        }
    }
}
