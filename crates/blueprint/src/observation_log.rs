//! What the runs of a roll observed of the disruption budgets, and when.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::kubernetes::Budget;

/// All budgets together keep about this many samples, of some 90 bytes each.
const SAMPLES_MAX: usize = 2_000;
/// One budget keeps at most this many, more than a reader looks at,
const OF_ONE_MAX: usize = 200;
/// and at least the ends and the lowest.
const OF_ONE_MIN: usize = 3;
/// Observations are at most 2 s apart. After so long without one the API was away, and the budgets were not observed.
const LOOK_MAX: SignedDuration = SignedDuration::from_secs(30);
/// The oldest of more spans are forgotten: those times count as not watched.
const SPANS_MAX: usize = 100;

/// What was seen of the budgets. It is kept on the cluster when a roll stops, for the run that goes on.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ObservationLog {
    /// The roll that it belongs to.
    pub blueprint: String,
    /// The budgets, in the order in which they were first seen.
    pub budgets: Vec<BudgetSamples>,
    /// When they were watched, oldest first.
    pub watched: Vec<Span>,
    /// How many budgets were left out of what an earlier run kept, because there was no room for all ([`Self::within`]).
    #[serde(default, skip_serializing_if = "is_zero")]
    pub budgets_left_out: usize,
    /// Whether this run has looked: the time between two runs was not watched.
    #[serde(skip)]
    begun: bool,
}

/// A time between two instants.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Span {
    /// Its beginning.
    pub from: Timestamp,
    /// Its end.
    pub until: Timestamp,
}

/// What one budget said.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BudgetSamples {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Each change that was seen, oldest first; of very many, the middle ones are left out.
    pub samples: Vec<Sample>,
}

/// What a budget said at one time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sample {
    /// When it was seen.
    pub at: Timestamp,
    /// `currentHealthy`.
    pub current: i32,
    /// `desiredHealthy`.
    pub desired: i32,
    /// `disruptionsAllowed`.
    pub allowed: i32,
}

impl ObservationLog {
    /// An empty one, for the roll of `blueprint`.
    pub fn of(blueprint: impl Into<String>) -> Self {
        Self {
            blueprint: blueprint.into(),
            ..Self::default()
        }
    }

    /// Adds what `budgets` say at `at`, where it is news.
    pub fn observe(&mut self, budgets: &[Budget], at: Timestamp) {
        self.look(at);
        for budget in budgets {
            let sample = Sample {
                at,
                current: budget.current,
                desired: budget.desired,
                allowed: budget.allowed,
            };
            self.samples_of(budget).add(sample);
        }
        let most = (SAMPLES_MAX / self.budgets.len().max(1)).clamp(OF_ONE_MIN, OF_ONE_MAX);
        for budget in &mut self.budgets {
            budget.thin(most);
        }
    }

    /// The same in at most about `limit_bytes` of JSON. Budgets with the most headroom are left out first: those with little are
    /// what a reader looks for.
    pub fn within(mut self, limit_bytes: usize) -> Self {
        let mut order: Vec<usize> = (0..self.budgets.len()).collect();
        order.sort_by_key(|index| self.budgets[*index].least_headroom());
        let mut room = limit_bytes.saturating_sub(json_bytes(&self.watched));
        let mut kept = vec![false; self.budgets.len()];
        for index in order {
            let size = json_bytes(&self.budgets[index]) + 1;
            let fits = size <= room;
            room -= if fits { size } else { 0 };
            kept[index] = fits;
        }
        self.budgets_left_out += kept.iter().filter(|kept| !**kept).count();
        let mut kept = kept.into_iter();
        self.budgets.retain(|_| kept.next() == Some(true));
        self
    }

    fn look(&mut self, at: Timestamp) {
        let last = self.watched.last_mut().filter(|_| self.begun);
        self.begun = true;
        match last {
            Some(span) if at.duration_since(span.until) <= LOOK_MAX => span.until = at,
            _ => self.watched.push(Span {
                from: at,
                until: at,
            }),
        }
        if self.watched.len() > SPANS_MAX {
            self.watched.remove(0);
        }
    }

    fn samples_of(&mut self, budget: &Budget) -> &mut BudgetSamples {
        let same = |known: &BudgetSamples| {
            known.namespace == budget.namespace && known.name == budget.name
        };
        let index = self.budgets.iter().position(same);
        let index = index.unwrap_or_else(|| {
            self.budgets.push(BudgetSamples {
                namespace: budget.namespace.clone(),
                name: budget.name.clone(),
                samples: Vec::new(),
            });
            self.budgets.len() - 1
        });
        &mut self.budgets[index]
    }

    /// The times between `from` and `until` at which no run observed.
    pub(crate) fn gaps(&self, from: Timestamp, until: Timestamp) -> Vec<Span> {
        let mut gaps = Vec::new();
        let mut seen_until = from;
        for span in &self.watched {
            let gap_until = span.from.min(until);
            if gap_until > seen_until {
                gaps.push(Span {
                    from: seen_until,
                    until: gap_until,
                });
            }
            seen_until = seen_until.max(span.until);
        }
        if until > seen_until {
            gaps.push(Span {
                from: seen_until,
                until,
            });
        }
        gaps
    }
}

