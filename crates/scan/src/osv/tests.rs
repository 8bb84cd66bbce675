use proptest::prelude::*;
use trireme_finding::Severity;

use super::*;

fn advisory(json: &str) -> Advisory {
    serde_json::from_str(json).unwrap()
}

fn affected(events: &str) -> Affected {
    let json = format!(
        r#"{{"package":{{"ecosystem":"Debian:12","name":"x"}},"ranges":[{{"type":"ECOSYSTEM","events":{events}}}]}}"#
    );
    serde_json::from_str(&json).unwrap()
}

fn fixed(events: &str, version: &str) -> Option<Option<String>> {
    affected(events)
        .hit(version, Order::Dpkg)
        .map(|hit| hit.fixed)
}

#[test]
fn a_range_holds_its_begin_and_not_its_fix() {
    let events = r#"[{"introduced":"1.0"},{"fixed":"2.0"}]"#;
    assert_eq!(fixed(events, "0.9"), None);
    assert_eq!(fixed(events, "1.0"), Some(Some("2.0".to_owned())));
    assert_eq!(fixed(events, "2.0~rc1"), Some(Some("2.0".to_owned())));
    assert_eq!(fixed(events, "2.0"), None);
}

#[test]
fn zero_is_before_everything_and_a_last_affected_version_is_affected() {
    let events = r#"[{"introduced":"0"},{"last_affected":"2.0"}]"#;
    assert_eq!(fixed(events, "0~~"), Some(None));
    assert_eq!(fixed(events, "2.0"), Some(None));
    assert_eq!(fixed(events, "2.0+b1"), None);
}

#[test]
fn events_need_not_be_sorted_and_may_begin_again() {
    let events = r#"[{"fixed":"4.0"},{"introduced":"3.0"},{"introduced":"0"},{"fixed":"2.0"}]"#;
    assert_eq!(fixed(events, "1.0"), Some(Some("2.0".to_owned())));
    assert_eq!(fixed(events, "2.5"), None);
    assert_eq!(fixed(events, "3.5"), Some(Some("4.0".to_owned())));
    assert_eq!(fixed(events, "4.0"), None);
}

#[test]
fn several_intervals_of_one_range_are_all_evaluated() {
    let events = r#"[{"introduced":"0"},{"fixed":"1.0"},{"introduced":"1.0"}]"#;
    for version in ["0.9", "1.0", "1.1"] {
        assert_eq!(fixed(events, version), Some(None), "{version}");
    }
    let events =
        r#"[{"introduced":"0"},{"last_affected":"1.0"},{"introduced":"1.0"},{"fixed":"2.0"}]"#;
    assert_eq!(fixed(events, "1.5"), Some(Some("2.0".to_owned())));
    assert_eq!(fixed(events, "0.5"), Some(Some("2.0".to_owned())));
    assert_eq!(fixed(events, "2.0"), None);
    let one =
        r#"[{"introduced":"1.0"},{"last_affected":"1.0"},{"introduced":"3.0"},{"fixed":"4.0"}]"#;
    let found = ["0.9", "1.0", "1.1", "3.0", "4.0"].map(|version| fixed(one, version).is_some());
    assert_eq!(found, [false, true, false, true, false]);
    for never in [
        r#"[{"introduced":"0"},{"fixed":"0"}]"#,
        r#"[{"introduced":"1.0"},{"fixed":"1.0"}]"#,
    ] {
        assert_eq!(fixed(never, "1.0"), None, "{never}");
    }
}

