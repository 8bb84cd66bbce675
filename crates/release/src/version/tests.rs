use proptest::prelude::*;

use super::*;

fn v(text: &str) -> Version {
    text.parse().unwrap()
}

#[test]
fn a_candidate_comes_before_its_release() {
    let candidate = v("v1.38.0-rc.1");
    assert!(candidate < Version::new(1, 38, 0));
    assert!(candidate > Version::new(1, 37, 9));
    assert!(candidate.is_prerelease());
}

#[test]
fn ten_comes_after_nine() {
    assert!(v("1.37.10") > v("1.37.9"));
    assert!(v("1.100.0") > v("1.99.9"));
    assert!(v("1.38.0-rc.10") > v("1.38.0-rc.9"));
}

/// Text, release, suffix and whether it is a pre-release; versions of real clusters, builds and images.
const KNOWN: [(&str, &str, &str, bool); 23] = [
    ("v1.37.2", "v1.37.2", "", false),
    ("v1.36.4+k3s1", "v1.36.4", "+k3s1", false),
    ("v1.36.4+rke2r1", "v1.36.4", "+rke2r1", false),
    ("v1.36.4+k0s", "v1.36.4", "+k0s", false),
    ("v1.36.4+k0s.0", "v1.36.4", "+k0s.0", false),
    ("v1.36.4+vmware.1", "v1.36.4", "+vmware.1", false),
    (
        "v1.36.4+vmware.1-fips.1",
        "v1.36.4",
        "+vmware.1-fips.1",
        false,
    ),
    ("v1.36.4+IKS", "v1.36.4", "+IKS", false),
    ("v1.36.4+aba1e8d", "v1.36.4", "+aba1e8d", false),
    ("v1.37.2-eks-1234", "v1.37.2", "-eks-1234", false),
    ("v1.36.3-eks-cb19647", "v1.36.3", "-eks-cb19647", false),
    ("v1.37.2-gke.5", "v1.37.2", "-gke.5", false),
    ("v1.37.2-gke.1234000", "v1.37.2", "-gke.1234000", false),
    ("v1.37.2-gke.0123", "v1.37.2", "-gke.0123", false),
    ("v1.37.2-aliyun.1", "v1.37.2", "-aliyun.1", false),
    ("v1.37.2-r0-27.0.4", "v1.37.2", "-r0-27.0.4", false),
    ("v1.37.2-akslts+1", "v1.37.2", "-akslts+1", false),
    ("v1.37.2-rcx.1", "v1.37.2", "-rcx.1", false),
    ("v1.37.0-rc.1+rke2r1", "v1.37.0-rc.1", "+rke2r1", true),
    ("v1.36.3-rc.0-eks-1", "v1.36.3-rc.0", "-eks-1", true),
    ("v1.37.0-rc1+k3s1", "v1.37.0-rc1", "+k3s1", true),
    (
        "v1.37.0-alpha.3.12+0123abc",
        "v1.37.0-alpha.3.12",
        "+0123abc",
        true,
    ),
    ("v1.37.0-beta", "v1.37.0-beta", "", true),
];

#[test]
fn a_release_is_told_from_the_suffix_of_a_vendor() {
    for (text, release, suffix, prerelease) in KNOWN {
        let version = v(text);
        assert_eq!(version.to_string(), text);
        assert_eq!(version.bare(), text[1..]);
        assert_eq!(version.release().to_string(), release, "{text}");
        assert_eq!(version.release(), v(release), "{text}");
        assert_eq!(version.suffix(), suffix, "{text}");
        assert_eq!(version.is_prerelease(), prerelease, "{text}");
        assert_eq!(version.minor(), v(release).minor(), "{text}");
    }
}

#[test]
fn a_wanted_version_without_suffix_is_met_by_any_build_and_one_with_suffix_by_itself_only() {
    for (wanted, running, accepted) in [
        ("v1.37.2", "v1.37.2", true),
        ("v1.37.2", "v1.37.2+k3s1", true),
        ("v1.37.2", "v1.37.2+vmware.1", true),
        ("v1.37.2", "v1.37.2-eks-cb19647", true),
        ("v1.37.2", "v1.37.2-gke.1234000", true),
        ("v1.37.2", "v1.37.3+k3s1", false),
        ("v1.37.2", "v1.36.2+k3s1", false),
        ("v1.37.2", "v1.37.2-rc.1", false),
        ("v1.37.2", "v1.37.2-rc1+k3s1", false),
        ("v1.37.2", "v1.37.2-rc.1-eks-1", false),
        ("v1.37.0-rc.1", "v1.37.0-rc.1", true),
        ("v1.37.0-rc.1", "v1.37.0-rc.1+rke2r1", true),
        ("v1.37.0-rc.1", "v1.37.0", false),
        ("v1.37.0-rc.1", "v1.37.0-rc.2+rke2r1", false),
        ("v1.37.2+k3s2", "v1.37.2+k3s2", true),
        ("v1.37.2+k3s2", "v1.37.2+k3s1", false),
        ("v1.37.2+k3s2", "v1.37.2+k3s10", false),
        ("v1.37.2+k3s2", "v1.37.2-k3s2", false),
        ("v1.37.2+k3s2", "v1.37.2", false),
        ("v1.37.2+vmware.1", "v1.37.2+vmware.01", false),
        ("v1.37.2-eks-1234", "v1.37.2-eks-1234", true),
        ("v1.37.2-eks-1234", "v1.37.2", false),
    ] {
        assert_eq!(
            v(wanted).accepts(&v(running)),
            accepted,
            "{wanted} wanted, {running} runs"
        );
    }
}

