//! PEM blocks (RFC 7468), read leniently in layout and strictly in content: YAML, copy and paste change the
//! former only. No error shows any of the text but a label of capital letters: the text may be a private key.

use base64::{Engine as _, engine::general_purpose::STANDARD};

/// A PEM text holds one key; the largest, an RSA-4096 key sealed by cosign, has 5 kB.
const PEM_LIMIT_BYTES: usize = 64 * 1024;

/// The longest that is used is `ENCRYPTED SIGSTORE PRIVATE KEY`.
const LABEL_LIMIT_CHARS: usize = 40;

pub(crate) struct Block {
    pub label: String,
    pub bytes: Vec<u8>,
}

#[derive(Debug, thiserror::Error)]
pub(crate) enum PemError {
    #[error("no PEM block: expected a line -----BEGIN …-----")]
    NoBlock,
    #[error("the PEM block {0:?} has no matching -----END line; was it cut off?")]
    NoEnd(String),
    #[error("more than one PEM block; give the one that is meant")]
    Several,
    #[error("{PEM_LIMIT_BYTES} bytes are the most that a key has")]
    TooLong,
    #[error(
        "the key is on one line: its line breaks were lost; in YAML write `|`, which keeps them, and not `>`"
    )]
    OneLine,
    #[error("the PEM block {0:?} is not base64")]
    Base64(String),
}

/// Reads the one block of `text`.
pub(crate) fn read(text: &str) -> Result<Block, PemError> {
    if text.len() > PEM_LIMIT_BYTES {
        return Err(PemError::TooLong);
    }
    if is_on_one_line(text) {
        return Err(PemError::OneLine);
    }
    let mut lines = text.lines().map(str::trim);
    let label = lines
        .find_map(|line| marker(line, "BEGIN"))
        .ok_or(PemError::NoBlock)?;
    let mut body = String::new();
    loop {
        let line = lines.next().ok_or_else(|| PemError::NoEnd(label.into()))?;
        if marker(line, "END") == Some(label) {
            break;
        }
        body.push_str(line);
    }
    if lines.any(|line| marker(line, "BEGIN").is_some()) {
        return Err(PemError::Several);
    }
    let bytes = STANDARD
        .decode(body)
        .map_err(|_| PemError::Base64(label.into()))?;
    Ok(Block {
        label: label.into(),
        bytes,
    })
}

/// Writes a block, 64 columns wide.
pub(crate) fn write(label: &str, bytes: &[u8]) -> String {
    let body = STANDARD.encode(bytes);
    let mut text = format!("-----BEGIN {label}-----\n");
    for (index, c) in body.chars().enumerate() {
        if index > 0 && index % 64 == 0 {
            text.push('\n');
        }
        text.push(c);
    }
    text + &format!("\n-----END {label}-----\n")
}

/// The label of a line that is a mark and nothing else.
fn marker<'a>(line: &'a str, kind: &str) -> Option<&'a str> {
    let label = line
        .strip_prefix("-----")?
        .strip_prefix(kind)?
        .strip_prefix(' ')?
        .strip_suffix("-----")?;
    is_label(label).then_some(label)
}

fn is_label(text: &str) -> bool {
    let may = |c: char| c.is_ascii_uppercase() || c == ' ';
    (1..=LABEL_LIMIT_CHARS).contains(&text.len()) && text.chars().all(may)
}

/// Whether there is more beside a mark, also a line break that is written as `\n`.
fn is_on_one_line(text: &str) -> bool {
    let mut lines = text.lines().map(str::trim);
    lines.any(|line| {
        let is_begin = line.contains("-----BEGIN ");
        is_begin && marker(line, "BEGIN").is_none()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_in_any_layout() {
        let bytes: Vec<u8> = (0..200).collect();
        let text = write("PUBLIC KEY", &bytes);
        assert!(text.lines().all(|line| line.len() <= 64));
        for text in [
            text.clone(),
            text.replace('\n', "\r\n  "),
            format!("hello\n{text}\nbye"),
        ] {
            let block = read(&text).unwrap_or_else(|e| panic!("{text}: {e}"));
            assert_eq!((block.label.as_str(), &block.bytes), ("PUBLIC KEY", &bytes));
        }
    }

    /// A folded scalar of YAML makes spaces of line breaks, some stores of secrets remove them.
    #[test]
    fn a_key_on_one_line_is_told_by_that_and_not_shown() {
        let text = write("PRIVATE KEY", b"0123456789");
        for text in [
            text.replace('\n', " "),
            text.replace('\n', ""),
            text.replace('\n', "\\n"),
            format!("key: {text}"),
        ] {
            let Err(error) = read(&text) else {
                panic!("{text} was taken");
            };
            assert!(matches!(error, PemError::OneLine), "{text}: {error}");
            assert!(!format!("{error} {error:?}").contains("MDEy"), "{error}");
        }
    }

    #[test]
    fn broken_texts_are_named() {
        let text = write("PUBLIC KEY", b"0123456789");
        let cut = text.split("-----END").next().unwrap();
        assert!(matches!(read(cut), Err(PemError::NoEnd(_))));
        assert!(matches!(
            read("https://key.example.com"),
            Err(PemError::NoBlock)
        ));
        assert!(matches!(read(&text.repeat(2)), Err(PemError::Several)));
        let broken = read(&text.replace("MDEy", "MD!y"));
        assert!(matches!(broken, Err(PemError::Base64(..))));
        assert!(matches!(
            read(&" ".repeat(PEM_LIMIT_BYTES + 1)),
            Err(PemError::TooLong)
        ));
    }
}
