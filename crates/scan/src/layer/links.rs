//! Where symlinks lead, by their names alone.

use std::{
    collections::{BTreeMap, VecDeque},
    io,
};

/// How many links one name may lead through, as in container runtimes.
const LINKS_LIMIT: usize = 255;
/// How long the name of a folder, and what a link leads to, may be: Linux has none that are longer.
const NAME_LIMIT_BYTES: usize = 4096;

/// Symlinks and what they lead to, as they say it.
pub(super) type Links = BTreeMap<String, String>;

/// What a link leads to, as it says it.
///
/// # Errors
/// It is longer than Linux allows.
pub(super) fn target(path: &str, name: &[u8]) -> io::Result<String> {
    if name.len() > NAME_LIMIT_BYTES {
        return Err(invalid(format!(
            "{path} is a link to a name of more than {NAME_LIMIT_BYTES} bytes"
        )));
    }
    Ok(String::from_utf8_lossy(name).into_owned())
}

/// The path of a file whose folder may be behind links. A link in the place of the file itself is not followed.
///
/// # Errors
/// The links go round in a circle, or the name is longer than Linux allows.
pub(super) fn resolve<'a>(
    path: &str,
    link_at: impl Fn(&str) -> Option<&'a str>,
) -> io::Result<String> {
    let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
    let mut at = String::new();
    let mut waiting: VecDeque<&str> = folder.split('/').collect();
    let mut passed = 0;
    while let Some(part) = waiting.pop_front() {
        match part {
            "" | "." => continue,
            ".." => leave(&mut at),
            part => enter(&mut at, part),
        }
        if at.len() > NAME_LIMIT_BYTES {
            return Err(invalid(format!(
                "a folder has a name of more than {NAME_LIMIT_BYTES} bytes"
            )));
        }
        let Some(target) = link_at(&at) else {
            continue;
        };
        passed += 1;
        if passed > LINKS_LIMIT {
            return Err(invalid(format!("the links in {path} go round in a circle")));
        }
        match target.starts_with('/') {
            true => at.clear(),
            false => leave(&mut at),
        }
        target
            .split('/')
            .rev()
            .for_each(|part| waiting.push_front(part));
    }
    enter(&mut at, name);
    Ok(at)
}

/// Whether a folder of this path is one of the links.
pub(super) fn is_behind(path: &str, is_link: impl Fn(&str) -> bool) -> bool {
    path.match_indices('/').any(|(at, _)| is_link(&path[..at]))
}

fn enter(at: &mut String, part: &str) {
    if !at.is_empty() {
        at.push('/');
    }
    at.push_str(part);
}

fn leave(at: &mut String) {
    at.truncate(at.rfind('/').unwrap_or(0));
}

fn invalid(reason: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, reason)
}