#[test]
fn suffixes_are_ordered_after_the_plain_release_and_before_the_next() {
    let ordered = [
        "1.37.0-alpha.1",
        "1.37.0-alpha.2",
        "1.37.0-beta.0",
        "1.37.0-rc.1",
        "1.37.0-rc.1+k3s1",
        "1.37.0-rc.1.5",
        "1.37.0-rc.2",
        "1.37.0",
        "1.37.0+k3s1",
        "1.37.0+k3s2",
        "1.37.0+k3s10",
        "1.37.0+vmware.1",
        "1.37.0+vmware.10",
        "1.37.0-eks-1",
        "1.37.1-rc.0-eks-1",
        "1.37.1",
    ];
    for pair in ordered.windows(2) {
        assert!(v(pair[0]) < v(pair[1]), "{} before {}", pair[0], pair[1]);
    }
}

#[test]
fn what_is_not_a_version_is_refused() {
    let long = format!("1.37.2+{}", "a".repeat(LENGTH_LIMIT));
    for bad in [
        "",
        "v",
        "1.37",
        "vv1.37.2",
        "01.2.3",
        "latest",
        "<html>",
        "1.37.2 ",
        "1.37.2+",
        "1.37.2-",
        "1.37.2+a+b",
        "1.37.2+a..b",
        "1.37.2-eks_1",
        "1.37.2-.a",
        "1.37.2+k3s1\n",
        "1.37.2-rc.1+",
        "1.37.2-rc.1x",
        "1.37.2-rc.1.eks",
        "1.37.2-rc.01",
        "1.37.2k3s1",
        "1.37.2.3",
        "-1.37.2",
        "1.37.2\u{a0}",
        "99999.1.1",
        "1.37.2-b\u{e9}ta",
        &long,
    ] {
        assert!(bad.parse::<Version>().is_err(), "{bad}");
    }
}

#[test]
fn a_message_shows_the_whole_text_or_none_of_it() {
    let message = |text: &str| text.parse::<Version>().unwrap_err().to_string();
    assert!(
        message("1.37").starts_with("`1.37` is not a Kubernetes version; expected e.g. `v1.37.2`")
    );
    let long = "CANARY".repeat(20);
    assert!(message(&long).starts_with("a text of 120 bytes is not a Kubernetes version"));
    let refused = long.parse::<crate::Constraint>().unwrap_err().to_string();
    assert!(
        refused.starts_with("a text of 120 bytes is not a constraint"),
        "{refused}"
    );
    assert!(!refused.contains("CANARY"), "{refused}");
}

#[test]
fn it_is_stored_as_it_is_shown() {
    for (text, ..) in KNOWN {
        let stored = serde_json::to_string(&v(text)).unwrap();
        assert_eq!(stored, format!("\"{text}\""));
        assert_eq!(serde_json::from_str::<Version>(&stored).unwrap(), v(text));
    }
}

prop_compose! {
    /// Versions that often share their release, so that suffixes decide.
    fn any_version()(
        patch in 0u64..2,
        prerelease in "(-(alpha|beta|rc|RC)(\\.?[0-9])?(\\.1[0-9])?)?",
        suffix in "([-](eks|gke|rcx|r0)[-.a0-2]{0,3}[a1])?([+](k3s|vmware[.]?|0?)[0-9a]{1,3})?",
    ) -> Version {
        let text = format!("v1.37.{patch}{prerelease}{suffix}");
        text.parse().unwrap_or_else(|_| Version::new(1, 37, patch))
    }
}

proptest! {
    #[test]
    fn what_is_written_is_read(major in 0u64..10, minor in 0u64..200, patch in 0u64..100) {
        let version = Version::new(major, minor, patch);
        prop_assert_eq!(version.to_string().parse::<Version>().unwrap(), version.clone());
        prop_assert_eq!(version.bare().parse::<Version>().unwrap(), version);
    }

    #[test]
    fn what_is_read_is_written_as_it_was(version in any_version()) {
        let read: Version = version.to_string().parse().unwrap();
        prop_assert_eq!(&read, &version);
        prop_assert_eq!(read.to_string(), version.to_string());
        prop_assert_eq!(read.suffix(), version.suffix());
    }

    #[test]
    fn any_text_that_is_read_is_written_as_it_was(text in "v1\\.37\\.2[-+][-+.a-c0-2rlph]{0,8}") {
        if let Ok(version) = text.parse::<Version>() {
            prop_assert_eq!(version.to_string(), text);
        }
    }

    #[test]
    fn the_order_is_total_and_only_equal_versions_are_equal(versions in prop::array::uniform3(any_version())) {
        let [a, b, c] = &versions;
        prop_assert_eq!(a.cmp(b), b.cmp(a).reverse());
        prop_assert_eq!(a.cmp(b).is_eq(), a == b);
        prop_assert_eq!(a == b, a.to_string() == b.to_string());
        prop_assert!(!(a <= b && b <= c) || a <= c, "{a}, {b}, {c}");
        // Never against the order of the releases.
        prop_assert!(a.release() >= b.release() || a < b, "{a}, {b}");
    }

    #[test]
    fn a_version_is_accepted_by_itself_and_by_its_release(version in any_version(), other in any_version()) {
        prop_assert!(version.accepts(&version) && version.release().accepts(&version));
        prop_assert_eq!(version.release().release(), version.release());
        prop_assert!(!version.accepts(&other) || version.release() == other.release());
    }

    #[test]
    fn no_text_panics(text in ".{0,40}") {
        let _ = text.parse::<Version>();
        let _ = format!("1.37.2-{text}").parse::<Version>();
    }
}
