//! What is known of the nodes that a roll has cordoned.

use std::collections::BTreeSet;
use std::fmt;

/// Which nodes are cordoned by a roll, as far as is known. A node is in doubt from the moment before a write to it is sent
/// until a look at the cluster after it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cordons {
    /// What the last look found; none before the first.
    seen: Option<BTreeSet<String>>,
    /// Nodes that a write went to since the last look.
    written: BTreeSet<String>,
    /// Nodes whose cordon was sent and not answered: the API may carry it out after any look.
    unanswered: BTreeSet<String>,
}

impl Cordons {
    /// A look at the cluster found these.
    pub fn observe(&mut self, cordoned: impl IntoIterator<Item = String>) {
        let cordoned: BTreeSet<_> = cordoned.into_iter().collect();
        self.unanswered.retain(|node| !cordoned.contains(node));
        self.written.clear();
        self.seen = Some(cordoned);
    }

    /// A write that takes the cordon away is about to be sent.
    pub(crate) fn release(&mut self, node: &str) {
        self.written.insert(node.into());
    }

    /// A cordon is about to be sent.
    pub(crate) fn cordon(&mut self, node: &str) {
        self.written.insert(node.into());
        self.unanswered.insert(node.into());
    }

    /// The API has answered the cordon: the next look shows what became of it.
    pub(crate) fn answered(&mut self, node: &str) {
        self.unanswered.remove(node);
    }

    fn certain(&self) -> Vec<&str> {
        let seen = self.seen.iter().flatten();
        let untouched = seen.filter(|node| !self.written.contains(*node));
        untouched.map(String::as_str).collect()
    }

    fn doubtful(&self) -> Vec<&str> {
        let all = self.written.union(&self.unanswered);
        all.map(String::as_str).collect()
    }
}

impl fmt::Display for Cordons {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.seen.is_none() {
            return formatter.write_str(
                "whether a node is left cordoned is not known: the cluster could not be looked at",
            );
        }
        let (certain, doubtful) = (self.certain().join(", "), self.doubtful().join(", "));
        let left = match certain.as_str() {
            "" => String::new(),
            certain => format!("left cordoned: {certain}"),
        };
        let perhaps = match doubtful.as_str() {
            "" => String::new(),
            doubtful => format!(
                "perhaps left cordoned: {doubtful} (what became of the last write to it was not seen)"
            ),
        };
        match (left.as_str(), perhaps.as_str()) {
            ("", "") => formatter.write_str("no node is left cordoned"),
            (one, "") | ("", one) => formatter.write_str(one),
            (left, perhaps) => write!(formatter, "{left}; {perhaps}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(nodes: &[&str]) -> Cordons {
        let mut cordons = Cordons::default();
        cordons.observe(nodes.iter().map(ToString::to_string));
        cordons
    }

    fn says(cordons: &Cordons, expected: &str) {
        let text = cordons.to_string();
        assert!(text.starts_with(expected), "{text}");
    }

    #[test]
    fn before_the_first_look_nothing_is_known() {
        says(
            &Cordons::default(),
            "whether a node is left cordoned is not known",
        );
        says(&seen(&[]), "no node is left cordoned");
    }

    #[test]
    fn a_node_is_in_doubt_from_before_the_write_until_a_look() {
        let mut cordons = seen(&["a", "b"]);
        cordons.release("a");
        cordons.cordon("c");
        says(&cordons, "left cordoned: b; perhaps left cordoned: a, c (");
        cordons.answered("c");
        says(&cordons, "left cordoned: b; perhaps left cordoned: a, c (");
        cordons.observe(["b".into(), "c".into()]);
        assert_eq!(cordons.to_string(), "left cordoned: b, c");
    }

    #[test]
    fn a_cordon_without_an_answer_stays_in_doubt_until_it_is_seen() {
        let mut cordons = seen(&[]);
        cordons.cordon("a");
        cordons.observe([]);
        says(&cordons, "perhaps left cordoned: a (");
        cordons.observe(["a".into()]);
        assert_eq!(cordons.to_string(), "left cordoned: a");
    }

    #[test]
    fn an_answered_cordon_that_a_look_does_not_show_was_refused() {
        let mut cordons = seen(&[]);
        cordons.cordon("a");
        cordons.answered("a");
        cordons.observe([]);
        assert_eq!(cordons.to_string(), "no node is left cordoned");
    }
}
