//! Whether a version lies in a range.

use crate::version::Order;

use super::{Event, Hit, Range};

/// Where affected versions begin. `0` is before every version.
#[derive(Clone, Copy)]
enum Begin<'a> {
    Zero,
    At(&'a str),
}

/// Where affected versions end.
#[derive(Clone, Copy)]
enum End<'a> {
    /// Before this version.
    Fixed(&'a str),
    /// With this version.
    Last(&'a str),
}

impl Range {
    /// Whether the version lies in one of the range's intervals (a record need not sort its events). Each introduction
    /// begins one, which the first end behind it ends: so `[0, 1.0)` and `[1.0, 2.0)` may stand in one range. A range that
    /// does not say where it begins has no version that would be safe before its end.
    pub(super) fn hit(&self, version: &str, order: Order) -> Option<Hit> {
        self.holds(version, order).then(|| {
            let fixes = self
                .events
                .iter()
                .filter_map(|event| event.fixed.as_deref());
            let repairs =
                |fixed: &&str| order.compare(version, fixed).is_lt() && !self.holds(fixed, order);
            let first = fixes.filter(repairs).min_by(|a, b| order.compare(a, b));
            Hit {
                fixed: first.map(str::to_owned),
            }
        })
    }

    fn holds(&self, version: &str, order: Order) -> bool {
        let begins = self.events.iter().enumerate();
        let mut begins = begins
            .filter_map(|(at, event)| Some((at, event.begin()?)))
            .peekable();
        if begins.peek().is_none() {
            return self.holds_from(0, Begin::Zero, version, order);
        }
        begins.any(|(at, begin)| self.holds_from(at, begin, version, order))
    }

    /// Whether the version lies in the interval that begins with the event at this place.
    fn holds_from(&self, at: usize, begin: Begin<'_>, version: &str, order: Order) -> bool {
        let has_begun = match begin {
            Begin::Zero => true,
            Begin::At(from) => order.compare(version, from).is_ge(),
        };
        let ends = self.events.iter().enumerate();
        let mut ends = ends.filter_map(|(at, event)| Some((at, event.end()?)));
        has_begun
            && !ends.any(|(end_at, end)| {
                is_behind(begin, &end, order, end_at > at) && end.is_over(version, order)
            })
    }
}

/// Whether an end is behind a beginning. At the same version, that is the one that the record names later.
fn is_behind(begin: Begin<'_>, end: &End<'_>, order: Order, is_named_later: bool) -> bool {
    let Begin::At(from) = begin else { return true };
    let (End::Fixed(end) | End::Last(end)) = end;
    let compared = order.compare(end, from);
    compared.is_gt() || (compared.is_eq() && is_named_later)
}

impl End<'_> {
    fn is_over(&self, version: &str, order: Order) -> bool {
        match self {
            Self::Fixed(fixed) => order.compare(version, fixed).is_ge(),
            Self::Last(last) => order.compare(version, last).is_gt(),
        }
    }
}

impl Event {
    fn begin(&self) -> Option<Begin<'_>> {
        match self.introduced.as_deref()? {
            "0" => Some(Begin::Zero),
            from => Some(Begin::At(from)),
        }
    }

    fn end(&self) -> Option<End<'_>> {
        let fixed = self.fixed.as_deref().map(End::Fixed);
        fixed.or_else(|| self.last_affected.as_deref().map(End::Last))
    }
}
