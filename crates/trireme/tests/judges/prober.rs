//! Lines of a prober, each with one fault.

use jiff::Timestamp;
use trireme_sandbox::witnesses::prober::{Bucket, Measured};

use crate::judge::{Objection, Verdict, prober::judge};

/// A quarter of a second each.
const BUCKETS: i64 = 100;

/// A roll from the second to the twentieth second of a line of twenty-five.
fn verdict(change: impl Fn(i64, &mut Bucket)) -> Verdict {
    of(&line(change))
}

fn of(measured: &Measured) -> Verdict {
    let at = |second| Timestamp::from_second(second).expect("a time");
    judge(measured, &(at(2)..=at(20)))
}

fn line(change: impl Fn(i64, &mut Bucket)) -> Measured {
    let bucket = |number: i64| {
        let mut bucket = Bucket {
            at_ms: number * 250,
            sent: 12,
            failed: 0,
        };
        change(number, &mut bucket);
        bucket
    };
    let buckets: Vec<Bucket> = (0..BUCKETS).map(bucket).collect();
    let sum = |of: fn(&Bucket) -> u64| buckets.iter().map(of).sum();
    Measured {
        sent: sum(|bucket| bucket.sent),
        failed: sum(|bucket| bucket.failed),
        buckets,
    }
}

fn unseen(verdict: Verdict, words: &str) {
    assert!(
        matches!(&verdict, Err(Objection::Unseen(why)) if why.contains(words)),
        "{words}: {verdict:?}"
    );
}

#[test]
fn a_service_that_always_answered_is_let_pass() {
    assert_eq!(verdict(|_, _| {}), Ok(()));
    let short_of_breath = |number, bucket: &mut Bucket| {
        if (40..43).contains(&number) {
            bucket.sent = 0;
        }
    };
    assert_eq!(verdict(short_of_breath), Ok(()));
}

#[test]
fn one_failure_is_found() {
    let verdict = verdict(|number, bucket| bucket.failed = u64::from(number == 50));
    assert!(matches!(verdict, Err(Objection::Broken(_))), "{verdict:?}");
}

#[test]
fn a_line_with_a_hole_or_short_of_the_roll_is_no_witness() {
    let without = |range: std::ops::Range<i64>| {
        verdict(move |number, bucket| {
            if range.contains(&number) {
                bucket.sent = 0;
            }
        })
    };
    unseen(without(40..45), "nothing was tried between");
    unseen(without(0..10), "the line goes over");
    unseen(without(79..BUCKETS), "the line goes over");
    unseen(without(0..BUCKETS), "the line goes over");
    unseen(of(&Measured::default()), "the line goes over");
}

#[test]
fn a_count_that_no_prober_reaches_or_that_proves_little_is_no_witness() {
    unseen(verdict(|_, bucket| bucket.sent = 2), "connections in");
    unseen(verdict(|_, bucket| bucket.sent = 14), "connections in");
    let mut miscounted = line(|_, _| {});
    miscounted.sent += 1;
    unseen(of(&miscounted), "the line shows");
}
