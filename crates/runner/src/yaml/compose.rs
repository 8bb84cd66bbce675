//! Parser events to nodes: aliases, merge keys and the limits that keep hostile input small.

use super::{Entry, Kind, Node, scalar};
use crate::problem::{Position, Problem, Problems};
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
    let (node, mut problems) = read(text)?;
    match problems.errors.is_empty() {
        true => Ok(node),
        false => Err(problems.errors.swap_remove(0)),
    }
}

/// Reads one YAML document. What can be read past comes beside it, so that it can be said together with everything else:
/// values that JSON does not have are errors; what Concourse takes without a word, such as a key that stands twice, are warnings.
///
/// # Errors
/// The first syntax error, or a limit that was passed, with its place.
pub(crate) fn read(text: &str) -> Result<(Node, Problems), Problem> {
    compose(text, false)
}

/// The same, by `UnmarshalStrict`: a key that stands twice is an error.
///
/// # Errors
/// As [`read`].
pub(crate) fn read_strictly(text: &str) -> Result<(Node, Problems), Problem> {
    compose(text, true)
}

fn compose(text: &str, is_strict: bool) -> Result<(Node, Problems), Problem> {
    if text.len() > MAX_BYTES {
        let message = format!("the file has more than {MAX_BYTES} bytes, which is the limit");
        return Err(problem(Position { line: 1, column: 1 }, message));
    }
    let mut composer = Composer {
        parser: Parser::new_from_str(text),
        anchors: HashMap::new(),
        size: Size::default(),
        problems: Problems::default(),
        is_strict,
    };
    let root = composer.document()?;
    Ok((root, composer.problems))
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
    problems: Problems,
    /// Whether a key that stands twice is an error.
    is_strict: bool,
}

impl<'t> Composer<'t> {
    /// The first document: Concourse ignores what follows, whatever it is.
    fn document(&mut self) -> Result<Node, Problem> {
        let root = loop {
            let (event, span) = self.next()?;
            match event {
                Event::StreamStart | Event::DocumentStart(_) | Event::Nothing => {}
                Event::StreamEnd => {
                    return Err(problem(
                        Position { line: 1, column: 1 },
                        "the file is empty",
                    ));
                }
                _ => break self.node((event, span), 0)?,
            }
        };
        while let Ok((event, span)) = self.next() {
            match event {
                Event::StreamEnd => break,
                Event::DocumentStart(_) => {
                    let message =
                        "Concourse ignores this second document: a pipeline is one document";
                    self.problems.warning(start(&span), message);
                    break;
                }
                _ => {}
            }
        }
        Ok(root)
    }

    fn next(&mut self) -> Result<(Event<'t>, Span), Problem> {
        match self.parser.next_event() {
            Some(Ok(event)) => Ok(event),
            Some(Err(error)) => Err(problem(position(error.marker()), error.info())),
            None => Err(problem(Position::default(), "the file ends too early")),
        }
    }

    /// The node that starts with this event.
    fn node(&mut self, (event, span): (Event<'t>, Span), depth: usize) -> Result<Node, Problem> {
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
            Event::Alias(id) => return self.alias(id, at),
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
        Ok(node)
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
        if let Some((_, name)) = tag.filter(|tag| !is_known(*tag)) {
            let message = format!("Concourse ignores the tag `{name}` and takes a text");
            self.problems.warning(at, message);
        }
        let kind = scalar_kind(text, style, tag).unwrap_or_else(|reason| {
            self.problems.error(at, reason);
            Kind::Null
        });
        if tag.is_none() {
            self.written_anew(text, &kind, at);
        }
        Ok(kind)
    }

    /// A tag `1.30` would be the tag `1.3`.
    fn written_anew(&mut self, text: &str, kind: &Kind, at: Position) {
        if let Kind::Number(number) = kind
            && number.to_string() != text
        {
            let message =
                format!("Concourse reads `{text}` as `{number}`: quote it if a text is meant");
            self.problems.warning(at, message);
        }
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
            items.push(self.node(next, depth + 1)?);
        }
    }