#[test]
fn semantic_ranges_are_for_semantic_versions() {
    let events =
        r#"[{"introduced":"0"},{"fixed":"1.20.10"},{"introduced":"1.21.0-0"},{"fixed":"1.21.3"}]"#;
    let json = format!(r#"{{"ranges":[{{"type":"SEMVER","events":{events}}}]}}"#);
    let affected: Affected = serde_json::from_str(&json).unwrap();
    let versions = [
        "1.20.9",
        "1.20.10",
        "1.21.0-rc.1",
        "1.21.2",
        "1.21.3",
        "1.26.8",
    ];
    let found = versions.map(|version| affected.hit(version, Order::Semver).is_some());
    assert_eq!(found, [true, false, true, true, false, false]);
}

#[test]
fn a_range_that_does_not_say_where_it_begins_holds_everything_before_its_end() {
    for events in ["[]", r#"[{"limit":"2.0"}]"#, r#"[{"introduced":null}]"#] {
        assert_eq!(fixed(events, "1.0"), Some(None), "{events}");
    }
    let events = r#"[{"fixed":"2.0"}]"#;
    assert_eq!(fixed(events, "1.0"), Some(Some("2.0".to_owned())));
    assert_eq!(fixed(events, "2.0"), None);
    assert_eq!(fixed(r#"[{"last_affected":"2.0"}]"#, "2.0+b1"), None);
}

#[test]
fn listed_versions_count_beside_ranges_and_an_entry_with_neither_counts_for_all() {
    let listed: Affected = serde_json::from_str(r#"{"versions":["1.0-1","1.0-3"]}"#).unwrap();
    assert!(listed.hit("1.0-3", Order::Dpkg).is_some());
    assert!(listed.hit("1.0-2", Order::Dpkg).is_none());
    let bare: Affected = serde_json::from_str("{}").unwrap();
    assert_eq!(bare.hit("1", Order::Dpkg), Some(Hit { fixed: None }));
}

fn rating(specific: &str, severity: &str) -> Rating {
    let json = format!(
        r#"{{"id":"X","severity":[{severity}],"affected":[{{"ecosystem_specific":{specific}}}]}}"#
    );
    let advisory = advisory(&json);
    advisory.rating(&advisory.affected[0])
}

#[test]
fn the_highest_stated_severity_counts_and_an_unstated_one_is_unknown() {
    let vector = r#"{"type":"CVSS_V3","score":"CVSS:3.1/AV:L/AC:L/PR:N/UI:R/S:U/C:N/I:N/A:H"}"#;
    assert_eq!(rating("{}", ""), Rating::Unknown);
    assert_eq!(
        rating(r#"{"urgency":"not yet assigned"}"#, ""),
        Rating::Unknown
    );
    assert_eq!(rating("{}", vector), Rating::Known(Severity::Medium));
    assert_eq!(
        rating(r#"{"urgency":"high**"}"#, vector),
        Rating::Known(Severity::High)
    );
    assert_eq!(
        rating(r#"{"urgency":"low"}"#, vector),
        Rating::Known(Severity::Medium)
    );
    assert_eq!(
        rating("{}", r#"{"type":"Ubuntu","score":"medium"}"#),
        Rating::Known(Severity::Medium)
    );
    assert_eq!(
        rating(
            "{}",
            r#"{"type":"CVSS_V2","score":"AV:N/AC:L/Au:N/C:C/I:C/A:C"}"#
        ),
        Rating::Known(Severity::Critical)
    );
    let damaged = r#"{"type":"CVSS_V4","score":"CVSS:4.0/AV:N"}"#;
    assert_eq!(rating("{}", damaged), Rating::Unknown);
    assert_eq!(
        rating("{}", &format!("{damaged},{vector}")),
        Rating::Known(Severity::Medium)
    );
}

#[test]
fn debian_decides_that_a_flaw_is_none_in_debian() {
    let vector = r#"{"type":"CVSS_V3","score":"CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"}"#;
    assert_eq!(
        rating(r#"{"urgency":"unimportant"}"#, vector),
        Rating::Known(Severity::Negligible)
    );
}

proptest! {
    #[test]
    fn a_fix_is_never_affected_and_what_is_affected_is_older_than_its_fix(
        version in "[0-9](\\.[0-9]){0,2}(~rc[0-9])?", fix in "[0-9](\\.[0-9]){0,2}",
    ) {
        let range = affected(&format!(r#"[{{"introduced":"0"}},{{"fixed":"{fix}"}}]"#));
        prop_assert_eq!(range.hit(&fix, Order::Dpkg), None);
        let older = Order::Dpkg.compare(&version, &fix).is_lt();
        prop_assert_eq!(range.hit(&version, Order::Dpkg).is_some(), older);
    }
}

#[test]
fn an_advisory_is_taken_back_at_a_time() {
    let withdrawn =
        |value: &str| advisory(&format!(r#"{{"id":"X","withdrawn":{value}}}"#)).is_withdrawn();
    assert!(withdrawn(r#""2024-01-01T00:00:00Z""#));
    assert!(!withdrawn("null") && !withdrawn(r#""""#) && !withdrawn(r#""no""#));
}

#[test]
fn an_advisory_with_more_packages_than_any_has_is_no_record() {
    let json = format!(r#"{{"id":"X","affected":[{}{{}}]}}"#, "{},".repeat(50_000));
    let error = serde_json::from_str::<Advisory>(&json).unwrap_err();
    assert!(error.to_string().contains("at most 50000"), "{error}");
}
