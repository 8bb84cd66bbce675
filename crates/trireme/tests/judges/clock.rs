//! A Lease and the audit log of its last write.

use jiff::SignedDuration;
use serde_json::json;

use crate::{
    audit::{US, event},
    judge::{Verdict, clock::judge},
};

/// The write that is judged reached the API server in the middle of the minute; after it come a refused one, one of another and a
/// look.
fn verdict(renewed: &str, off: SignedDuration) -> Verdict {
    let at = |second: &str, mut event: serde_json::Value| {
        let time = format!("2026-12-01T12:00:{second}Z");
        event["requestReceivedTimestamp"] = time.into();
        format!("{event}\n")
    };
    let on = json!({"resource": "leases", "name": "trireme-roller"});
    let log: String = [
        at("10.000000", event(US, "create", &on, 201)),
        at("30.000000", event(US, "update", &on, 200)),
        at("31.000000", event(US, "update", &on, 409)),
        at("32.000000", event("another", "update", &on, 200)),
        at("33.000000", event(US, "get", &on, 200)),
    ]
    .concat();
    let lease = json!({"spec": {"renewTime": renewed}});
    judge(&log, US, &lease, off)
}

#[test]
fn a_clock_that_is_off_as_it_is_said_to_be_is_let_pass() {
    for (renewed, off_ms) in [
        ("2026-12-01T12:00:35.980000Z", 6_000),
        ("2026-12-01T12:00:33.000000Z", 6_000),
        ("2026-12-01T12:00:23.990000Z", -6_000),
        ("2026-12-01T12:00:30.650000Z", 700),
        ("2026-12-01T12:00:29.200000Z", -700),
        ("2026-12-01T11:55:29.000000Z", -300_000),
    ] {
        let off = SignedDuration::from_millis(off_ms);
        assert_eq!(verdict(renewed, off), Ok(()), "{renewed}");
    }
}

#[test]
fn the_right_clock_and_one_that_is_off_otherwise_prove_nothing() {
    for (renewed, off_ms) in [
        ("2026-12-01T12:00:29.990000Z", 6_000),
        ("2026-12-01T12:00:29.990000Z", 700),
        ("2026-12-01T12:00:29.990000Z", -700),
        ("2026-12-01T12:00:29.990000Z", -6_000),
        ("2026-12-01T12:00:36.100000Z", 6_000),
        ("2026-12-01T12:00:15.000000Z", -6_000),
        ("now", 6_000),
    ] {
        let off = SignedDuration::from_millis(off_ms);
        let why = verdict(renewed, off).expect_err(renewed);
        assert!(format!("{why:?}").starts_with("Unseen"), "{why:?}");
    }
}
