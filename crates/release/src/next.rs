//! Which releases may be reached from a given one.

use crate::{Minor, Version};

/// The releases on the way from `from`, oldest first, as far as `available` reaches without a gap.
///
/// The way is: the newest patch of this minor, then the newest patch of the next minor, and so on. No minor is skipped,
/// since kube-apiserver must not skip one (rule 1 of the policy), and the newest patch of a minor comes before the
/// next minor (its recommendation in "Upgrading"). Never downwards. Pre-releases are never on the way.
pub fn way(from: &Version, available: &[Version]) -> Vec<Version> {
    let mut way = Vec::new();
    let mut minor = from.minor();
    // A minor of which nothing is offered any more is left by the adjacent one.
    if newest_of(minor, available).is_none() {
        minor = successor(minor);
    }
    while let Some(newest) = newest_of(minor, available) {
        if newest > from {
            way.push(newest.clone());
        }
        minor = successor(minor);
    }
    way
}

/// The one release to go to now: the first of the [`way`].
pub fn step(from: &Version, available: &[Version]) -> Option<Version> {
    way(from, available).into_iter().next()
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

    fn versions(texts: &[&str]) -> Vec<Version> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    fn v(text: &str) -> Version {
        text.parse().unwrap()
    }

    #[test]
    fn the_newest_patch_of_this_minor_comes_before_the_next_minor() {
        let available = versions(&["1.36.6", "1.37.2", "1.38.0", "1.36.5"]);
        assert_eq!(
            way(&v("1.36.4"), &available),
            versions(&["1.36.6", "1.37.2", "1.38.0"])
        );
        assert_eq!(step(&v("1.36.6"), &available), Some(v("1.37.2")));
    }

    #[test]
    fn a_minor_is_never_skipped() {
        assert_eq!(way(&v("1.35.9"), &versions(&["1.37.2"])), []);
        assert_eq!(
            way(&v("1.35.9"), &versions(&["1.36.1", "1.38.0"])),
            versions(&["1.36.1"])
        );
    }

    #[test]
    fn nothing_goes_down_or_to_a_candidate() {
        assert_eq!(
            way(
                &v("1.37.2"),
                &versions(&["1.37.1", "1.36.9", "1.38.0-rc.1"])
            ),
            []
        );
    }

    #[test]
    fn from_a_candidate_the_release_is_reached() {
        assert_eq!(
            way(&v("1.38.0-rc.1"), &versions(&["1.38.0"])),
            versions(&["1.38.0"])
        );
    }

    prop_compose! {
        fn any_version()(minor in 30u64..36, patch in 0u64..4) -> Version {
            Version::new(1, minor, patch)
        }
    }

    proptest! {
        #[test]
        fn the_way_rises_by_single_minors_and_ignores_order(
            from in any_version(),
            mut available in prop::collection::vec(any_version(), 0..12),
        ) {
            let found = way(&from, &available);
            available.reverse();
            prop_assert_eq!(&way(&from, &available), &found);
            let mut last = from.clone();
            for version in found {
                prop_assert!(version > last);
                let ahead = version.minor().ahead_of(last.minor()).unwrap();
                prop_assert!((0..=1).contains(&ahead), "{last} to {version}");
                prop_assert!(available.contains(&version));
                last = version;
            }
        }
    }
}
