//! Secrets that line breaks divide.

use std::borrow::Cow;
use std::ops::Range;

use super::MASK;

/// A shorter form would be found by chance where one line ends and the next begins.
const SHORTEST: usize = 8;

/// Whether spaces after a line break are part of the text: a password may have a space where its line was broken.
#[derive(Clone, Copy, PartialEq)]
enum Indent {
    Dropped,
    Kept,
}

/// The text with every form that goes over a line break masked.
pub(super) fn mask<'a>(text: String, forms: impl Iterator<Item = &'a str> + Clone) -> String {
    if !has_break(&text) {
        return text;
    }
    let mut found = over_breaks(&text, forms.clone(), Indent::Dropped);
    found.extend(over_breaks(&text, forms, Indent::Kept));
    found.sort_by_key(|range| range.start);
    replace(&text, &found)
}

/// Where in the text a form is, once its line breaks are taken out.
fn over_breaks<'a>(
    text: &str,
    forms: impl Iterator<Item = &'a str>,
    indent: Indent,
) -> Vec<Range<usize>> {
    let (joined, origins) = join(text, indent);
    let mut found = Vec::new();
    // A form may have breaks of its own: a PEM comes with another indentation, or in one line.
    let forms = forms.map(|form| match has_break(form) {
        true => Cow::from(join(form, indent).0),
        false => Cow::from(form),
    });
    for form in forms.filter(|form| form.len() >= SHORTEST) {
        for (start, _) in joined.match_indices(form.as_ref()) {
            found.push(origins[start]..origins[start + form.len() - 1] + 1);
        }
    }
    found
}

fn has_break(text: &str) -> bool {
    text.contains(['\n', '\r']) || text.contains("\\n")
}

/// The text without its line breaks, and where in the text each of its bytes was.
fn join(text: &str, indent: Indent) -> (String, Vec<usize>) {
    let mut joined = String::with_capacity(text.len());
    let mut origins = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some(character) = rest.chars().next() {
        let after = after_break(rest, indent);
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

/// What follows the line break that the text begins with, and the indentation after it if it is dropped; else all of the
/// text. JSON and Rust's `Debug` write a break as `\n`.
fn after_break(text: &str, indent: Indent) -> &str {
    let is_break = |text: &str| {
        ["\r", "\n", "\\r", "\\n"]
            .iter()
            .find_map(|end| text.starts_with(end).then_some(end.len()))
    };
    let mut rest = text;
    while let Some(length) = is_break(rest) {
        rest = &rest[length..];
    }
    match rest.len() < text.len() && indent == Indent::Dropped {
        true => rest.trim_start_matches([' ', '\t']),
        false => rest,
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
    fn a_space_of_the_secret_after_a_break_is_no_indentation() {
        let forms = || ["secret of mine"].into_iter();
        for broken in [
            "a secret\n of mine b",
            "a secret \n  of mine b",
            r"a secret\n of\n mine b",
        ] {
            assert_eq!(mask(broken.into(), forms()), format!("a {MASK} b"));
        }
    }

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
