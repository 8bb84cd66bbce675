//! Parser events to nodes: aliases, merge keys and the limits that keep hostile input small.

use super::{Entry, Kind, Node, scalar};
use crate::problem::{Position, Problem};
use saphyr_parser::{Event, Parser, ScalarStyle, Span, StrInput};
use std::collections::HashMap;

/// Concourse's own pipelines stay far below: its largest public one has 300 KB.
pub(crate) const MAX_BYTES: usize = 4 * 1024 * 1024;
/// Deep enough for any step in any hook; shallow enough for every stack.
const MAX_DEPTH: usize = 100;
/// Bounds what aliases of aliases may unfold to ("billion laughs").
const MAX_NODES: usize = 500_000;

/// Reads one YAML document.
///
/// # Errors
/// The first syntax error, or a limit that was passed, with its place.
pub fn parse(text: &str) -> Result<Node, Problem> {
    if text.len() > MAX_BYTES {
        let message = format!(
            "the file has {} bytes, the limit is {MAX_BYTES}",
            text.len()
        );
        return Err(problem(Position { line: 1, column: 1 }, message));
    }
    Composer {
        parser: Parser::new_from_str(text),
        anchors: HashMap::new(),
        nodes: 0,
    }
    .document()
}

struct Composer<'t> {
    parser: Parser<'t, StrInput<'t>>,
    anchors: HashMap<usize, (Node, usize)>,
    nodes: usize,
}

impl<'t> Composer<'t> {
    fn document(mut self) -> Result<Node, Problem> {
        let mut root = None;
        loop {
            let (event, span) = self.next()?;
            match event {
                Event::StreamStart | Event::DocumentEnd | Event::Nothing => {}
                Event::DocumentStart(_) if root.is_some() => {
                    return Err(problem(
                        start(&span),
                        "a second document: a pipeline is one document",
                    ));
                }
                Event::DocumentStart(_) => {
                    let first = self.next()?;
                    root = Some(self.node(first, 0)?.0);
                }
                Event::StreamEnd => break,
                _ => {
                    return Err(problem(
                        start(&span),
                        "unexpected content between documents",
                    ));
                }
            }
        }
        root.ok_or_else(|| problem(Position { line: 1, column: 1 }, "the file is empty"))
    }

    fn next(&mut self) -> Result<(Event<'t>, Span), Problem> {
        match self.parser.next_event() {
            Some(Ok(event)) => Ok(event),
            Some(Err(error)) => Err(problem(position(error.marker()), error.info())),
            None => Err(problem(Position::default(), "the file ends too early")),
        }
    }

