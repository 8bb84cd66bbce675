//! What came back.

use std::{pin::Pin, time::Duration};

use bytes::{Bytes, BytesMut};
use futures_util::{Stream, StreamExt as _};
use http::{HeaderMap, StatusCode, header::CONTENT_TYPE};
use serde::Deserialize;
use tokio::time::{Instant, timeout, timeout_at};
use url::Url;

use crate::{TransportError, redacted};

/// How long nothing may come of a body.
const IDLE_DEADLINE: Duration = Duration::from_secs(60);
/// The slowest body that is waited for, in bytes per second: one that comes byte by byte would never be idle, and never end.
const SLOWEST_BYTES_PER_S: u64 = 1024;
/// How long an answer is read that is only to be told about.
const DETAIL_DEADLINE: Duration = Duration::from_secs(10);
/// How much of an unexpected answer is read, to be told about.
pub(crate) const DETAIL_LIMIT_BYTES: u64 = 16 * 1024;
const DETAIL_SHOWN_CHARS: usize = 300;

/// An answer with its whole body.
#[derive(Clone, Debug)]
pub struct Fetched {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The body, within the limit that was asked for.
    pub body: Bytes,
}

impl Fetched {
    /// The header as text, if it is there and is text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The answer for an error message.
    pub fn describe(&self) -> String {
        describe_answer(&self.headers, &self.body)
    }

    /// What a registry says is wrong, in its own words: `NAME_UNKNOWN: no such repository`.
    pub fn words(&self) -> Option<String> {
        registry_words(&self.body).map(|words| shortened(&words))
    }
}

/// An answer whose body is still to come.
pub struct Streamed {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    pub(crate) url: Url,
    pub(crate) body: Pin<Box<dyn Stream<Item = reqwest::Result<Bytes>> + Send>>,
    pub(crate) received: u64,
    /// The time that was spent waiting for the body; what its reader does meanwhile does not count.
    pub(crate) waited: Duration,
}

impl Streamed {
    pub(crate) fn new(response: reqwest::Response) -> Self {
        Self {
            status: response.status(),
            headers: response.headers().clone(),
            url: response.url().clone(),
            body: response.bytes_stream().boxed(),
            received: 0,
            waited: Duration::ZERO,
        }
    }

    /// Who answered: not who was asked, where a redirect was followed.
    pub fn url(&self) -> &Url {
        &self.url
    }

    /// The next piece of the body, `None` at its end.
    ///
    /// # Errors
    /// When the connection breaks, nothing comes for a minute, or it comes too slowly.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>, TransportError> {
        let started = Instant::now();
        let next = timeout(self.patience(), self.body.next()).await;
        self.waited += started.elapsed();
        let broken = |source| TransportError::BodyBroken {
            url: redacted(&self.url),
            received: self.received,
            source,
        };
        match next {
            Err(elapsed) => Err(broken(elapsed.into())),
            Ok(None) => Ok(None),
            Ok(Some(Err(error))) => Err(broken(error.without_url().into())),
            Ok(Some(Ok(bytes))) => {
                self.received += bytes.len() as u64;
                Ok(Some(bytes))
            }
        }
    }

    /// How long the next piece may take.
    fn patience(&self) -> Duration {
        let earned = Duration::from_secs(self.received / SLOWEST_BYTES_PER_S);
        (IDLE_DEADLINE + earned)
            .saturating_sub(self.waited)
            .min(IDLE_DEADLINE)
    }

    /// The whole body.
    ///
    /// # Errors
    /// Also when it is larger than `limit_bytes`.
    pub async fn collect(mut self, limit_bytes: u64) -> Result<Fetched, TransportError> {
        let mut body = BytesMut::new();
        while let Some(chunk) = self.chunk().await? {
            if self.received > limit_bytes {
                return Err(TransportError::TooLarge {
                    url: redacted(&self.url),
                    limit_bytes,
                });
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Fetched {
            status: self.status,
            headers: self.headers,
            body: body.freeze(),
        })
    }

    /// The start of the body for an error message.
    pub async fn describe(self) -> String {
        self.start().await.describe()
    }

    /// The start of the body, to be told about; what cannot be read is not worth another error.
    pub async fn start(mut self) -> Fetched {
        let mut body = BytesMut::new();
        let until = Instant::now() + DETAIL_DEADLINE;
        while (body.len() as u64) < DETAIL_LIMIT_BYTES {
            match timeout_at(until, self.chunk()).await {
                Ok(Ok(Some(chunk))) => body.extend_from_slice(&chunk),
                _ => break,
            }
        }
        Fetched {
            status: self.status,
            headers: self.headers,
            body: body.freeze(),
        }
    }
}

