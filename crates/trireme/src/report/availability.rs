//! How available the probed service was: what the prober counted, and for which part of the roll it counted nothing.

use jiff::Timestamp;
use serde::Serialize;
use trireme_evidence::{RollFile, Span};
use trireme_sandbox::witnesses::prober::{Bucket, Measured};

/// The length of one [`Bucket`].
pub(super) const BUCKET_MS: i64 = 250;
/// A shorter hole hides nothing that the prober would have called a failure: it waits longer for an answer.
pub(super) const HOLE_MS: i64 = 1000;

/// What the prober counted, since this run began: what one before it saw was lost with it.
#[derive(Clone, Debug, Serialize)]
pub struct Probes {
    /// Connections that were tried in the whole run.
    pub sent: u64,
    /// Of these, how many were refused, cut, late or wrong.
    pub failed: u64,
    /// When the first one was tried, and when the last; null when none was.
    pub measured: Option<Span>,
    /// The connections that were tried while nodes were rolled; null when nothing was rolled.
    pub during_roll: Option<Counts>,
    /// When, during the roll, nobody tried one; null when nothing was rolled.
    pub unmeasured: Option<Vec<Span>>,
}

/// Connections.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// Those that were tried.
    pub sent: u64,
    /// Those that failed.
    pub failed: u64,
}

impl Probes {
    /// Counts for the run, and for the roll in it.
    pub(super) fn of(measured: &Measured, roll: Option<&RollFile>) -> Self {
        let roll = roll.map(RollFile::span);
        Self {
            sent: measured.sent,
            failed: measured.failed,
            measured: whole(&measured.buckets),
            during_roll: roll.as_ref().map(|roll| during(&measured.buckets, roll)),
            unmeasured: roll.as_ref().map(|roll| holes(&measured.buckets, roll)),
        }
    }

    /// The counts from which the availability follows: those of the roll, if there was one.
    pub(super) fn decisive(&self) -> Counts {
        self.during_roll.unwrap_or(Counts {
            sent: self.sent,
            failed: self.failed,
        })
    }
}

fn whole(buckets: &[Bucket]) -> Option<Span> {
    let (first, last) = (buckets.first()?, buckets.last()?);
    span(first.at_ms, last.at_ms + BUCKET_MS)
}

/// What was tried in the quarters of a second that the roll touches.
fn during(buckets: &[Bucket], roll: &Span) -> Counts {
    let (from, until) = (roll.from.as_millisecond(), roll.until.as_millisecond());
    let touches = |bucket: &&Bucket| bucket.at_ms + BUCKET_MS > from && bucket.at_ms <= until;
    let mut counts = Counts::default();
    for bucket in buckets.iter().filter(touches) {
        counts.sent += bucket.sent;
        counts.failed += bucket.failed;
    }
    counts
}

/// The parts of the roll in which nothing was tried.
fn holes(buckets: &[Bucket], roll: &Span) -> Vec<Span> {
    let mut seen_until = roll.from.as_millisecond();
    let end = roll.until.as_millisecond();
    let mut found = Vec::new();
    let after = std::iter::once((end, end));
    let probed = buckets
        .iter()
        .map(|bucket| (bucket.at_ms, bucket.at_ms + BUCKET_MS));
    for (from, until) in probed.chain(after) {
        let from = from.min(end);
        if from - seen_until >= HOLE_MS {
            found.extend(span(seen_until, from));
        }
        seen_until = seen_until.max(until);
    }
    found
}

fn span(from_ms: i64, until_ms: i64) -> Option<Span> {
    Some(Span {
        from: Timestamp::from_millisecond(from_ms).ok()?,
        until: Timestamp::from_millisecond(until_ms).ok()?,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn at(ms: i64) -> Timestamp {
        Timestamp::from_millisecond(ms).unwrap()
    }

    /// Ten connections in every quarter of a second of these times, of which one fails in the first.
    fn measured(times_ms: &[(i64, i64)]) -> Measured {
        let starts = times_ms
            .iter()
            .flat_map(|&(from, until)| (from..until).step_by(BUCKET_MS as usize));
        let bucket = |(index, at_ms)| Bucket {
            at_ms,
            sent: 10,
            failed: u64::from(index == 0),
        };
        let buckets: Vec<Bucket> = starts.enumerate().map(bucket).collect();
        Measured {
            sent: buckets.iter().map(|bucket| bucket.sent).sum(),
            failed: 1,
            buckets,
        }
    }

    fn roll(from_ms: i64, until_ms: i64) -> RollFile {
        let value = json!({
            "format": 1, "blueprint": "b", "from": "v1.36.4", "to": "v1.37.2", "nodes": [], "budgets": [],
            "started_at": at(from_ms), "finished_at": at(until_ms),
        });
        RollFile::from_json(value.to_string().as_bytes()).unwrap()
    }

    fn spans(spans: &[(i64, i64)]) -> Option<Vec<Span>> {
        spans
            .iter()
            .map(|&(from, until)| span(from, until))
            .collect()
    }

    #[test]
    fn a_roll_that_was_probed_from_end_to_end_has_no_hole() {
        let probes = Probes::of(&measured(&[(0, 20_000)]), Some(&roll(5100, 15_100)));
        assert_eq!((probes.sent, probes.failed), (800, 1));
        assert_eq!(probes.measured, span(0, 20_000));
        assert_eq!(probes.unmeasured, Some(Vec::new()));
        let counts = Counts {
            sent: 410,
            failed: 0,
        };
        assert_eq!(
            probes.during_roll,
            Some(counts),
            "the failure was before it"
        );
        assert_eq!(probes.decisive(), counts);
    }

    #[test]
    fn what_nobody_probed_of_a_roll_is_said() {
        for (probed, holes) in [
            // A run that was killed began the roll, and nobody measured until the next one.
            (vec![(10_000, 30_000)], vec![(2000, 10_000)]),
            // The machine slept, and woke up after the roll.
            (
                vec![(0, 4000), (6000, 8000)],
                vec![(4000, 6000), (8000, 20_000)],
            ),
            (vec![(0, 4000), (4750, 30_000)], vec![]),
            (vec![(25_000, 30_000)], vec![(2000, 20_000)]),
            (vec![], vec![(2000, 20_000)]),
        ] {
            let probes = Probes::of(&measured(&probed), Some(&roll(2000, 20_000)));
            assert_eq!(probes.unmeasured, spans(&holes), "{probed:?}");
        }
    }

    #[test]
    fn without_a_roll_the_counts_are_those_of_the_run() {
        let probes = Probes::of(&measured(&[(0, 1000)]), None);
        assert_eq!((probes.during_roll, &probes.unmeasured), (None, &None));
        assert_eq!(
            probes.decisive(),
            Counts {
                sent: 40,
                failed: 1
            }
        );
        assert_eq!(Probes::of(&Measured::default(), None).measured, None);
    }
}