    /// The node that starts with this event, and whether it was given a name.
    fn node(
        &mut self,
        (event, span): (Event<'t>, Span),
        depth: usize,
    ) -> Result<(Node, bool), Problem> {
        let at = start(&span);
        if depth > MAX_DEPTH {
            return Err(problem(
                at,
                format!("nested deeper than {MAX_DEPTH} levels"),
            ));
        }
        let before = self.nodes;
        self.count(1, at)?;
        let (anchor, kind) = match event {
            Event::Alias(id) => return self.alias(id, at).map(|node| (node, false)),
            Event::Scalar(text, style, anchor, tag) => {
                let tag = tag
                    .as_ref()
                    .map(|tag| (tag.is_yaml_core_schema(), tag.suffix.as_str()));
                (
                    anchor,
                    scalar_kind(&text, style, tag).map_err(|reason| problem(at, reason))?,
                )
            }
            Event::SequenceStart(anchor, _) => (anchor, self.list(depth)?),
            Event::MappingStart(anchor, _) => (anchor, self.map(depth)?),
            _ => return Err(problem(at, "a value is missing here")),
        };
        let node = Node { at, kind };
        if anchor != 0 {
            self.anchors
                .insert(anchor, (node.clone(), self.nodes - before));
        }
        Ok((node, anchor != 0))
    }

    fn alias(&mut self, id: usize, at: Position) -> Result<Node, Problem> {
        let known = self.anchors.get(&id);
        let size = known.map(|(_, size)| *size);
        self.count(size.unwrap_or(0), at)?;
        let node = self.anchors.get(&id).map(|(node, _)| node.clone());
        node.ok_or_else(|| problem(at, "an alias inside the very value it names"))
    }

    fn count(&mut self, more: usize, at: Position) -> Result<(), Problem> {
        self.nodes += more;
        if self.nodes > MAX_NODES {
            return Err(problem(
                at,
                format!("more than {MAX_NODES} values when aliases are unfolded"),
            ));
        }
        Ok(())
    }

    fn list(&mut self, depth: usize) -> Result<Kind, Problem> {
        let mut items = Vec::new();
        loop {
            let next = self.next()?;
            if matches!(next.0, Event::SequenceEnd) {
                return Ok(Kind::List(items));
            }
            items.push(self.node(next, depth + 1)?.0);
        }
    }

    fn map(&mut self, depth: usize) -> Result<Kind, Problem> {
        let (mut own, mut merged) = (Vec::new(), Vec::new());
        loop {
            let (event, span) = self.next()?;
            let at = start(&span);
            let (key, plain) = match event {
                Event::MappingEnd => return Ok(Kind::Map(merge(own, merged))),
                Event::Scalar(key, style, ..) => (key.into_owned(), style == ScalarStyle::Plain),
                _ => return Err(problem(at, "a key must be a plain text")),
            };
            let next = self.next()?;
            let (value, anchored) = self.node(next, depth + 1)?;
            if key == "<<" && plain {
                merged.extend(merge_sources(value)?);
            } else if own.iter().any(|entry: &Entry| entry.key == key) {
                return Err(problem(
                    at,
                    format!("the key `{key}` stands twice in one mapping"),
                ));
            } else {
                own.push(Entry {
                    key,
                    at,
                    value,
                    anchored,
                });
            }
        }
    }
}

fn scalar_kind(text: &str, style: ScalarStyle, tag: Option<(bool, &str)>) -> Result<Kind, String> {
    match tag {
        Some((true, "str")) => Ok(Kind::String(text.to_owned())),
        Some((true, "int" | "float" | "bool" | "null")) => scalar::resolve(text),
        Some((_, tag)) if tag != "!" && !tag.is_empty() => {
            Err(format!("the tag `{tag}` is not understood"))
        }
        _ if style == ScalarStyle::Plain => scalar::resolve(text),
        _ => Ok(Kind::String(text.to_owned())),
    }
}

/// The entries that `<<: *name` or `<<: [*a, *b]` brings in.
fn merge_sources(value: Node) -> Result<Vec<Entry>, Problem> {
    match value.kind {
        Kind::Map(entries) => Ok(entries),
        Kind::List(items) => {
            let lists: Result<Vec<Vec<Entry>>, Problem> =
                items.into_iter().map(merge_sources).collect();
            Ok(lists?.into_iter().flatten().collect())
        }
        _ => Err(problem(
            value.at,
            "`<<` takes a mapping or a list of mappings",
        )),
    }
}

/// Own keys win over merged ones, earlier merged ones over later ones.
fn merge(mut own: Vec<Entry>, merged: Vec<Entry>) -> Vec<Entry> {
    for entry in merged {
        if !own.iter().any(|known| known.key == entry.key) {
            own.push(Entry {
                anchored: false,
                ..entry
            });
        }
    }
    own
}

fn start(span: &Span) -> Position {
    position(&span.start)
}

fn position(marker: &saphyr_parser::Marker) -> Position {
    Position {
        line: marker.line().max(1),
        column: marker.col() + 1,
    }
}

fn problem(at: Position, message: impl Into<String>) -> Problem {
    Problem {
        at,
        message: message.into(),
    }
}
