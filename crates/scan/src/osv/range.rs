//! Whether a version lies in a range.

use std::cmp::Ordering;

use crate::version::Order;

use super::{Event, Hit, Range};

impl Range {
    /// Goes through the events in the order of their versions (records need not be sorted): an introduction at or
    /// below the version begins, a fix at or below it or a last affected version below it ends. A range
    /// that does not say where it begins has no version that would be safe before it.
    pub(super) fn hit(&self, version: &str, order: Order) -> Option<Hit> {
        let mut events: Vec<&Event> = self
            .events
            .iter()
            .filter(|event| event.place().is_some())
            .collect();
        events.sort_by(|a, b| compare_places(a, b, order));
        let mut affected = events.iter().all(|event| event.introduced.is_none());
        for event in &events {
            affected = match (&event.introduced, &event.fixed, &event.last_affected) {
                (Some(from), ..) => affected || from == "0" || order.compare(version, from).is_ge(),
                (_, Some(fixed), _) => affected && order.compare(version, fixed).is_lt(),
                (.., Some(last)) => affected && order.compare(version, last).is_le(),
                _ => affected,
            };
        }
        let repairs = |fixed: &&String| order.compare(version, fixed).is_lt();
        let fixed = events
            .iter()
            .filter_map(|event| event.fixed.as_ref())
            .find(repairs)
            .cloned();
        affected.then_some(Hit { fixed })
    }
}

impl Event {
    fn place(&self) -> Option<&str> {
        self.introduced
            .as_deref()
            .or(self.fixed.as_deref())
            .or(self.last_affected.as_deref())
    }
}

/// `introduced: 0` comes first; at the same version an introduction comes before an end.
fn compare_places(a: &Event, b: &Event, order: Order) -> Ordering {
    let first = |event: &Event| event.introduced.as_deref() != Some("0");
    let (place_a, place_b) = (a.place().unwrap_or_default(), b.place().unwrap_or_default());
    first(a)
        .cmp(&first(b))
        .then_with(|| order.compare(place_a, place_b))
        .then_with(|| a.introduced.is_none().cmp(&b.introduced.is_none()))
}
