use super::*;

fn v(text: &str) -> Release {
    text.parse().unwrap()
}

fn all(texts: &[&str]) -> Vec<Release> {
    texts.iter().map(|text| v(text)).collect()
}

fn asked(constraint: &str, running: Option<&str>, last: Option<&str>) -> Vec<u64> {
    let (running, last) = (running.map(v), last.map(v));
    let newest = Minor {
        major: 1,
        minor: 37,
    };
    let constraint = constraint.parse().unwrap();
    let minors = minors(&constraint, running.as_ref(), last.as_ref(), newest);
    minors.iter().map(|minor| minor.minor).collect()
}

#[test]
fn few_markers_are_asked_for() {
    assert_eq!(asked(">=1.35, <1.37", None, None), [36, 35]);
    assert_eq!(asked("*", Some("1.35.2"), None), [36, 35]);
    assert_eq!(asked("*", Some("1.37.2"), None), [37]);
    assert_eq!(asked(">=1.37", Some("1.36.4"), None), [37, 36]);
    assert_eq!(asked("<1.36", Some("1.36.4"), None), [36]);
    assert_eq!(asked("*", Some("1.99.0"), None), Vec::<u64>::new());
    assert_eq!(asked("*", None, Some("1.36.1")), [37, 36]);
    assert_eq!(asked("*", None, Some("1.0.0")).len(), MINORS_LIMIT);
    assert_eq!(asked("~1.3", None, None), [3]);
}

fn known(text: &str, is_published: bool) -> Last {
    Last {
        release: v(text),
        is_published,
    }
}

#[test]
fn the_last_version_comes_first_while_it_is_valid() {
    let from = |last: &str, available: &[&str], constraint: &str, is_published| {
        let last = known(last, is_published);
        all_from(Some(&last), &all(available), &constraint.parse().unwrap())
    };
    let available = &["1.37.2", "1.36.6"][..];
    assert_eq!(
        all_from(None, &all(available), &Constraint::ANY),
        all(&["1.37.2"])
    );
    assert_eq!(from("1.37.2", available, "*", true), all(&["1.37.2"]));
    let three = all(&["1.36.4", "1.36.6", "1.37.2"]);
    assert_eq!(from("1.36.4", available, "*", true), three);
    assert_eq!(from("1.36.4", &["1.37.2"], "~1.37", true), all(&["1.37.2"]));
    // What is older is never news, whether a marker went back, the release was withdrawn or the constraint changed.
    assert_eq!(from("1.38.0", available, "*", true), all(&["1.38.0"]));
    assert_eq!(from("1.38.0", available, "*", false), []);
    assert_eq!(from("1.37.2", &["1.36.6"], "<1.37", true), []);
}

fn found(running: &str, last: Option<&str>, newest: &[&str], constraint: &str) -> Vec<Release> {
    let constraint = constraint.parse().unwrap();
    let next = next::after(&v(running), &all(newest), &constraint);
    let last = last.map(|last| known(last, true));
    next_from(&v(running), last.as_ref(), &next, &constraint)
}

#[test]
fn a_marker_that_went_back_gives_no_older_release() {
    let any = Constraint::ANY;
    let next = next::after(&v("1.36.6"), &all(&["1.37.2", "1.36.6"]), &any);
    for (is_published, expected) in [(true, &["1.37.3"][..]), (false, &[])] {
        let last = known("1.37.3", is_published);
        let emitted = next_from(&v("1.36.6"), Some(&last), &next, &any);
        assert_eq!(emitted, all(expected));
    }
}

#[test]
fn only_the_next_release_is_emitted() {
    let found = |running, last| found(running, last, &["1.37.2", "1.36.6"], "*");
    for running in ["1.36.4", "1.36.4+k3s1", "1.36.4-eks-1234", "1.36.4-gke.5"] {
        assert_eq!(found(running, None), all(&["1.36.6"]), "{running}");
        assert_eq!(
            found(running, Some("1.37.2")),
            all(&["1.36.6"]),
            "{running}"
        );
    }
    assert_eq!(found("1.36.6+vmware.1", None), all(&["1.37.2"]));
    assert_eq!(found("1.36.6", Some("1.37.1")), all(&["1.37.1", "1.37.2"]));
}

#[test]
fn what_runs_is_emitted_when_nothing_follows_it() {
    let newest = &["1.37.2", "1.36.6"];
    for (running, last, constraint, expected) in [
        ("1.37.2", None, "*", &["1.37.2"][..]),
        ("1.37.2", Some("1.37.2"), "*", &["1.37.2"]),
        ("1.37.2+k3s1", Some("1.37.2"), "*", &["1.37.2"]),
        ("1.37.2-eks-cb19647", Some("1.36.6"), "*", &["1.37.2"]),
        // Rolled by other means.
        ("1.37.2", Some("1.36.4"), "*", &["1.37.2"]),
        // The next minor, or the next patch, is not allowed.
        ("1.36.6", None, "<1.37", &["1.36.6"]),
        ("1.36.4", None, "<1.36.6", &["1.36.4"]),
        // Neither is what runs.
        ("1.36.4", None, ">=1.37", &[]),
        ("1.37.2", None, "<1.37", &[]),
        // No marker of what runs: that nothing newer is known is no reason against it.
        ("1.34.0", None, "*", &["1.34.0"]),
        ("1.38.0", None, "*", &["1.38.0"]),
        ("1.38.0-rc.1", None, "*", &[]),
    ] {
        let emitted = found(running, last, newest, constraint);
        assert_eq!(
            emitted,
            all(expected),
            "{running} after {last:?} in {constraint}"
        );
    }
}

/// As on a real Concourse, where a version keeps the place that it got when it first came.
#[test]
fn a_marker_that_is_missing_for_a_moment_does_not_make_what_runs_the_latest() {
    let (whole, gap) = (&["1.38.0", "1.37.2"][..], &["1.37.2"][..]);
    assert_eq!(found("1.37.2", None, whole, "*"), all(&["1.38.0"]));
    assert_eq!(found("1.37.2", Some("1.38.0"), gap, "*"), []);
    assert_eq!(
        found("1.37.2", Some("1.38.0"), whole, "*"),
        all(&["1.38.0"])
    );
    // A marker that went back does not make what runs too new.
    assert_eq!(
        found("1.37.2", Some("1.37.2"), &["1.37.1"], "*"),
        all(&["1.37.2"])
    );
}
