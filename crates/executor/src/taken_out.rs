//! What is known of the units that a roll has taken out of service.

use std::collections::BTreeSet;
use std::fmt;

/// Which units a roll has taken out of service and not given back, as far as is known. A unit is in doubt from the moment
/// before a write is sent that changes its service, until an observation shows the write or the platform has refused it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TakenOut {
    /// What the last observation showed; none before the first.
    seen: Option<BTreeSet<String>>,
    /// Units with a write that was sent and is not confirmed.
    doubtful: BTreeSet<String>,
}

impl TakenOut {
    /// An observation shows these.
    pub fn observe(&mut self, units: impl IntoIterator<Item = String>) {
        self.seen = Some(units.into_iter().collect());
    }

    /// A write that changes the service of `unit` is about to be sent.
    pub(crate) fn doubt(&mut self, unit: &str) {
        self.doubtful.insert(unit.into());
    }

    /// An observation shows that write, or the platform refused it.
    pub(crate) fn settle(&mut self, unit: &str) {
        self.doubtful.remove(unit);
    }

    /// The units that are certainly out of service.
    pub fn certain(&self) -> Vec<&str> {
        let seen = self.seen.iter().flatten();
        let settled = seen.filter(|unit| !self.doubtful.contains(*unit));
        settled.map(String::as_str).collect()
    }
}

impl TakenOut {
    /// The units that may be out of service: a write to them was sent and is not confirmed.
    pub fn doubtful(&self) -> impl Iterator<Item = &str> {
        self.doubtful.iter().map(String::as_str)
    }
}

impl fmt::Display for TakenOut {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.seen.is_none() {
            return formatter.write_str(
                "It is not known whether a node is left cordoned: the cluster could not be observed.",
            );
        }
        let certain = self.certain().join(", ");
        let doubtful: Vec<_> = self.doubtful.iter().map(String::as_str).collect();
        let doubtful = doubtful.join(", ");
        if certain.is_empty() && doubtful.is_empty() {
            return formatter.write_str("No node is left cordoned.");
        }
        if !certain.is_empty() {
            write!(formatter, "Left cordoned: {certain}.")?;
        }
        if doubtful.is_empty() {
            return Ok(());
        }
        let space = if certain.is_empty() { "" } else { " " };
        let last = match self.doubtful.len() {
            1 => "its last update was",
            _ => "their last updates were",
        };
        write!(
            formatter,
            "{space}{doubtful} may still be cordoned: {last} not confirmed."
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(units: &[&str]) -> TakenOut {
        let mut known = TakenOut::default();
        known.observe(units.iter().map(ToString::to_string));
        known
    }

    #[test]
    fn before_the_first_observation_nothing_is_known() {
        let text = TakenOut::default().to_string();
        assert!(text.starts_with("It is not known whether"), "{text}");
        assert_eq!(seen(&[]).to_string(), "No node is left cordoned.");
    }

    #[test]
    fn a_unit_is_in_doubt_from_before_the_write_until_it_is_settled() {
        let mut known = seen(&["a", "b"]);
        known.doubt("a");
        known.doubt("c");
        let text =
            "Left cordoned: b. a, c may still be cordoned: their last updates were not confirmed.";
        assert_eq!(known.to_string(), text);
        known.observe(["b".into(), "c".into()]);
        known.settle("a");
        let text = "Left cordoned: b. c may still be cordoned: its last update was not confirmed.";
        assert_eq!(known.to_string(), text);
        known.settle("c");
        assert_eq!(known.to_string(), "Left cordoned: b, c.");
    }
}