fn json_bytes(value: &impl Serialize) -> usize {
    serde_json::to_vec(value).map_or(usize::MAX, |text| text.len())
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde gives a reference")]
fn is_zero(count: &usize) -> bool {
    *count == 0
}

impl BudgetSamples {
    /// How few healthy pods it had above what it demands; none without a sample.
    fn least_headroom(&self) -> Option<i64> {
        let headroom = |one: &Sample| i64::from(one.current) - i64::from(one.desired);
        self.samples.iter().map(headroom).min()
    }

    fn add(&mut self, sample: Sample) {
        let said = |sample: &Sample| (sample.current, sample.desired, sample.allowed);
        if self.samples.last().map(said) != Some(said(&sample)) {
            self.samples.push(sample);
        }
    }

    /// Leaves out samples until there are `most`. Which ones go does not matter to a reader, as long as the lowest and the
    /// ends stay.
    fn thin(&mut self, most: usize) {
        while self.samples.len() > most {
            let low = self.samples.iter().map(|sample| sample.current).min();
            let mut inner = 1..self.samples.len() - 1;
            let spare = inner.rfind(|index| Some(self.samples[*index].current) != low);
            self.samples.remove(spare.unwrap_or(self.samples.len() / 2));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::new(seconds, 0).unwrap()
    }

    fn budget(name: &str, current: i32) -> Budget {
        Budget {
            namespace: "shop".into(),
            name: name.into(),
            allowed: 0,
            current,
            desired: 3,
            expected: 4,
            observed: true,
            counts_existing_pods: false,
        }
    }

    fn spans(spans: &[(i64, i64)]) -> Vec<Span> {
        let span = |(from, until): &(i64, i64)| Span {
            from: at(*from),
            until: at(*until),
        };
        spans.iter().map(span).collect()
    }

    #[test]
    fn the_time_between_two_runs_and_while_the_api_was_away_is_not_watched() {
        let mut first = ObservationLog::of("b");
        for second in [10, 12, 14, 60, 62] {
            first.observe(&[], at(second));
        }
        let kept = serde_json::to_string(&first).unwrap();
        let mut second: ObservationLog = serde_json::from_str(&kept).unwrap();
        second.observe(&[], at(64));
        second.observe(&[], at(66));
        assert_eq!(second.gaps(at(12), at(65)), spans(&[(14, 60), (62, 64)]));
        assert_eq!(
            second.gaps(at(5), at(70)),
            spans(&[(5, 10), (14, 60), (62, 64), (66, 70)])
        );
        assert_eq!(ObservationLog::of("b").gaps(at(1), at(2)), spans(&[(1, 2)]));
        assert_eq!(second.gaps(at(64), at(66)), []);
    }

    #[test]
    fn only_changes_are_kept_and_of_many_the_ends_and_the_lowest() {
        let mut journal = ObservationLog::of("b");
        journal.observe(&[budget("web", 4)], at(0));
        journal.observe(&[budget("web", 4)], at(1));
        assert_eq!(journal.budgets[0].samples.len(), 1);
        journal.observe(&[budget("web", 2)], at(2));
        for second in 3..1_000 {
            let current = if second % 2 == 0 { 3 } else { 4 };
            journal.observe(&[budget("web", current)], at(second));
        }
        let kept: Vec<_> = journal.budgets[0]
            .samples
            .iter()
            .map(|one| one.at)
            .collect();
        assert_eq!(kept.len(), OF_ONE_MAX);
        assert_eq!(
            (kept[0], kept[1], kept[OF_ONE_MAX - 1]),
            (at(0), at(2), at(999))
        );
    }

    #[test]
    fn of_very_many_budgets_each_keeps_the_fewest() {
        let mut journal = ObservationLog::of("b");
        for second in 0..9 {
            let current = if second == 4 { 1 } else { 3 + second % 2 };
            let budgets: Vec<_> = (0..1_000)
                .map(|n| budget(&n.to_string(), current))
                .collect();
            journal.observe(&budgets, at(i64::from(second)));
        }
        for budget in &journal.budgets {
            let kept: Vec<_> = budget.samples.iter().map(|one| one.at).collect();
            assert_eq!(kept, [at(0), at(4), at(8)]);
        }
    }

    #[test]
    fn what_has_no_room_is_counted_and_those_with_the_least_headroom_stay() {
        let budgets: Vec<_> = (0..3_500)
            .map(|n| budget(&format!("a-rather-long-name-of-a-budget-{n}"), 3 + n % 50))
            .collect();
        let mut log = ObservationLog::of("b");
        for second in 0..5 {
            log.observe(&budgets, at(second));
        }
        let kept = log.clone().within(64 << 10);
        assert!(json_bytes(&kept) < 65 << 10, "{}", json_bytes(&kept));
        assert!(kept.budgets.len() > 300, "{}", kept.budgets.len());
        assert_eq!(kept.budgets.len() + kept.budgets_left_out, 3_500);
        let tight = |log: &ObservationLog| {
            let budgets = log.budgets.iter();
            budgets
                .filter(|one| one.least_headroom() == Some(0))
                .count()
        };
        assert_eq!((tight(&kept), tight(&log)), (70, 70));
        let read: ObservationLog =
            serde_json::from_str(&serde_json::to_string(&kept).unwrap()).unwrap();
        assert_eq!(read.within(1 << 20).budgets_left_out, kept.budgets_left_out);
        // What fits stays as it is.
        assert_eq!(log.clone().within(4 << 20), log);
    }
}
