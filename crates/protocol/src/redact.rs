//! The filter that every output passes: no secret leaves, in any encoding.
//!
//! Known encodings: plain, JSON-escaped, URL-escaped (upper and lower case hex), hex, and base64 (standard and URL-safe
//! alphabets) at all three alignments, so that a secret inside `user:password` is found too, and the numbers of its bytes. A
//! secret is also known by its parts ([`parts`]): a PEM and a kubeconfig line by line and word by word, however their line
//! breaks were lost. Every form is found when line breaks divide it, as `base64` and PEM writers put them. The password of a
//! URL is a secret under whatever key the URL stands. Concourse itself redacts plain values only
//! (`atc/engine/build_step_delegate.go`).

mod parts;
mod wrapped;

use std::cmp::Reverse;
use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use percent_encoding::{NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use url::Url;

/// What stands in the place of a secret.
pub const MASK: &str = "((redacted))";

/// A shorter secret would mask ordinary words; Concourse's own redaction skips values of one character.
const SHORTEST: usize = 3;

/// A shorter run of base64 would mask ordinary words.
const SHORTEST_CORE: usize = 6;

/// The filter of this process.
static FILTER: Mutex<Filter> = Mutex::new(Filter::new());

/// Every form of every secret, the longest first, so that a part never breaks the whole.
struct Filter(BTreeSet<(Reverse<usize>, String)>);

impl Filter {
    const fn new() -> Self {
        Self(BTreeSet::new())
    }

    fn register_secret(&mut self, secret: &str) {
        let parts = parts::of(secret);
        for form in parts.iter().flat_map(|part| forms(part)) {
            self.0.insert((Reverse(form.len()), form));
        }
    }

    fn redact(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for (_, form) in &self.0 {
            if text.contains(form.as_str()) {
                text = text.replace(form.as_str(), MASK);
            }
        }
        wrapped::mask(text, self.0.iter().map(|(_, form)| form.as_str()))
    }
}

fn filter() -> MutexGuard<'static, Filter> {
    FILTER.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Registers a secret with the filter.
pub fn register_secret(secret: &str) {
    filter().register_secret(secret);
}

/// Registers the password in a URL, e.g. `http://user:password@proxy:3128`; the scheme may be missing, as
/// proxies are often written.
pub fn register_url(text: &str) {
    let url = match text.contains("://") {
        true => Url::parse(text),
        false => Url::parse(&format!("http://{text}")),
    };
    let password = match &url {
        Ok(url) => url.password(),
        Err(_) => password_of_no_url(text),
    };
    if let Some(password) = password {
        register_secret(password);
        register_secret(&percent_decode_str(password).decode_utf8_lossy());
    }
}

/// The password in what should be a URL and cannot be read as one: its port is not a number, or the password has a `/`.
fn password_of_no_url(text: &str) -> Option<&str> {
    if text.contains(char::is_whitespace) {
        return None;
    }
    let rest = text.split_once("://").map_or(text, |(_, rest)| rest);
    let (user, _) = rest.rsplit_once('@')?;
    user.split_once(':').map(|(_, password)| password)
}

/// The text with every known form of every known secret masked.
pub fn redact(text: &str) -> String {
    filter().redact(text)
}

fn forms(secret: &str) -> Vec<String> {
    if secret.len() < SHORTEST {
        return Vec::new();
    }
    let url = utf8_percent_encode(secret, NON_ALPHANUMERIC).to_string();
    let mut forms = vec![
        secret.to_owned(),
        json_escaped(secret),
        debug_escaped(secret),
        url_userinfo(secret),
        url_form(secret),
        url_unreserved(secret),
        url.clone(),
        lower_hex_escapes(&url),
        hex::encode(secret),
        hex::encode_upper(secret),
        numbers(secret),
    ];
    forms.extend(base64_cores(secret));
    forms.sort();
    forms.dedup();
    forms
}

fn json_escaped(secret: &str) -> String {
    let quoted = serde_json::Value::from(secret).to_string();
    quoted[1..quoted.len() - 1].to_owned()
}

/// The form in which Rust's `Debug` shows bytes.
fn numbers(secret: &str) -> String {
    let numbers: Vec<String> = secret.bytes().map(|byte| byte.to_string()).collect();
    numbers.join(", ")
}

/// The form in which Rust's `Debug` quotes text.
fn debug_escaped(secret: &str) -> String {
    secret.escape_debug().to_string()
}

/// The form of a password inside a URL: the userinfo percent-encode set of the URL standard.
fn url_userinfo(secret: &str) -> String {
    const USERINFO: &percent_encoding::AsciiSet = &percent_encoding::CONTROLS
        .add(b' ')
        .add(b'"')
        .add(b'#')
        .add(b'<')
        .add(b'>')
        .add(b'?')
        .add(b'`')
        .add(b'{')
        .add(b'}')
        .add(b'/')
        .add(b':')
        .add(b';')
        .add(b'=')
        .add(b'@')
        .add(b'[')
        .add(b'\\')
        .add(b']')
        .add(b'^')
        .add(b'|');
    utf8_percent_encode(secret, USERINFO).to_string()
}

/// The form of a value in a form body or a query: `application/x-www-form-urlencoded` of the URL standard.
fn url_form(secret: &str) -> String {
    const FORM: &percent_encoding::AsciiSet = &NON_ALPHANUMERIC
        .remove(b'*')
        .remove(b'-')
        .remove(b'.')
        .remove(b'_')
        .remove(b' ');
    utf8_percent_encode(secret, FORM)
        .to_string()
        .replace(' ', "+")
}

/// The form that most URL encoders write: unreserved characters stay (RFC 3986 section 2.3).
fn url_unreserved(secret: &str) -> String {
    const RESERVED: &percent_encoding::AsciiSet = &NON_ALPHANUMERIC
        .remove(b'-')
        .remove(b'.')
        .remove(b'_')
        .remove(b'~');
    utf8_percent_encode(secret, RESERVED).to_string()
}

fn lower_hex_escapes(url: &str) -> String {
    let mut escaped = 0;
    url.chars()
        .map(|character| {
            escaped = if character == '%' { 2 } else { escaped };
            if character != '%' && escaped > 0 {
                escaped -= 1;
                return character.to_ascii_lowercase();
            }
            character
        })
        .collect()
}

/// The characters of a base64 text that follow from the secret alone, for each of the three alignments in which it
/// may stand inside a longer text.
fn base64_cores(secret: &str) -> Vec<String> {
    let mut cores = Vec::new();
    for offset in 0..3 {
        let mut bytes = vec![0; offset];
        bytes.extend_from_slice(secret.as_bytes());
        let start = (offset * 8).div_ceil(6);
        let end = bytes.len() * 8 / 6;
        if end.saturating_sub(start) < SHORTEST_CORE {
            continue;
        }
        for engine in [&STANDARD, &URL_SAFE] {
            cores.push(engine.encode(&bytes)[start..end].to_owned());
        }
    }
    cores
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn ordinary_text_stays() {
        assert_eq!(
            redact("node w-a1: evicting 3 pods"),
            "node w-a1: evicting 3 pods"
        );
    }

    #[test]
    fn a_pem_is_known_line_by_line() {
        register_secret(
            "-----BEGIN KEY-----\nMIGHAgEAMBMGByqGSM49\nAgEGCCqGSM49AwEH\n-----END KEY-----\n",
        );
        assert_eq!(
            redact("found MIGHAgEAMBMGByqGSM49 here"),
            format!("found {MASK} here")
        );
        assert_eq!(redact("-----BEGIN KEY-----"), "-----BEGIN KEY-----");
    }

    /// What an error of a parser quotes of a text is what it took for one line or one word of it.
    #[test]
    fn no_part_of_a_pem_passes_however_its_line_breaks_were_lost() {
        const BODY: [&str; 3] = [
            "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg",
            "Zm9sZGVkIHNjYWxhcnMgbG9zZSBicmVha3M3",
            "c2hvcnQx",
        ];
        let pem = format!(
            "-----BEGIN KEY-----\n{}\n-----END KEY-----\n",
            BODY.join("\n")
        );
        for secret in [
            pem.clone(),
            pem.replace('\n', " "),
            pem.replace('\n', ""),
            pem.replace('\n', "\r\n"),
            pem.replace('\n', "\\n"),
            pem[..pem.len() - 20].to_owned(),
        ] {
            let filter = knowing(&secret);
            let bytes = format!("{:?}", secret.trim().as_bytes());
            assert!(
                !filter.redact(&bytes).contains("77, 73, 71, 72"),
                "{secret:?}"
            );
            for shown in [
                secret.clone(),
                secret.replace("-----", ""),
                secret
                    .split_whitespace()
                    .collect::<Vec<_>>()
                    .join(" \u{2026} "),
                BODY.concat(),
                format!("{secret:?}"),
            ] {
                let seen = filter.redact(&shown);
                for line in BODY {
                    assert!(!seen.contains(line), "of {secret:?} {seen:?} is shown");
                }
            }
        }
    }

    #[test]
    fn a_word_that_looks_like_a_key_is_known_in_a_secret_of_any_layout() {
        let filter = knowing(
            "users: - name: admin user: {token: eyJhbGciOiJSUzI1NiIs.ImtpZCI6, server: 'https://api.example.com:6443'}",
        );
        assert_eq!(
            filter.redact("found eyJhbGciOiJSUzI1NiIs.ImtpZCI6!"),
            format!("found {MASK}!")
        );
        let other = "admin at https://api.example.com:6443";
        assert_eq!(filter.redact(other), other);
    }

    #[test]
    fn the_password_of_a_url_is_known() {
        for url in [
            "http://robot:hunter2%40proxy@host:3128",
            "robot:hunter2%40proxy@host:3128",
        ] {
            register_url(url);
            assert_eq!(redact("has hunter2@proxy"), format!("has {MASK}"));
            assert!(!redact(&format!("{url} failed")).contains("hunter2"));
        }
        for url in [
            "http://robot:hun/ter2@host",
            "http://robot:hun/ter2@host:port",
            "robot:hun/ter2@[::1",
        ] {
            register_url(url);
            assert_eq!(redact("has hun/ter2"), format!("has {MASK}"), "{url}");
        }
        for other in ["host:3128", "app@sha256:00", "http://user@host", "a b"] {
            register_url(other);
            assert_eq!(redact(other), other);
        }
    }

    #[test]
    fn a_secret_of_two_characters_masks_nothing() {
        register_secret("no");
        assert_eq!(redact("no node"), "no node");
    }

    /// A filter of its own: that of the process grows with every case.
    fn knowing(secret: &str) -> Filter {
        let mut filter = Filter::new();
        filter.register_secret(secret);
        filter
    }

    proptest! {
        #[test]
        fn no_line_break_lets_a_secret_pass(secret in "[!-\\[\\]-~]{12,90}", width in 1usize..77, indent in "[ \t]{0,2}") {
            let filter = knowing(&secret);
            for encoded in [secret.clone(), hex::encode(&secret), STANDARD.encode(format!("robot:{secret}"))] {
                let lines: Vec<&str> = encoded.as_bytes().chunks(width).map(|line| std::str::from_utf8(line).unwrap()).collect();
                for end in ["\n", "\r\n", "\\n"] {
                    let seen = filter.redact(&lines.join(&format!("{end}{indent}")));
                    prop_assert!(seen.contains(MASK), "{encoded} passed as {seen}");
                }
            }
        }

        #[test]
        fn no_encoding_of_a_secret_passes(secret in "[!-~]{8,40}", before in "[a-z]{0,5}", after in "[a-z]{0,5}") {
            let filter = knowing(&secret);
            let joined = format!("{before}:{secret}:{after}");
            for text in [
                joined.clone(),
                serde_json::Value::from(joined.clone()).to_string(),
                utf8_percent_encode(&joined, NON_ALPHANUMERIC).to_string(),
                lower_hex_escapes(&utf8_percent_encode(&joined, NON_ALPHANUMERIC).to_string()),
                hex::encode(&joined),
                STANDARD.encode(&joined),
                URL_SAFE.encode(&joined),
                format!("{joined:?}"),
                url_userinfo(&joined),
                url_form(&joined),
            ] {
                let seen = filter.redact(&text);
                prop_assert!(seen.contains(MASK), "{text} passed as {seen}");
                prop_assert!(!seen.contains(&secret));
            }
        }

        /// The rest of the text is as it was, so that a masked line still says what happened.
        #[test]
        fn what_is_around_a_secret_stays(secret in "[A-Z]{12,20}", before in "[a-z ]{0,9}", after in "[a-z ]{0,9}") {
            let filter = knowing(&secret);
            prop_assert_eq!(filter.redact(&format!("{before}{secret}{after}")), format!("{before}{MASK}{after}"));
        }
    }
}
