//! The order of apk: `1.2.3a_rc1_p2~c0ffee-r4`.

use std::cmp::Ordering;

use super::{compare_digits, split_while};

/// Compares two apk versions part by part.
///
/// While both have a part of the same kind, these decide; where the kinds part, a pre-release suffix (`_alpha`,
/// `_beta`, `_pre`, `_rc`) makes its version the smaller one, and otherwise the version whose next part comes first
/// in the grammar is the larger one (`1.0 < 1.0.1`, `1.0 < 1.0a`, `1.0 < 1.0_p1`, `1.0 < 1.0-r1`).
pub fn compare(a: &str, b: &str) -> Ordering {
    let (mut tokens_a, mut tokens_b) = (Tokens::of(a), Tokens::of(b));
    loop {
        let (next_a, next_b) = (tokens_a.advance(), tokens_b.advance());
        if next_a.kind != next_b.kind {
            return kinds_differ(&next_a, &next_b);
        }
        let order = same_kind(&next_a, &next_b);
        if order != Ordering::Equal || next_a.kind >= Kind::End {
            return order;
        }
    }
}

/// The parts of a version in the order of the grammar.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    FirstNumber,
    Number,
    Letter,
    Suffix,
    SuffixNumber,
    CommitHash,
    Revision,
    End,
    Invalid,
}

struct Token<'a> {
    kind: Kind,
    text: &'a [u8],
}

/// The suffixes in their order; those before `NO_SUFFIX` make a pre-release.
const SUFFIXES: [&[u8]; 9] = [
    b"alpha", b"beta", b"pre", b"rc", b"cvs", b"svn", b"git", b"hg", b"p",
];
const NO_SUFFIX: usize = 4;

fn rank(suffix: &[u8]) -> usize {
    SUFFIXES
        .iter()
        .position(|&known| known == suffix)
        .unwrap_or(SUFFIXES.len())
}

fn same_kind(a: &Token<'_>, b: &Token<'_>) -> Ordering {
    match a.kind {
        // A number with a leading zero is a fraction: 1.02 < 1.1, as in Gentoo's rules, from which apk took them.
        Kind::Number if a.text.starts_with(b"0") || b.text.starts_with(b"0") => a.text.cmp(b.text),
        Kind::FirstNumber | Kind::Number | Kind::SuffixNumber | Kind::Revision => {
            compare_digits(a.text, b.text)
        }
        Kind::Suffix => rank(a.text).cmp(&rank(b.text)),
        Kind::Letter | Kind::CommitHash | Kind::End | Kind::Invalid => a.text.cmp(b.text),
    }
}

fn kinds_differ(a: &Token<'_>, b: &Token<'_>) -> Ordering {
    let pre_release =
        |token: &Token<'_>| token.kind == Kind::Suffix && rank(token.text) < NO_SUFFIX;
    match (pre_release(a), pre_release(b)) {
        (true, false) => Ordering::Less,
        (false, true) => Ordering::Greater,
        _ => b.kind.cmp(&a.kind),
    }
}

struct Tokens<'a> {
    rest: &'a [u8],
    last: Option<Kind>,
}

impl<'a> Tokens<'a> {
    fn of(version: &'a str) -> Self {
        Self {
            rest: version.trim().as_bytes(),
            last: None,
        }
    }

    /// The next part. After an end or an invalid part there is nothing more.
    fn advance(&mut self) -> Token<'a> {
        let (kind, text, rest) = match (self.last, self.rest) {
            (Some(Kind::End | Kind::Invalid), _) | (Some(_), []) => (Kind::End, &b""[..], &b""[..]),
            (None, text) => digits(Kind::FirstNumber, text),
            (Some(last), [b'.', text @ ..]) if last <= Kind::Number => digits(Kind::Number, text),
            (Some(last), [b'a'..=b'z', rest @ ..]) if last <= Kind::Number => {
                (Kind::Letter, &self.rest[..1], rest)
            }
            (Some(last), [b'_', text @ ..]) if last <= Kind::SuffixNumber => suffix(text),
            // OpenSSH's 6.6.2p1: not in today's grammar, but apk orders it so.
            (Some(Kind::Letter), text @ [b'0'..=b'9', ..]) => digits(Kind::Number, text),
            (Some(Kind::Suffix), text @ [b'0'..=b'9', ..]) => digits(Kind::SuffixNumber, text),
            (Some(last), [b'~', text @ ..]) if last < Kind::CommitHash => hash(text),
            (Some(last), [b'-', b'r', text @ ..]) if last < Kind::Revision => {
                digits(Kind::Revision, text)
            }
            (Some(_), text) => (Kind::Invalid, text, &b""[..]),
        };
        (self.last, self.rest) = (Some(kind), rest);
        Token { kind, text }
    }
}

type Split<'a> = (Kind, &'a [u8], &'a [u8]);

fn digits(kind: Kind, text: &[u8]) -> Split<'_> {
    valid(kind, text, split_while(text, |byte| byte.is_ascii_digit()))
}

fn hash(text: &[u8]) -> Split<'_> {
    valid(
        Kind::CommitHash,
        text,
        split_while(text, |byte| byte.is_ascii_hexdigit()),
    )
}

fn suffix(text: &[u8]) -> Split<'_> {
    let (name, rest) = split_while(text, |byte| byte.is_ascii_lowercase());
    if SUFFIXES.contains(&name) {
        (Kind::Suffix, name, rest)
    } else {
        (Kind::Invalid, text, b"")
    }
}

fn valid<'a>(kind: Kind, all: &'a [u8], (text, rest): (&'a [u8], &'a [u8])) -> Split<'a> {
    if text.is_empty() {
        (Kind::Invalid, all, b"")
    } else {
        (kind, text, rest)
    }
}
