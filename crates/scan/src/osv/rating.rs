//! The severity that an advisory states.
//!
//! Publishers state it in four places and three languages: as a CVSS vector or a word under `severity`, as a word of
//! the publisher, as a word of the ecosystem. The highest of them counts, with one exception: when Debian calls an
//! advisory `unimportant`, it says that the flaw is none in what Debian builds, and it knows better than a vector
//! that was written for the upstream source.

use serde_json::Value;
use trireme_finding::{Rating, Severity};

use super::{Advisory, Affected, SeverityEntry, score};

pub(super) fn of(advisory: &Advisory, affected: &Affected) -> Rating {
    if text(affected.ecosystem_specific.urgency.as_ref()) == Some("unimportant") {
        return Rating::Known(Severity::Negligible);
    }
    let entries = advisory
        .severity
        .iter()
        .chain(&affected.severity)
        .filter_map(entry);
    let words = [
        &affected.ecosystem_specific.urgency,
        &affected.ecosystem_specific.severity,
        &affected.database_specific.severity,
        &advisory.database_specific.severity,
    ];
    let words = words
        .into_iter()
        .filter_map(|value| word(text(value.as_ref())?));
    entries
        .chain(words)
        .max()
        .map_or(Rating::Unknown, Rating::Known)
}

fn text(value: Option<&Value>) -> Option<&str> {
    value.and_then(Value::as_str)
}

fn entry(entry: &SeverityEntry) -> Option<Severity> {
    match entry.scheme.as_str() {
        "CVSS_V2" | "CVSS_V3" | "CVSS_V4" => score(&entry.score).map(Severity::from_cvss),
        _ => word(&entry.score),
    }
}

/// The words of Debian, Ubuntu, GitHub, Red Hat and SUSE.
fn word(word: &str) -> Option<Severity> {
    match word.to_ascii_lowercase().trim_end_matches('*') {
        "critical" => Some(Severity::Critical),
        "high" | "important" => Some(Severity::High),
        "medium" | "moderate" => Some(Severity::Medium),
        "low" => Some(Severity::Low),
        "negligible" => Some(Severity::Negligible),
        _ => None,
    }
}
