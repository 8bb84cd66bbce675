//! Whether a planted secret is in what a program wrote, in any of the forms in which secrets leak.

use std::{fs, path::Path};

use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE},
};

/// Base64 of a secret inside something longer differs in its outer characters.
const BASE64_EDGE: usize = 4;

/// Panics if the text holds one of these secrets: plain, URL-escaped, escaped as JSON, in base64 of either alphabet, or as the
/// numbers of its bytes.
pub fn assert_none(text: &str, secrets: &[&str]) {
    for secret in secrets {
        for form in forms(secret) {
            assert!(!text.contains(&form), "it shows {form:?}: {text}");
        }
    }
}

/// The same for every file below a folder, and for its name. A binary file is read as text as far as it is.
pub fn assert_none_in_files(folder: &Path, secrets: &[&str]) {
    let entries = fs::read_dir(folder).expect("the folder can be read");
    for entry in entries {
        let path = entry.expect("an entry").path();
        assert_none(&path.display().to_string(), secrets);
        if path.is_dir() {
            assert_none_in_files(&path, secrets);
        } else {
            let bytes = fs::read(&path).expect("the file can be read");
            assert_none(&String::from_utf8_lossy(&bytes), secrets);
        }
    }
}

/// The secret as a whole and, if it has several lines, each long one of them.
fn forms(secret: &str) -> Vec<String> {
    let lines = secret.lines().filter(|line| line.len() >= 16);
    let lines = lines.filter(|line| !line.starts_with("-----"));
    std::iter::once(secret)
        .chain(lines)
        .flat_map(forms_of_one)
        .collect()
}

fn forms_of_one(secret: &str) -> Vec<String> {
    let escaped = secret.replace('\\', "\\\\").replace('"', "\\\"");
    let escaped = escaped.replace('\n', "\\n");
    let url: String = secret.bytes().map(url_escaped).collect();
    let numbers: Vec<String> = secret.bytes().map(|byte| byte.to_string()).collect();
    let numbers = numbers.join(", ");
    let mut forms = vec![secret.to_owned(), escaped, url.to_lowercase(), url, numbers];
    for offset in 0..3 {
        let shifted = format!("{}{secret}", &"abc"[..offset]);
        let encoded = [STANDARD.encode(&shifted), URL_SAFE.encode(&shifted)];
        let long = encoded.iter().filter(|text| text.len() > 3 * BASE64_EDGE);
        forms.extend(long.map(|text| text[BASE64_EDGE..text.len() - BASE64_EDGE].to_owned()));
    }
    forms
}

fn url_escaped(byte: u8) -> String {
    match byte {
        b'-' | b'_' | b'.' | b'~' => char::from(byte).into(),
        letter if letter.is_ascii_alphanumeric() => char::from(letter).into(),
        other => format!("%{other:02X}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "pass/word+ \"7?>Qx!k@tz";

    fn is_found(text: &str) -> bool {
        std::panic::catch_unwind(|| assert_none(text, &[SECRET])).is_err()
    }

    #[test]
    fn every_form_is_found() {
        let basic = STANDARD.encode(format!("robot:{SECRET}"));
        let in_url = URL_SAFE.encode(SECRET);
        assert_ne!(in_url, STANDARD.encode(SECRET));
        for text in [
            SECRET,
            "pass%2Fword%2B%20%227%3F%3EQx%21k%40tz",
            "pass%2fword%2b%20%227%3f%3eqx%21k%40tz",
            "pass/word+ \\\"7?>Qx!k@tz",
            &basic,
            &in_url,
            &format!("{:?}", SECRET.as_bytes()),
        ] {
            assert!(is_found(&format!("before {text} after")), "{text}");
        }
        assert!(!is_found("pass/word"));
    }

    #[test]
    fn a_file_far_down_is_read() {
        let dir = tempfile::tempdir().expect("a folder");
        fs::create_dir(dir.path().join("a")).expect("made");
        fs::write(dir.path().join("a/b"), SECRET).expect("written");
        let found = std::panic::catch_unwind(|| assert_none_in_files(dir.path(), &[SECRET]));
        assert!(found.is_err());
    }
}
