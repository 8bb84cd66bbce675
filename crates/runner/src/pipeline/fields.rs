//! Takes the keys of a mapping one by one and refuses what is left.

use super::Name;
use crate::problem::{Position, Problems};
use crate::vars;
use crate::yaml::{Entry, Kind, Node};

/// How Concourse reads a mapping.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reading {
    /// Outside of steps and in task files, by `UnmarshalStrict` of `sigs.k8s.io/yaml`: a number or truth value is taken where a
    /// text is wanted, and unknown keys are refused.
    Strict,
    /// Inside of a step, by `encoding/json`: a text must be one, and unknown keys are ignored (those of the step itself are
    /// refused by `Step.UnmarshalJSON`).
    InStep,
}

/// The keys of one mapping, being read.
pub(crate) struct Fields<'n, 'p> {
    node: &'n Node,
    reading: Reading,
    /// How messages call this mapping: `jobs.repair.plan[0]`.
    pub context: String,
    known: Vec<&'static str>,
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
    /// A mapping outside of steps.
    pub fn new(node: &'n Node, context: &str, problems: &'p mut Problems) -> Self {
        Self::read(Reading::Strict, node, context, problems)
    }

    /// A step, or a mapping inside of one.
    pub fn in_step(node: &'n Node, context: &str, problems: &'p mut Problems) -> Self {
        Self::read(Reading::InStep, node, context, problems)
    }

    pub fn read(
        reading: Reading,
        node: &'n Node,
        context: &str,
        problems: &'p mut Problems,
    ) -> Self {
        if !matches!(node.kind, Kind::Map(_)) {
            problems.error(
                node.at,
                format!("{context} must be a mapping, not {}", node.describe()),
            );
        }
        Self {
            node,
            reading,
            context: context.to_owned(),
            known: Vec::new(),
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

    pub fn warning(&mut self, at: Position, message: &str) {
        self.problems
            .warning(at, format!("{}: {message}", self.context));
    }

    /// Says of a key what cannot be done here.
    pub fn note(&mut self, key: &str, message: &str) {
        let (at, context) = (self.place(key), &self.context);
        self.problems.note(at, format!("{context}: {message}"));
    }

    fn wrong(&mut self, key: &str, node: &Node, expected: &str) {
        let quote = match node.kind {
            Kind::Bool(_) | Kind::Number(_) if expected.contains("text") => ": quote it",
            _ => "",
        };
        let found = node.describe();
        let message = format!("`{key}` must be {expected}, not {found}{quote}");
        self.error(node.at, &message);
    }

    pub fn string(&mut self, key: &'static str) -> Option<Name> {
        let node = self.node(key)?;
        let Some(text) = self.text_of(key, node) else {
            self.wrong(key, node, "a text");
            return None;
        };
        Some(Name { text, at: node.at })
    }

    /// The text of a value, as far as Concourse takes one there.
    fn text_of(&mut self, key: &str, node: &Node) -> Option<String> {
        let text = match &node.kind {
            Kind::String(text) => return Some(text.clone()),
            _ if self.reading == Reading::InStep => return None,
            Kind::Number(number) => return Some(number.to_string()),
            Kind::Bool(truth) => truth.to_string(),
            _ => return None,
        };
        let message = format!(
            "`{key}` is a truth value to Concourse, which makes the text `{text}` of it: quote it"
        );
        self.warning(node.at, &message);
        Some(text)
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
            match self.text_of(key, item) {
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
            let name = Name {
                text: entry.key.clone(),
                at: entry.at,
            };
            match self.text_of(&entry.key, &entry.value) {
                Some(text) => found.push((name, text)),
                None => self.wrong(&entry.key, &entry.value, "a text"),
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

    /// The tags of workers: there is one worker here.
    pub fn tags(&mut self) {
        if !self.strings("tags").is_empty() {
            self.note(
                "tags",
                "`tags` choose a worker; `trireme run` has one, this host, and ignores them",
            );
        }
    }

    /// The keys that nobody asked for.
    fn unknown(&self) -> Vec<&'n Entry> {
        let is_unknown = |entry: &&Entry| !self.known.contains(&entry.key.as_str());
        self.entries().iter().filter(is_unknown).collect()
    }

    /// Refuses every key that nobody asked for, with the ones that are known.
    pub fn finish(self) {
        let known = self.known.join(", ");
        for entry in self.unknown() {
            let (context, key) = (&self.context, &entry.key);
            let message = format!("{context}: unknown key `{key}`; known here: {known}");
            self.problems.error(entry.at, message);
        }
    }

    /// The same for a mapping that may stand in a step, where Concourse ignores such keys.
    pub fn finish_inside(self) {
        if self.reading == Reading::Strict {
            return self.finish();
        }
        let known = self.known.join(", ");
        for entry in self.unknown() {
            let (context, key) = (&self.context, &entry.key);
            let message = format!(
                "{context}: Concourse ignores the unknown key `{key}`; known here: {known}"
            );
            self.problems.warning(entry.at, message);
        }
    }

    /// The same for the pipeline itself: Concourse drops unknown keys at the top, which may hold anchors; one that is nearly a
    /// known key is likely a typing error.
    pub fn finish_top(self) {
        for entry in self.unknown() {
            let key = entry.key.as_str();
            let near = |known: &&&str| strsim::damerau_levenshtein(known, key) <= 2;
            if let Some(known) = self.known.iter().find(near) {
                let message = format!(
                    "{}: Concourse ignores the key `{key}`; is `{known}` meant?",
                    self.context
                );
                self.problems.warning(entry.at, message);
            }
        }
    }

    /// The whole mapping: a leaf step is read from it again when its local vars are known.
    pub fn value(&self) -> &'n Node {
        self.node
    }
}
