//! What a client of a service saw who called it many times a second.

use std::ops::RangeInclusive;

use jiff::Timestamp;
use trireme_sandbox::witnesses::prober::{Bucket, Measured};

use super::{Verdict, kept, seen};

/// Neighbours on the line begin at most so far apart: a pod of KWOK takes a second to become Ready, so a service that lost
/// its last one is down for longer.
const HOLE_MS: i64 = 1000;
/// Connections in a second of the roll. The prober tries 50; on a machine that is busy it tries fewer, never more.
const RATE: RangeInclusive<i64> = 10..=52;

/// Every connection was answered, and there were always some: from before the roll until after it, without a hole.
pub fn judge(measured: &Measured, roll: &RangeInclusive<Timestamp>) -> Verdict {
    let (sent, failed) = (measured.sent, measured.failed);
    kept(failed == 0, || {
        format!("{failed} of {sent} connections failed")
    })?;
    let counted: u64 = measured.buckets.iter().map(|bucket| bucket.sent).sum();
    seen(counted == sent, || {
        format!("{sent} sent, but the line shows {counted}")
    })?;
    let roll = roll.start().as_millisecond()..=roll.end().as_millisecond();
    let line: Vec<&Bucket> = measured.buckets.iter().filter(|at| at.sent > 0).collect();
    covers(&line, &roll)?;
    is_plausible(&line, &roll)
}

fn covers(line: &[&Bucket], roll: &RangeInclusive<i64>) -> Verdict {
    let ends = (line.first(), line.last());
    let around = matches!(ends, (Some(first), Some(last))
        if first.at_ms <= *roll.start() && last.at_ms >= *roll.end());
    seen(around, || {
        format!("the roll took {roll:?} ms, the line goes over {ends:?}")
    })?;
    let hole = |pair: &&[&Bucket]| pair[1].at_ms - pair[0].at_ms > HOLE_MS;
    let hole = line.windows(2).find(hole);
    seen(hole.is_none(), || {
        format!("nothing was tried between {hole:?}")
    })
}

fn is_plausible(line: &[&Bucket], roll: &RangeInclusive<i64>) -> Verdict {
    let within = line.iter().filter(|bucket| roll.contains(&bucket.at_ms));
    let sent: u64 = within.map(|bucket| bucket.sent).sum();
    let took_ms = (roll.end() - roll.start()).max(1);
    let rate = i64::try_from(sent).unwrap_or(i64::MAX).saturating_mul(1000) / took_ms;
    seen(RATE.contains(&rate), || {
        format!("{sent} connections in {took_ms} ms")
    })
}
