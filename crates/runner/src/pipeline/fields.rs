//! Takes the keys of a mapping one by one and refuses what is left.

use super::Name;
use crate::problem::{Position, Problems};
use crate::vars;
use crate::yaml::{Entry, Kind, Node};
use std::collections::BTreeSet;

/// The keys of one mapping, being read.
pub(crate) struct Fields<'n, 'p> {
    node: &'n Node,
    /// How messages call this mapping: `jobs.repair.plan[0]`.
    pub context: String,
    known: Vec<&'static str>,
    allowed: BTreeSet<&'n str>,
    pub problems: &'p mut Problems,
}

/// What a key without effect must hold.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Shape {
    Text,
    Flag,
    Texts,
    Mapping,
}

impl<'n, 'p> Fields<'n, 'p> {
    pub fn new(node: &'n Node, context: &str, problems: &'p mut Problems) -> Self {
        if !matches!(node.kind, Kind::Map(_)) {
            problems.error(
                node.at,
                format!("{context} must be a mapping, not {}", node.describe()),
            );
        }
        Self {
            node,
            context: context.to_owned(),
            known: Vec::new(),
            allowed: BTreeSet::new(),
            problems,
        }
    }

    pub fn at(&self) -> Position {
        self.node.at
    }

    fn entries(&self) -> &'n [Entry] {
        match &self.node.kind {
            Kind::Map(entries) => entries,
            _ => &[],
        }
    }

    /// Whether the key is there, without taking it.
    pub fn has(&self, key: &str) -> bool {
        self.node.entry(key).is_some()
    }

    /// The value of a key that is not null.
    pub fn node(&mut self, key: &'static str) -> Option<&'n Node> {
        if !self.known.contains(&key) {
            self.known.push(key);
        }
        self.node.get(key).filter(|node| node.kind != Kind::Null)
    }

    /// The place of a key's value, or of the mapping.
    pub fn place(&self, key: &str) -> Position {
        self.node.entry(key).map_or(self.node.at, |entry| entry.at)
    }

    pub fn error(&mut self, at: Position, message: &str) {
        self.problems
            .error(at, format!("{}: {message}", self.context));
    }

    fn wrong(&mut self, key: &str, node: &Node, expected: &str) {
        let found = node.describe();
        self.error(node.at, &format!("`{key}` must be {expected}, not {found}"));
    }

    pub fn string(&mut self, key: &'static str) -> Option<Name> {
        let node = self.node(key)?;
        let Some(text) = text_of(node) else {
            self.wrong(key, node, "a text");
            return None;
        };
        Some(Name { text, at: node.at })
    }

    /// A truth value; one that is still a reference counts as false.
    pub fn flag(&mut self, key: &'static str) -> bool {
        let Some(node) = self.node(key) else {
            return false;
        };
        match &node.kind {
            Kind::Bool(truth) => *truth,
            _ => {
                self.unless_reference(key, node, "true or false");
                false
            }
        }
    }

    /// A count of at least `least`.
    pub fn count(&mut self, key: &'static str, least: u64) -> Option<u64> {
        let node = self.node(key)?;
        let count = match &node.kind {
            Kind::Number(number) => number.as_u64().filter(|count| *count >= least),
            _ => {
                self.unless_reference(key, node, "a number");
                return None;
            }
        };
        if count.is_none() {
            // atc/step_validator.go: "must be greater than 0"
            self.error(
                node.at,
                &format!("`{key}` must be a whole number of at least {least}"),
            );
        }
        count
    }

    /// References stay where nobody gave vars (`validate`); local ones come too late for a fixed key.
    fn unless_reference(&mut self, key: &str, node: &Node, expected: &str) {
        let references = node.as_str().map(vars::references).unwrap_or_default();
        if references.is_empty() {
            self.wrong(key, node, expected);
        } else {
            self.not_local(key, node);
        }
    }

    /// Refuses a local var for what is needed before there is one.
    pub fn not_local(&mut self, key: &str, node: &Node) {
        let references = node.as_str().map(vars::references).unwrap_or_default();
        if references.iter().any(vars::Reference::is_local) {
            self.error(
                node.at,
                &format!("`{key}` cannot be a local var: it is needed before the build starts"),
            );
        }
    }

    pub fn strings(&mut self, key: &'static str) -> Vec<Name> {
        let Some(node) = self.node(key) else {
            return Vec::new();
        };
        let Kind::List(items) = &node.kind else {
            self.unless_reference(key, node, "a list of texts");
            return Vec::new();
        };
        let mut found = Vec::new();
        for item in items {
            match text_of(item) {
                Some(text) => found.push(Name { text, at: item.at }),
                None => self.wrong(key, item, "a list of texts"),
            }
        }
        found
    }

    /// A free mapping, such as `source` or `params`.
    pub fn mapping(&mut self, key: &'static str) -> Option<Node> {
        let node = self.node(key)?;
        if !matches!(node.kind, Kind::Map(_)) {
            self.unless_reference(key, node, "a mapping");
        }
        Some(node.clone())
    }

    /// The mapping of a key that was taken, if it is one.
    pub fn inner(&self, key: &str) -> Option<&'n Node> {
        let node = self.node.get(key)?;
        matches!(node.kind, Kind::Map(_)).then_some(node)
    }

    /// A mapping of texts, such as a version or `input_mapping`.
    pub fn texts(&mut self, key: &'static str) -> Option<Vec<(Name, String)>> {
        let node = self.node(key)?;
        let Kind::Map(entries) = &node.kind else {
            self.unless_reference(key, node, "a mapping of texts");
            return None;
        };
        let mut found = Vec::new();
        for entry in entries {
            match entry.value.as_str() {
                Some(text) => found.push((
                    Name {
                        text: entry.key.clone(),
                        at: entry.at,
                    },
                    text.to_owned(),
                )),
                None => self.wrong(&entry.key, &entry.value, "a text (quote it)"),
            }
        }
        Some(found)
    }

    /// A version: texts that are needed before there is any local var.
    pub fn version(&mut self, key: &'static str) -> Option<Vec<(Name, String)>> {
        let pairs = self.texts(key)?;
        if let Some(Kind::Map(entries)) = self.node.get(key).map(|node| &node.kind) {
            for entry in entries {
                self.not_local(&entry.key, &entry.value);
            }
        }
        Some(pairs)
    }

    /// Reads each item of a list.
    pub fn each<T>(
        &mut self,
        key: &'static str,
        context: &str,
        read: impl Fn(&Node, &str, &mut Problems) -> T,
    ) -> Vec<T> {
        let Some(node) = self.node(key) else {
            return Vec::new();
        };
        let Kind::List(items) = &node.kind else {
            self.wrong(key, node, "a list");
            return Vec::new();
        };
        let read_one = |(index, item): (usize, &Node)| {
            let name = item
                .get("name")
                .and_then(Node::as_str)
                .filter(|name| !name.is_empty());
            let path = name.map_or_else(
                || format!("{context}[{index}]"),
                |name| format!("{context}.{name}"),
            );
            read(item, &path, self.problems)
        };
        items.iter().enumerate().map(read_one).collect()
    }

    /// Keys that are accepted and have no effect here (`icon`, `public`): each must still be what Concourse takes.
    pub fn ignore(&mut self, keys: &[(&'static str, Shape)]) {
        for (key, shape) in keys {
            match shape {
                Shape::Text => drop(self.string(key)),
                Shape::Flag => drop(self.flag(key)),
                Shape::Texts => drop(self.strings(key)),
                Shape::Mapping => drop(self.mapping(key)),
            }
        }
    }

    /// Those of these keys that are there; they have no effect here, and a run says so.
    pub fn present(&mut self, keys: &[(&'static str, Shape)]) -> Vec<&'static str> {
        self.ignore(keys);
        let names = keys.iter().map(|(key, _)| *key);
        names.filter(|key| self.has(key)).collect()
    }

    /// A key that Concourse knows and the runner does not do, with the reason.
    pub fn refuse(&mut self, key: &str, reason: &str) {
        if let Some(entry) = self.node.entry(key) {
            self.allowed.insert(&entry.key);
            let (at, context) = (entry.at, &self.context);
            self.problems
                .error(at, format!("{context}: `{key}`: {reason}"));
        }
    }

    /// Accepts further keys by a rule.
    pub fn allow(&mut self, rule: impl Fn(&Entry) -> bool) {
        let found = self
            .entries()
            .iter()
            .filter(|entry| rule(entry))
            .map(|entry| entry.key.as_str());
        self.allowed.extend(found);
    }

    /// Reports every key that nobody asked for, with the ones that are known.
    pub fn finish(self) {
        for entry in self.entries() {
            let key = entry.key.as_str();
            if !self.known.contains(&key) && !self.allowed.contains(key) {
                let known = self.known.join(", ");
                let message = format!("{}: unknown key `{key}`; known here: {known}", self.context);
                self.problems.error(entry.at, message);
            }
        }
    }

    /// The whole mapping: a leaf step is read from it again when its local vars are known.
    pub fn value(&self) -> &'n Node {
        self.node
    }
}

/// A text. A number is none, as in Concourse: `name: 1` has to be quoted.
fn text_of(node: &Node) -> Option<String> {
    match &node.kind {
        Kind::String(text) => Some(text.clone()),
        _ => None,
    }
}