    fn map(&mut self, depth: usize) -> Result<Kind, Problem> {
        let mut entries = Entries::default();
        loop {
            let (event, span) = self.next()?;
            let at = start(&span);
            let (text, plain) = match event {
                Event::MappingEnd => return Ok(Kind::Map(entries.list)),
                // A tag (`!!str y`) says that the text is meant.
                Event::Scalar(text, style, _, tag) => {
                    let plain = style == ScalarStyle::Plain && tag.is_none();
                    (text.into_owned(), plain)
                }
                Event::MappingStart(..) => {
                    let message = "a key must be a plain text; Concourse no longer knows `{{name}}`: write ((name))";
                    return Err(problem(at, message));
                }
                _ => return Err(problem(at, "a key must be a plain text")),
            };
            let size = Size {
                nodes: 0,
                text: text.len(),
            };
            self.count(size, at)?;
            let next = self.next()?;
            let value = self.node(next, depth + 1)?;
            if text == "<<" && plain {
                merge_sources(value)?
                    .into_iter()
                    .for_each(|entry| entries.merge(entry));
                continue;
            }
            let key = if plain { self.key(text, at)? } else { text };
            let entry = Entry {
                key: key.clone(),
                at,
                value,
            };
            if entries.set(entry) {
                self.stands_twice(&key, at);
            }
        }
    }

    fn stands_twice(&mut self, key: &str, at: Position) {
        let message = format!("the key `{key}` stands twice in one mapping");
        if self.is_strict {
            self.problems.error(at, message);
        } else {
            let message = format!("{message}: Concourse takes this one");
            self.problems.warning(at, message);
        }
    }

    /// The text that a plain key becomes: a truth value or a number is written anew (`convertToJSONableObject` in
    /// sigs.k8s.io/yaml), and there is none for null.
    fn key(&mut self, text: String, at: Position) -> Result<String, Problem> {
        let key = match scalar::resolve(&text) {
            Ok(Kind::Bool(truth)) => truth.to_string(),
            Ok(Kind::Number(number)) => number.to_string(),
            Ok(Kind::Null) => {
                return Err(problem(at, "a key must be a text, not nothing: quote it"));
            }
            _ => return Ok(text),
        };
        if key != text {
            let message =
                format!("Concourse reads the key `{text}` as `{key}`: quote it if a text is meant");
            self.problems.warning(at, message);
        }
        Ok(key)
    }
}

/// The entries of a mapping while it is read: whatever sets a key last wins, and keeps the place of the first.
#[derive(Default)]
struct Entries {
    list: Vec<Entry>,
    /// Where each key stands in the list.
    index: HashMap<String, usize>,
    /// The keys that the mapping itself has; the others came by a merge, and may be set again.
    own: HashSet<String>,
}

impl Entries {
    /// Sets a key of the mapping itself; says whether it stood there before.
    fn set(&mut self, entry: Entry) -> bool {
        let is_new = self.own.insert(entry.key.clone());
        self.merge(entry);
        !is_new
    }

    /// Sets a key that a merge brings.
    fn merge(&mut self, entry: Entry) {
        if let Some(&index) = self.index.get(&entry.key) {
            self.list[index] = entry;
        } else {
            self.index.insert(entry.key.clone(), self.list.len());
            self.list.push(entry);
        }
    }
}

/// Whether the tag is one that decides the type of a scalar.
fn is_known((core, name): (bool, &str)) -> bool {
    core || name == "!" || name.is_empty()
}

fn scalar_kind(text: &str, style: ScalarStyle, tag: Option<(bool, &str)>) -> Result<Kind, String> {
    match tag {
        Some((true, "int" | "float" | "bool" | "null")) => scalar::resolve(text),
        Some((true, "binary")) => {
            Err("`!!binary` is not read here: write the text itself".to_owned())
        }
        None if style == ScalarStyle::Plain => scalar::resolve(text),
        _ => Ok(Kind::String(text.to_owned())),
    }
}

/// The entries that `<<: *name` or `<<: [*a, *b]` brings in, in the order in which they are set: of several mappings the first
/// wins. As any other entry they win over what stands above them, and what stands below wins over them (`merge` in `decode.go`
/// of go-yaml v2).
fn merge_sources(value: Node) -> Result<Vec<Entry>, Problem> {
    match value.kind {
        Kind::Map(entries) => Ok(entries),
        Kind::List(items) => {
            let lists: Result<Vec<Vec<Entry>>, Problem> =
                items.into_iter().rev().map(merge_sources).collect();
            Ok(lists?.into_iter().flatten().collect())
        }
        _ => Err(problem(
            value.at,
            "`<<` takes a mapping or a list of mappings",
        )),
    }
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
