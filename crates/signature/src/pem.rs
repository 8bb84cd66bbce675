//! PEM blocks (RFC 7468), read leniently in layout and strictly in content: YAML, copy and paste change the
//! former only.

use base64::{Engine as _, engine::general_purpose::STANDARD};

/// A PEM text holds one key; the largest, an RSA-4096 key sealed by cosign, has 5 kB.
const PEM_LIMIT_BYTES: usize = 64 * 1024;

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
    #[error("the PEM block {0:?} is not base64")]
    Base64(String, #[source] base64::DecodeError),
}

/// Reads the one block of `text`.
pub(crate) fn read(text: &str) -> Result<Block, PemError> {
    if text.len() > PEM_LIMIT_BYTES {
        return Err(PemError::TooLong);
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
        .map_err(|e| PemError::Base64(label.into(), e))?;
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

fn marker<'a>(line: &'a str, kind: &str) -> Option<&'a str> {
    line.strip_prefix("-----")?
        .strip_prefix(kind)?
        .strip_prefix(' ')?
        .strip_suffix("-----")
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
        assert!(matches!(
            read(&text.replace("MDEy", "MD!y")),
            Err(PemError::Base64(..))
        ));
        assert!(matches!(
            read(&" ".repeat(PEM_LIMIT_BYTES + 1)),
            Err(PemError::TooLong)
        ));
    }
}
