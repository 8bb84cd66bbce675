//! What a deciding crate must not name: a clock, files, a network, a process, a thread, randomness.

use regex::Regex;

/// Modules of the standard library that do what a deciding crate must leave to its callers.
const MODULES: &str = "(?:env|fs|net|process|thread)";

/// The first thing in `code` that makes it impure, as it is written there.
///
/// # Panics
/// The expression is no expression.
pub fn impurity(code: &str) -> Option<&str> {
    let expression = [
        // Used by its path, and brought in alone, under another name or among others.
        format!(r"\b{MODULES}::"),
        format!(r"\bstd::{MODULES}\b"),
        format!(r"\bstd::\{{[^;]*\b{MODULES}\b[^;]*;"),
        r"\bFile::".to_owned(),
        r"\bstd(?:in|out|err)\(".to_owned(),
        // Any clock: `Instant`, `SystemTime`, jiff's `Timestamp` and `Zoned`.
        r"::now\b".to_owned(),
        r"\b(?:OsRng|SysRng|ThreadRng)\b".to_owned(),
        r"\b(?:fastrand|getrandom|rand)::".to_owned(),
    ]
    .join("|");
    let expression = Regex::new(&expression).expect("the expression is constant");
    expression.find(code).map(|found| found.as_str())
}

#[cfg(test)]
mod tests {
    use super::impurity;

    #[test]
    fn every_spelling_of_what_is_impure_is_found() {
        for code in [
            "std::fs::read(path)",
            "use std::fs as files;",
            "use std::{fs, env};",
            "use std::{\n    collections::BTreeMap,\n    io::{self, Read},\n    process,\n};",
            "fs::read(path)",
            "File::open(path)",
            "thread::sleep(pause)",
            "net::TcpStream::connect(address)",
            "io::stdin()",
            "Instant::now()",
            "jiff::Timestamp::now()",
            "instants.map_or_else(SystemTime::now, later)",
            "OsRng.fill(key)",
            "getrandom::fill(key)",
            "rand::random()",
        ] {
            assert!(impurity(code).is_some(), "{code}");
        }
    }

    #[test]
    fn what_only_looks_like_it_is_left_alone() {
        for code in [
            "use std::{collections::BTreeMap, fmt, io::{self, Read}};\nlet fs = 1;",
            "use std::time::Duration;",
            "env!(\"CARGO_PKG_VERSION\")",
            "offs::read(now)",
            "operand::new()",
            "fn profile(file: &File)",
        ] {
            assert_eq!(impurity(code), None, "{code}");
        }
    }
}
