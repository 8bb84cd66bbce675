//! The text between `((` and `))`.

use std::fmt;
use std::str::FromStr;

/// One reference to a value.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Reference {
    /// What stands before `:`; `.` for local vars.
    pub source: Option<String>,
    /// The first segment.
    pub name: String,
    /// The segments behind it: keys of nested mappings.
    pub fields: Vec<String>,
}

impl Reference {
    /// Whether this asks for a local var.
    pub fn is_local(&self) -> bool {
        self.source.as_deref() == Some(".")
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(source) = &self.source {
            write!(f, "{source}:")?;
        }
        f.write_str(&quoted(&self.name))?;
        self.fields
            .iter()
            .try_for_each(|field| write!(f, ".{}", quoted(field)))
    }
}

fn quoted(segment: &str) -> String {
    if segment.contains(['.', ':']) {
        format!("\"{segment}\"")
    } else {
        segment.to_owned()
    }
}

impl FromStr for Reference {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || {
            format!(
                "`{text}` is not the name of a var: use letters, digits, `-`, `_`, `/`, and `.` between fields"
            )
        };
        let (source, path) = split_source(text);
        let mut segments = segments(path).ok_or_else(wrong)?.into_iter();
        let name = segments.next().ok_or_else(wrong)?;
        Ok(Self {
            source: source.map(str::to_owned),
            name,
            fields: segments.collect(),
        })
    }
}

fn split_source(text: &str) -> (Option<&str>, &str) {
    match text.split_once(':') {
        Some((source, path)) if !source.contains('"') => (Some(source), path),
        _ => (None, text),
    }
}

/// The segments between dots; dots inside quotes do not split.
/// `None` when a character is not allowed or a segment is empty.
fn segments(path: &str) -> Option<Vec<String>> {
    let mut found = Vec::new();
    let mut rest = path;
    loop {
        let (segment, after) = match rest.strip_prefix('"') {
            Some(quoted) => quoted.split_once('"')?,
            None => rest.split_at(rest.find('.').unwrap_or(rest.len())),
        };
        if segment.is_empty() || !(rest.starts_with('"') || segment.chars().all(is_name)) {
            return None;
        }
        found.push(segment.to_owned());
        match after.strip_prefix('.') {
            Some(next) => rest = next,
            None => return after.is_empty().then_some(found),
        }
    }
}

fn is_name(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '-' | '_' | '/' | '@')
}

/// A part of a text.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Piece<'t> {
    /// Plain text.
    Text(&'t str),
    /// A reference, and how it is written.
    Reference(Reference, &'t str),
}

/// Cuts a text into plain parts and references. What looks like one but is none stays plain.
/// Each `))` is tried with the nearest `((` before it, so that the work is linear whatever the text is full of.
pub(super) fn pieces(text: &str) -> Vec<Piece<'_>> {
    let mut found = Vec::new();
    let (mut plain, mut from) = (0, 0);
    while let Some(close) = text[from..].find("))").map(|at| from + at) {
        let open = text[from..close].rfind("((").map(|at| from + at);
        let reference =
            open.and_then(|open| text[open + 2..close].trim().parse::<Reference>().ok());
        let (Some(open), Some(reference)) = (open, reference) else {
            from = close + 1;
            continue;
        };
        if plain < open {
            found.push(Piece::Text(&text[plain..open]));
        }
        found.push(Piece::Reference(reference, &text[open..close + 2]));
        (plain, from) = (close + 2, close + 2);
    }
    if plain < text.len() || found.is_empty() {
        found.push(Piece::Text(&text[plain..]));
    }
    found
}
