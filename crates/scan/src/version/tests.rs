use std::cmp::Ordering;

use proptest::prelude::*;

use super::{Order, apk, dpkg};

/// Lines of `a < b`, `a = b` or `a > b`.
fn holds(order: Order, line: &str) {
    let [a, operator, b] = line.split_whitespace().collect::<Vec<_>>()[..] else {
        panic!("expected `a < b`, found `{line}`");
    };
    let expected = match operator {
        "<" => Ordering::Less,
        "=" => Ordering::Equal,
        ">" => Ordering::Greater,
        other => panic!("no operator: {other}"),
    };
    assert_eq!(order.compare(a, b), expected, "{line}");
    assert_eq!(
        order.compare(b, a),
        expected.reverse(),
        "{line}, turned round"
    );
}

#[test]
fn real_debian_versions_are_ordered_as_dpkg_orders_them() {
    include_str!("../../../../tests/data/versions/debian.txt")
        .lines()
        .for_each(|line| holds(Order::Dpkg, line));
}

#[test]
fn real_alpine_versions_are_ordered_as_apk_orders_them() {
    include_str!("../../../../tests/data/versions/alpine.txt")
        .lines()
        .for_each(|line| holds(Order::Apk, line));
}

#[test]
fn the_rules_of_debian_policy_hold() {
    let rules = [
        "1.0~rc1 < 1.0",
        "1.0~~ < 1.0~",
        "1.0~ < 1.0",
        "1.0 < 1.0+b1",
        "1.0a < 1.0+",
        "1.0-1 < 1.0-1.1",
        "1.0 = 1.0-0",
        "1:0.1 > 9.9",
        "0:1.0 = 1.0",
        "1.2.3 < 1.2.10",
        "1.02 = 1.2",
        "9~ = 9~0",
        "3.0.11-1~deb12u2 < 3.0.11-1",
        "2.36-9+deb12u3 < 2.36-9+deb12u10",
        "20230101000000000000000000001 < 20230101000000000000000000002",
    ];
    rules.into_iter().for_each(|line| holds(Order::Dpkg, line));
}

/// Cases that apk-tools' own test suite also decides (`test/version.data`).
#[test]
fn the_rules_of_apk_hold() {
    let rules = [
        "2.34 > 0.1.0_alpha",
        "0.1.0_alpha < 0.1.3_alpha",
        "0.1.0_alpha2 > 0.1.0_alpha",
        "0.1.0_alpha_pre2 < 0.1.0_alpha",
        "1.3_alpha < 1.3",
        "0.8_beta1 < 0.8_beta2",
        "2.9.11_pre20051101-r2 < 2.9.11_pre20051101-r3",
        "1.2.4_git20230717-r5 > 1.2.4-r3",
        "3.7 < 3.7_p1",
        "1.0_p10-r0 > 1.0_p9-r0",
        "1.0.4-r3 < 1.0.4-r4",
        "1.0 < 1.0-r1",
        "1.1 < 1.1a",
        "2.3.0b-r1 < 2.3.0b-r2",
        "0.9.8c-r1 < 0.9.8d",
        "006 > 1.0.0",
        "1.02 < 1.1",
        "1.06-r6 < 006",
        "1.39 > 1.00_beta2",
        "7.0.17 < 7.0.174",
        "1.0.0_pre20191002222144-r0 < 1.0.0_pre20210530193627-r0",
        "1.0 < 1.0bc",
        "23_foo > 4_beta",
        "1.0~abc < 1.0~abd",
        "1.0_rc1~abc < 1.0~abc",
    ];
    rules.into_iter().for_each(|line| holds(Order::Apk, line));
}

/// A version as Debian policy allows it.
fn debian_version() -> impl Strategy<Value = String> {
    (
        "([0-9]{1,2}:)?",
        "[0-9][0-9a-c.+~]{0,6}",
        "(-[0-9a-c.+~]{1,4})?",
    )
        .prop_map(|(epoch, upstream, revision)| format!("{epoch}{upstream}{revision}"))
}

/// The same without zeros: debversion 0.5 takes a number that is not there for less than 0, dpkg for 0 (`9~` and `9~0`).
/// With them, dpkg itself is asked (`tests/peers.rs`).
fn debian_version_without_zeros() -> impl Strategy<Value = String> {
    debian_version().prop_map(|version| version.replace('0', "1"))
}

fn apk_version() -> impl Strategy<Value = String> {
    (
        "[0-9]{1,2}(\\.[0-9]{1,3}){0,3}[a-c]?",
        "(_(alpha|beta|pre|rc|git|p)[0-9]{0,2}){0,2}",
        "(-r[0-9]{1,2})?",
    )
        .prop_map(|(number, suffix, revision)| format!("{number}{suffix}{revision}"))
}

proptest! {
    #[test]
    fn our_dpkg_order_is_that_of_a_second_implementation(
        a in debian_version_without_zeros(), b in debian_version_without_zeros(),
    ) {
        let parse = |text: &str| text.parse::<debversion::Version>();
        if let (Ok(theirs_a), Ok(theirs_b)) = (parse(&a), parse(&b)) {
            prop_assert_eq!(dpkg(&a, &b), theirs_a.cmp(&theirs_b), "{} and {}", a, b);
        }
    }

    #[test]
    fn both_orders_are_total_over_any_text(a in "[ -~]{0,10}", b in "[ -~]{0,10}") {
        for order in [Order::Dpkg, Order::Apk] {
            prop_assert_eq!(order.compare(&a, &b), order.compare(&b, &a).reverse());
            prop_assert_eq!(order.compare(&a, &a), Ordering::Equal);
        }
    }

    #[test]
    fn both_orders_are_transitive(
        mut apks in prop::collection::vec(apk_version(), 3), mut debs in prop::collection::vec(debian_version(), 3),
    ) {
        apks.sort_by(|a, b| apk(a, b));
        prop_assert!(apk(&apks[0], &apks[2]).is_le());
        debs.sort_by(|a, b| dpkg(a, b));
        prop_assert!(dpkg(&debs[0], &debs[2]).is_le());
    }
}

#[test]
fn semantic_versions_have_their_order_also_as_go_and_advisories_write_them() {
    let ascending = [
        "what is no version",
        "0.0.0-20190101000000-abcdef012345",
        "v0.0.0-20210405180319-0b04f8e1d0d8",
        "0",
        "0.1",
        "v0.1.1-0.20230101000000-abcdef012345",
        "0.1.1",
        "1.20.0",
        "1.21.0-0",
        "1.21.0-rc.2",
        "1.21.0-rc.10",
        "1.21",
        "v29.7.2+incompatible",
    ];
    for (at, lower) in ascending.iter().enumerate() {
        for higher in &ascending[at + 1..] {
            assert!(
                crate::version::semver(lower, higher).is_lt(),
                "{lower} < {higher}"
            );
            assert!(
                crate::version::semver(higher, lower).is_gt(),
                "{higher} > {lower}"
            );
        }
    }
    assert!(crate::version::semver("v29.7.2+incompatible", "29.7.2").is_eq());
}