/// The errors of a registry, as the distribution specification writes them.
#[derive(Deserialize)]
struct Errors {
    errors: Vec<Problem>,
}

#[derive(Deserialize)]
struct Problem {
    code: String,
    #[serde(default)]
    message: String,
}

fn registry_words(body: &[u8]) -> Option<String> {
    let found: Errors = serde_json::from_slice(body).ok()?;
    let words = found.errors.into_iter().map(|problem| {
        let Problem { code, message } = problem;
        match message.is_empty() {
            true => code,
            false => format!("{code}: {message}"),
        }
    });
    Some(words.collect::<Vec<_>>().join("; ")).filter(|words| !words.is_empty())
}

/// An answer in words: those of a registry, else the start of its text, or that it is a page for people, which no API sends.
pub fn describe_answer(headers: &HeaderMap, body: &[u8]) -> String {
    let kind = headers
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok());
    let start = body.trim_ascii_start();
    let tagged = start.len() >= 5
        && (start[..5].eq_ignore_ascii_case(b"<html") || start[..5].eq_ignore_ascii_case(b"<!doc"));
    if tagged || kind.is_some_and(|kind| kind.starts_with("text/html")) {
        return "an HTML page (is it a login page, or one of a proxy?)".into();
    }
    if let Some(words) = registry_words(body) {
        return shortened(&words);
    }
    let text = String::from_utf8_lossy(body);
    match text.trim() {
        "" => "an empty body".into(),
        text => shortened(text),
    }
}

/// The start of a text, in one line.
fn shortened(text: &str) -> String {
    let shown: String = text
        .chars()
        .filter(|c| !c.is_control())
        .take(DETAIL_SHOWN_CHARS)
        .collect();
    if text.chars().count() > DETAIL_SHOWN_CHARS {
        format!("{} …", without_cut_word(&shown))
    } else {
        shown
    }
}

/// Without the last word, which may be the half of a secret: nobody would know it as one. What is all one word is left
/// out altogether.
fn without_cut_word(text: &str) -> &str {
    let is_in_word = |c: char| c.is_alphanumeric() || "+/=-_.%".contains(c);
    text.trim_end_matches(is_in_word).trim_end()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_described_in_one_short_line() {
        let none = HeaderMap::new();
        assert!(describe_answer(&none, b" \n<!DOCTYPE html><p>hi").contains("HTML"));
        assert_eq!(describe_answer(&none, b"  \n"), "an empty body");
        assert_eq!(describe_answer(&none, b"{\"a\":\n1}"), "{\"a\":1}");
        let registry = br#"{"errors":[{"code":"NAME_UNKNOWN","message":"no such repository","detail":{}},{"code":"DENIED"}]}"#;
        let words = "NAME_UNKNOWN: no such repository; DENIED";
        assert_eq!(describe_answer(&none, registry), words);
        assert_eq!(
            describe_answer(&none, b"{\"errors\":[]}"),
            "{\"errors\":[]}"
        );
        let long = describe_answer(&none, "an answer ".repeat(500).as_bytes());
        assert!(long.chars().count() <= DETAIL_SHOWN_CHARS + 2 && long.ends_with('…'));
        let secret = format!(
            "{}, token=half.of+it/=",
            "x".repeat(DETAIL_SHOWN_CHARS - 12)
        );
        let cut = describe_answer(&none, format!("{secret}{secret}").as_bytes());
        assert!(cut.ends_with("x, …"), "{cut}");
    }

    #[test]
    fn a_body_that_comes_byte_by_byte_is_not_waited_for_without_end() {
        let patience = |received, waited| {
            let body = futures_util::stream::pending().boxed();
            let streamed = Streamed {
                status: StatusCode::OK,
                headers: HeaderMap::new(),
                url: Url::parse("http://host/").unwrap(),
                body,
                received,
                waited: Duration::from_secs(waited),
            };
            streamed.patience().as_secs()
        };
        assert_eq!(patience(0, 0), 60);
        assert_eq!(patience(59, 59), 1);
        assert_eq!(patience(60, 60), 0);
        assert_eq!(patience(1024 * 1024, 1000), 60);
    }
}
