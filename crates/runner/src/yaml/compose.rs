//! Parser events to nodes: aliases, merge keys and the limits that keep hostile input small.

use super::{Entry, Kind, Node, scalar};
use crate::problem::{Position, Problem};
use saphyr_parser::{Event, Parser, ScalarStyle, Span, StrInput};
use std::collections::{HashMap, HashSet};

/// Concourse's own pipelines stay far below: its largest public one has 300 KB.
pub(crate) const MAX_BYTES: usize = 4 * 1024 * 1024;
/// Deep enough for any step in any hook; shallow enough for every stack.
const MAX_DEPTH: usize = 100;
/// Bounds what aliases of aliases may unfold to ("billion laughs").
const MAX_NODES: usize = 500_000;
/// The same for the bytes of their texts: one long text with many aliases has few nodes.
const MAX_TEXT: usize = 16 * MAX_BYTES;

/// Reads one YAML document.
///
/// # Errors
/// The first thing that is wrong with it, or a limit that was passed, with its place.
pub fn parse(text: &str) -> Result<Node, Problem> {
    match read(text)? {
        (node, objections) if objections.is_empty() => Ok(node),
        (_, mut objections) => Err(objections.swap_remove(0)),
    }
}

/// Reads one YAML document that may have keys that stand twice, values that JSON does not have, and tags that nobody
/// understands: these come as a list, so that they can be said together with everything else.
///
/// # Errors
/// The first syntax error, or a limit that was passed, with its place.
pub(crate) fn read(text: &str) -> Result<(Node, Vec<Problem>), Problem> {
    if text.len() > MAX_BYTES {
        let message = format!("the file has more than {MAX_BYTES} bytes, which is the limit");
        return Err(problem(Position { line: 1, column: 1 }, message));
    }
    let mut composer = Composer {
        parser: Parser::new_from_str(text),
        anchors: HashMap::new(),
        size: Size::default(),
        objections: Vec::new(),
    };
    let root = composer.document()?;
    Ok((root, composer.objections))
}

/// What a value takes when its aliases are unfolded.
#[derive(Debug, Clone, Copy, Default)]
struct Size {
    nodes: usize,
    text: usize,
}

struct Composer<'t> {
    parser: Parser<'t, StrInput<'t>>,
    anchors: HashMap<usize, (Node, Size)>,
    size: Size,
    objections: Vec<Problem>,
}

impl<'t> Composer<'t> {
    fn document(&mut self) -> Result<Node, Problem> {
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
        let before = self.size;
        let own = Size { nodes: 1, text: 0 };
        self.count(own, at)?;
        let (anchor, kind) = match event {
            Event::Alias(id) => return self.alias(id, at).map(|node| (node, false)),
            Event::Scalar(text, style, anchor, tag) => {
                let tag = tag
                    .as_ref()
                    .map(|tag| (tag.is_yaml_core_schema(), tag.suffix.as_str()));
                (anchor, self.scalar(&text, style, tag, at)?)
            }
            Event::SequenceStart(anchor, _) => (anchor, self.list(depth)?),
            Event::MappingStart(anchor, _) => (anchor, self.map(depth)?),
            _ => return Err(problem(at, "a value is missing here")),
        };
        let node = Node { at, kind };
        if anchor != 0 {
            let size = Size {
                nodes: self.size.nodes - before.nodes,
                text: self.size.text - before.text,
            };
            self.anchors.insert(anchor, (node.clone(), size));
        }
        Ok((node, anchor != 0))
    }

    fn scalar(
        &mut self,
        text: &str,
        style: ScalarStyle,
        tag: Option<(bool, &str)>,
        at: Position,
    ) -> Result<Kind, Problem> {
        let size = Size {
            nodes: 0,
            text: text.len(),
        };
        self.count(size, at)?;
        Ok(scalar_kind(text, style, tag).unwrap_or_else(|reason| {
            self.objections.push(problem(at, reason));
            Kind::Null
        }))
    }

    fn alias(&mut self, id: usize, at: Position) -> Result<Node, Problem> {
        let size = self
            .anchors
            .get(&id)
            .map(|(_, size)| *size)
            .unwrap_or_default();
        self.count(size, at)?;
        let node = self.anchors.get(&id).map(|(node, _)| node.clone());
        node.ok_or_else(|| problem(at, "an alias inside the very value it names"))
    }

    fn count(&mut self, more: Size, at: Position) -> Result<(), Problem> {
        self.size.nodes += more.nodes;
        self.size.text += more.text;
        let over = if self.size.nodes > MAX_NODES {
            format!("{MAX_NODES} values")
        } else if self.size.text > MAX_TEXT {
            format!("{MAX_TEXT} bytes of text")
        } else {
            return Ok(());
        };
        Err(problem(
            at,
            format!("more than {over} when aliases are unfolded"),
        ))
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
        let (mut own, mut merged, mut keys) = (Vec::new(), Vec::new(), HashSet::new());
        loop {
            let (event, span) = self.next()?;
            let at = start(&span);
            let (key, plain) = match event {
                Event::MappingEnd => return Ok(Kind::Map(merge(own, merged, keys))),
                Event::Scalar(key, style, ..) => (key.into_owned(), style == ScalarStyle::Plain),
                _ => return Err(problem(at, "a key must be a plain text")),
            };
            let size = Size {
                nodes: 0,
                text: key.len(),
            };
            self.count(size, at)?;
            let next = self.next()?;
            let (value, anchored) = self.node(next, depth + 1)?;
            if key == "<<" && plain {
                merged.extend(merge_sources(value)?);
            } else if !keys.insert(key.clone()) {
                let message = format!("the key `{key}` stands twice in one mapping");
                self.objections.push(problem(at, message));
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
fn merge(mut own: Vec<Entry>, merged: Vec<Entry>, mut keys: HashSet<String>) -> Vec<Entry> {
    for entry in merged {
        if keys.insert(entry.key.clone()) {
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
