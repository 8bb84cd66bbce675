//! The fields of an event, as text.

use std::error::Error;
use std::fmt::{Debug, Write as _};

use tracing::Metadata;
use tracing::field::{Field, Visit};

use super::{Line, REQUEST};
use crate::redact::redact;

/// What was recorded. Nothing of it has passed the redactor yet.
#[derive(Default)]
pub(super) struct Fields {
    pub object: Option<String>,
    message: String,
    done: bool,
    /// The texts of an error and its causes, outermost first.
    causes: Vec<String>,
    others: Vec<(&'static str, String)>,
}

impl Fields {
    /// The fields that `record` records.
    pub fn of(record: impl FnOnce(&mut Self)) -> Self {
        let mut fields = Self::default();
        record(&mut fields);
        fields
    }

    /// The line that they make.
    pub fn line(self, metadata: &Metadata<'static>) -> Line {
        let (level, target, done) = (*metadata.level(), metadata.target(), self.done);
        let message = match target == REQUEST {
            true => self.request(),
            false => self.text(),
        };
        let object = self.object.as_deref();
        let crate_name = || target.split("::").next().unwrap_or(target);
        Line {
            level,
            target,
            object: redact(object.unwrap_or_else(crate_name)),
            message: redact(&message),
            done,
        }
    }

    /// The message, then the other fields, then what led to it.
    fn text(&self) -> String {
        let mut text = self.message.clone();
        for (name, value) in &self.others {
            let space = if text.is_empty() { "" } else { " " };
            let _ = write!(text, "{space}{name}={value}");
        }
        for cause in &self.causes {
            let because = if text.is_empty() { "" } else { "\n  because: " };
            let _ = write!(text, "{because}{cause}");
        }
        text
    }

    /// The line of one request: `GET https://host/path 200 12 ms`.
    fn request(&self) -> String {
        let other = |name| {
            let mut others = self.others.iter();
            let found = others.find(|(other, _)| *other == name);
            found.map(|(_, value)| value.as_str())
        };
        let shown = |name| other(name).unwrap_or("?");
        let status = other("status").unwrap_or("no answer");
        let (method, url, milliseconds) = (shown("method"), shown("url"), shown("milliseconds"));
        let attempt = match other("attempt") {
            None | Some("1") => String::new(),
            Some(attempt) => format!(" (attempt {attempt})"),
        };
        format!("{method} {url} {status} {milliseconds} ms{attempt}")
    }

    fn take(&mut self, field: &Field, value: String) {
        match field.name() {
            "object" => self.object = Some(value),
            "message" => self.message = value,
            name => self.others.push((name, value)),
        }
    }
}

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.take(field, format!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.take(field, value.to_owned());
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        match field.name() {
            "done" => self.done = value,
            _ => self.take(field, value.to_string()),
        }
    }

    fn record_error(&mut self, field: &Field, value: &(dyn Error + 'static)) {
        let mut texts: Vec<String> = Vec::new();
        let mut cause = Some(value);
        while let Some(error) = cause {
            texts.push(error.to_string());
            cause = error.source();
        }
        // One layer of an error may show the text of the next as its own.
        texts.dedup();
        match field.name() {
            "error" => self.causes = texts,
            _ => self.take(field, texts.join(": ")),
        }
    }
}
