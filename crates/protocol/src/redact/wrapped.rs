//! Secrets that line breaks divide.

use std::borrow::Cow;
use std::ops::Range;

use super::MASK;

/// A shorter form would be found by chance where one line ends and the next begins.
const SHORTEST: usize = 8;

/// The text with every form that goes over a line break masked.
pub(super) fn mask<'a>(text: String, forms: impl Iterator<Item = &'a str>) -> String {
    if !has_break(&text) {
        return text;
    }
    let (joined, origins) = join(&text);
    let mut found: Vec<Range<usize>> = Vec::new();
    // A form may have breaks of its own: a PEM comes with another indentation, or in one line.
    let forms = forms.map(|form| match has_break(form) {
        true => Cow::from(join(form).0),
        false => Cow::from(form),
    });
    for form in forms.filter(|form| form.len() >= SHORTEST) {
        for (start, _) in joined.match_indices(form.as_ref()) {
            found.push(origins[start]..origins[start + form.len() - 1] + 1);
        }
    }
    found.sort_by_key(|range| range.start);
    replace(&text, &found)
}

fn has_break(text: &str) -> bool {
    text.contains(['\n', '\r']) || text.contains("\\n")
}

/// The text without its line breaks, and where in the text each of its bytes was.
fn join(text: &str) -> (String, Vec<usize>) {
    let mut joined = String::with_capacity(text.len());
    let mut origins = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some(character) = rest.chars().next() {
        let after = after_break(rest);
        if after.len() < rest.len() {
            rest = after;
            continue;
        }
        let at = text.len() - rest.len();
        origins.extend(at..at + character.len_utf8());
        joined.push(character);
        rest = &rest[character.len_utf8()..];
    }
    (joined, origins)
}

/// What follows the line break that the text begins with, and the indentation after it; else all of the text. JSON and
/// Rust's `Debug` write a break as `\n`.
fn after_break(text: &str) -> &str {
    let is_break = |text: &str| {
        ["\r", "\n", "\\r", "\\n"]
            .iter()
            .find_map(|end| text.starts_with(end).then_some(end.len()))
    };
    let mut rest = text;
    while let Some(length) = is_break(rest) {
        rest = &rest[length..];
    }
    match rest.len() < text.len() {
        true => rest.trim_start_matches([' ', '\t']),
        false => text,
    }
}

/// The ranges, in order of their starts, may overlap.
fn replace(text: &str, ranges: &[Range<usize>]) -> String {
    let mut masked = String::with_capacity(text.len());
    let mut end = 0;
    for range in ranges {
        if range.start >= end {
            masked.push_str(&text[end..range.start]);
            masked.push_str(MASK);
        }
        end = end.max(range.end);
    }
    masked.push_str(&text[end..]);
    masked
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_a_break_divides_is_joined() {
        let forms = || ["secret-of-mine"].into_iter();
        assert_eq!(
            mask("a secret-\n  of-mine b".into(), forms()),
            format!("a {MASK} b")
        );
        assert_eq!(
            mask(r"[secret-\nof-mine]".into(), forms()),
            format!("[{MASK}]")
        );
        for other in ["a secret- of-mine b\nc", "one\ntwo", "\\n", ""] {
            assert_eq!(mask(other.into(), forms()), other);
        }
    }
}
