//! The summary that ends a run, for people.

use std::fmt::Write;

use jiff::SignedDuration;
use trireme_blueprint::{Evidence, Span};

use super::summary::tenths;
use super::{Files, Summary};

/// More gaps than this are in `summary.json` alone.
const GAPS_SHOWN: usize = 5;
const INSTANT: &str = "%Y-%m-%d %H:%M:%S";

/// The summary as text.
pub(super) fn text(summary: &Summary, files: &Files) -> String {
    let mut out = String::new();
    // Writing into a string cannot fail.
    let _ = write(&mut out, summary, files);
    out
}

fn write(out: &mut String, summary: &Summary, files: &Files) -> std::fmt::Result {
    writeln!(out)?;
    if let Some(to) = &summary.release.to {
        let from = summary.release.from.as_ref();
        let from = from.map_or_else(
            || "no node rolled".to_owned(),
            |from| format!("from {from}"),
        );
        writeln!(out, "release    {to} ({from})")?;
    }
    for image in &summary.images {
        let verdict = image.verdict.as_deref().unwrap_or("not judged");
        let findings = match image.findings {
            None => String::new(),
            Some(1) => " (1 finding)".to_owned(),
            Some(count) => format!(" ({count} findings)"),
        };
        let signed = if image.signed { "signed" } else { "not signed" };
        writeln!(
            out,
            "image      {}\n           {}  {verdict}{findings}, {signed}",
            image.reference, image.digest
        )?;
    }
    for node in &summary.nodes {
        writeln!(
            out,
            "node       {:<12} {:<8} {} -> {}  {:>6.1} s",
            node.name, node.zone, node.from, node.to, node.seconds
        )?;
    }
    if let Some(evidence) = &summary.evidence {
        writeln!(out, "watch      {}", watch(evidence))?;
    }
    writeln!(out, "available  {}", availability(summary))?;
    writeln!(out, "report     {}", files.page.display())?;
    writeln!(out, "summary    {}", files.summary.display())
}

/// The availability and what it follows from, in one line.
pub(super) fn availability(summary: &Summary) -> String {
    let (share, counts) = (share(summary), counts(summary));
    match counts.is_empty() {
        true => share,
        false => format!("{share} ({counts})"),
    }
}

/// How much was answered, rounded down: 99.999 % must never read 100 %.
pub(super) fn share(summary: &Summary) -> String {
    match summary.prober {
        Some(probes) if probes.sent > 0 => {
            let answered = (probes.sent - probes.failed) as f64;
            let share = (answered / probes.sent as f64 * 10_000.0).floor() / 100.0;
            format!("{share:.2} %")
        }
        _ => "not measured".to_owned(),
    }
}

/// What was counted on the way.
pub(super) fn counts(summary: &Summary) -> String {
    let probes = summary.prober.map(|probes| match probes.sent {
        0 => "no connection was tried".to_owned(),
        sent => format!("{} of {sent} connections failed", probes.failed),
    });
    let violations = summary.budget_violations;
    let violations = violations.map(|count| format!("{count} budget violations"));
    let counts: Vec<_> = probes.into_iter().chain(violations).collect();
    counts.join(", ")
}

/// Whether the roll watched the budgets all the time.
pub(super) fn watch(evidence: &Evidence) -> String {
    let gaps = match evidence.unwatched.as_deref() {
        None => return "it was not noted when the roll did not watch the budgets".to_owned(),
        Some([]) => return "the roll watched the budgets all the time".to_owned(),
        Some(gaps) => gaps,
    };
    let length = |gap: &Span| gap.until.duration_since(gap.from);
    let missed = gaps.iter().map(length).sum::<SignedDuration>();
    let whole = evidence.finished_at.duration_since(evidence.started_at);
    let times = gaps.iter().take(GAPS_SHOWN).map(|gap| {
        let (from, until) = (gap.from.strftime(INSTANT), gap.until.strftime("%H:%M:%S"));
        format!("{from} to {until}")
    });
    let mut text = times.collect::<Vec<_>>().join(", ");
    if gaps.len() > GAPS_SHOWN {
        text.push_str(&format!(" and {} more times", gaps.len() - GAPS_SHOWN));
    }
    let (missed, whole) = (tenths(missed), tenths(whole));
    format!("the roll did not watch the budgets for {missed:.1} s of {whole:.1} s: {text} (UTC)")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn evidence(unwatched: serde_json::Value) -> Evidence {
        let value = json!({
            "format": 1, "blueprint": "b", "from": "v1.36.4", "to": "v1.37.2", "nodes": [], "budgets": [],
            "started_at": "2026-01-01T10:00:00Z", "finished_at": "2026-01-01T10:01:40Z", "unwatched": unwatched,
        });
        serde_json::from_value(value).unwrap()
    }

    #[test]
    fn times_without_a_watch_are_said_and_those_not_noted_are_not_taken_for_none() {
        let gap = |second: u32| json!({"from": format!("2026-01-01T10:00:{second:02}Z"), "until": format!("2026-01-01T10:00:{:02}.500Z", second + 1)});
        assert_eq!(
            watch(&evidence(json!([gap(2), gap(20)]))),
            "the roll did not watch the budgets for 3.0 s of 100.0 s: \
             2026-01-01 10:00:02 to 10:00:03, 2026-01-01 10:00:20 to 10:00:21 (UTC)"
        );
        let many: Vec<_> = (0..9).map(gap).collect();
        assert!(watch(&evidence(json!(many))).ends_with(" and 4 more times (UTC)"));
        assert!(watch(&evidence(json!([]))).contains("all the time"));
        assert!(watch(&evidence(json!(null))).contains("not noted"));
    }
}
