//! Which release comes next after a given one.

use crate::{Constraint, Minor, Version};

/// The one step of a platform to its next release.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// The release to go to now.
    To(Version),
    /// This release comes next, and the constraint does not allow it.
    Barred(Version),
    /// Whether this minor has a newer patch, which would come first, is not known.
    Unknown(Minor),
    /// Nothing newer can be reached.
    Nothing,
}

/// What comes after `from`, where `newest` has the newest patch of its minor and of the one after, if there are any.
///
/// The newest patch of this minor comes first (the policy's recommendation in "Upgrading"), then the newest patch of the
/// next minor. No minor is skipped, since kube-apiserver must not skip one (rule 1 of the policy). Never downwards, never
/// to a pre-release.
///
/// A constraint says which releases are wanted, not in which order they are safe: it ends the way, and never lets the next
/// minor come before the newest patch of this one.
pub fn step(from: &Version, newest: &[Version], wanted: &Constraint) -> Step {
    let Some(own) = newest_of(from.minor(), newest) else {
        return Step::Unknown(from.minor());
    };
    let next = match own > from {
        true => Some(own),
        false => newest_of(successor(from.minor()), newest),
    };
    match next {
        Some(next) if wanted.allows(next) => Step::To(next.clone()),
        Some(next) => Step::Barred(next.clone()),
        None => Step::Nothing,
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

    fn after(from: &str, newest: &[&str], wanted: &str) -> Step {
        let newest: Vec<Version> = newest.iter().map(|text| v(text)).collect();
        step(&v(from), &newest, &wanted.parse().unwrap())
    }

    fn to(text: &str) -> Step {
        Step::To(v(text))
    }

    #[test]
    fn the_newest_patch_of_this_minor_comes_before_the_next_minor() {
        let newest = ["1.36.6", "1.37.2", "1.38.0"];
        assert_eq!(after("1.36.4", &newest, "*"), to("1.36.6"));
        assert_eq!(after("1.36.6", &newest, "*"), to("1.37.2"));
        // What runs may be newer than its marker.
        assert_eq!(after("1.36.7", &newest, "*"), to("1.37.2"));
        assert_eq!(after("1.38.0", &newest, "*"), Step::Nothing);
    }

    #[test]
    fn a_constraint_ends_the_way_and_does_not_change_it() {
        let newest = ["1.36.6", "1.37.2"];
        let barred = |text| Step::Barred(v(text));
        assert_eq!(after("1.36.4", &newest, ">=1.37"), barred("1.36.6"));
        assert_eq!(after("1.36.6", &newest, ">=1.37"), to("1.37.2"));
        assert_eq!(after("1.36.6", &newest, "<1.37"), barred("1.37.2"));
    }

    #[test]
    fn a_minor_is_not_left_while_its_newest_patch_is_unknown() {
        let unknown = Step::Unknown(v("1.36.4").minor());
        assert_eq!(after("1.36.4", &["1.37.2"], "*"), unknown);
        // A candidate is no patch of it.
        assert_eq!(after("1.36.4", &["1.36.9-rc.1", "1.37.2"], "*"), unknown);
    }

    #[test]
    fn a_minor_is_never_skipped_and_nothing_goes_down_or_to_a_candidate() {
        for newest in [
            &["1.36.6", "1.38.0"][..],
            &["1.36.6", "1.35.9"],
            &["1.36.6", "1.37.0-rc.1"],
        ] {
            assert_eq!(after("1.36.6", newest, "*"), Step::Nothing);
        }
        assert_eq!(after("1.38.0-rc.1", &["1.38.0"], "*"), to("1.38.0"));
    }

    prop_compose! {
        fn any_version()(minor in 30u64..36, patch in 0u64..4) -> Version {
            Version::new(1, minor, patch)
        }
    }

    proptest! {
        #[test]
        fn each_step_rises_by_one_minor_at_most_and_leaves_none_before_its_newest_patch(
            from in any_version(),
            mut newest in prop::collection::vec(any_version(), 0..12),
            wanted in prop::sample::select(vec!["*", ">=1.33", "<1.34", "~1.32"]),
        ) {
            let wanted: Constraint = wanted.parse().unwrap();
            let found = step(&from, &newest, &wanted);
            newest.reverse();
            prop_assert_eq!(&step(&from, &newest, &wanted), &found);
            if let Step::To(next) = found {
                prop_assert!(next > from && newest.contains(&next) && wanted.allows(&next));
                let ahead = next.minor().ahead_of(from.minor()).unwrap();
                prop_assert!((0..=1).contains(&ahead), "{from} to {next}");
                let own = newest.iter().filter(|v| v.minor() == from.minor()).max();
                prop_assert!(own.is_some_and(|own| ahead == 0 || *own <= from), "{from} to {next}");
            }
        }
    }
}
