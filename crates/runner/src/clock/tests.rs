use super::*;
use crate::yaml;

/// The version that a check at this time gives, when it is a new one.
#[track_caller]
fn found(source: &str, last: Option<&str>, now: &str) -> Option<String> {
    let source = yaml::parse(source).unwrap();
    let version = |text: &str| at(text.parse().unwrap());
    let last = last.map(version);
    let mut versions = check(&source, last.as_ref(), now.parse().unwrap()).unwrap();
    let newest = versions.pop()?;
    (Some(&newest) != last.as_ref()).then(|| newest["time"].clone())
}

fn is_due(source: &str, last: Option<&str>, now: &str) -> bool {
    found(source, last, now).is_some()
}

#[test]
fn the_time_moves_when_the_interval_has_passed() {
    let every = "{interval: 10m}";
    let first = found(every, None, "2026-01-01T00:00:00Z");
    assert_eq!(first.as_deref(), Some("2026-01-01T00:00:00Z"));
    let last = first.as_deref();
    assert!(!is_due(every, last, "2026-01-01T00:09:59Z"));
    assert!(is_due(every, last, "2026-01-01T00:10:00Z"));
}

#[test]
fn without_an_interval_there_is_one_version_a_day_or_a_window() {
    let last = Some("2026-01-01T09:00:00Z");
    assert!(!is_due("{}", last, "2026-01-01T23:59:59Z"));
    assert!(is_due("{}", last, "2026-01-02T00:00:00Z"));
    let window = "{start: '8:00', stop: '12:00'}";
    assert!(!is_due(window, last, "2026-01-01T11:00:00Z"));
    assert!(!is_due(window, last, "2026-01-02T07:59:00Z"));
    assert!(is_due(window, last, "2026-01-02T08:00:00Z"));
}

#[test]
fn a_version_appears_only_in_the_window() {
    // start, stop, location, whether 2026-07-01T06:30:00Z (a Wednesday) is inside.
    let rows = [
        ("6:00 AM", "7:00 AM", "", true),
        ("6AM", "6:30", "", false),
        ("0630", "0700", "", true),
        ("8:30", "9:00", "Europe/Berlin", true),
        ("6:00", "7:00", "Europe/Berlin", false),
        ("11 PM", "7:00", "", true),
        ("11:00 PM", "6:00 AM", "", false),
        ("11:00 PM -0700", "11:45 PM -0700", "", true),
        ("7:30", "7:45", "", false),
    ];
    for (start, stop, zone, inside) in rows {
        let location = match zone {
            "" => String::new(),
            zone => format!(", location: {zone}"),
        };
        let source = format!("{{interval: 1m, start: '{start}', stop: '{stop}'{location}}}");
        assert_eq!(
            is_due(&source, None, "2026-07-01T06:30:00Z"),
            inside,
            "{source}"
        );
    }
}

#[test]
fn days_are_those_of_the_location() {
    let now = "2026-07-01T23:30:00Z";
    assert!(is_due("{days: [Wednesday]}", None, now));
    assert!(!is_due("{days: [thu, Friday]}", None, now));
    assert!(is_due("{days: [thu], location: Europe/Berlin}", None, now));
}

#[test]
fn the_first_version_can_be_had_at_once_or_late() {
    let now = "2026-07-01T06:30:00Z";
    let closed = "{start: '8:00', stop: '9:00', initial_version: true}";
    assert!(is_due(closed, None, now));
    assert!(!is_due(closed, Some("2026-06-30T08:00:00Z"), now));
    assert!(!is_due(
        "{interval: 1m, start_after: 2026-07-02}",
        None,
        now
    ));
    assert!(is_due(
        "{interval: 1m, start_after: 2026-07-01T06}",
        None,
        now
    ));
}

#[test]
fn what_is_wrong_with_a_window_is_said() {
    let mut problems = Problems::default();
    let text =
        "{interval: often, start: 25:00, days: [Someday], location: Mars/Olympus, intervall: 1m}";
    validate(
        &yaml::parse(text).unwrap(),
        "resources.t.source",
        &mut problems,
    );
    let said = |list: &[crate::Problem]| {
        let lines = list.iter().map(|problem| problem.message.clone());
        lines.collect::<Vec<_>>().join("\n")
    };
    let errors = said(&problems.errors);
    for part in [
        "`interval` must be a duration",
        "`start` must be a time of day",
        "`start` needs `stop`",
        "`Someday`",
        "`location` must be a time zone",
    ] {
        assert!(errors.contains(part), "{part}: {errors}");
    }
    assert!(
        said(&problems.warnings).contains("`intervall`"),
        "{problems:?}"
    );
    assert!(check(&yaml::parse(text).unwrap(), None, Timestamp::UNIX_EPOCH).is_err());
}
