//! The summary that ends a run, for people.

use std::fmt::Write;

use super::{Files, Summary};

/// The summary as text.
pub(super) fn text(summary: &Summary, files: &Files) -> String {
    let mut out = String::new();
    // Writing into a string cannot fail.
    let _ = write(&mut out, summary, files);
    out
}

fn write(out: &mut String, summary: &Summary, files: &Files) -> std::fmt::Result {
    let unknown = || "unknown".to_owned();
    writeln!(
        out,
        "\nrelease    {} (from {})",
        summary.release.to.clone().unwrap_or_else(unknown),
        summary.release.from.clone().unwrap_or_else(unknown)
    )?;
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
    writeln!(out, "available  {}", availability(summary))?;
    writeln!(out, "report     {}", files.page.display())?;
    writeln!(out, "summary    {}", files.summary.display())
}

/// One sentence on what was measured.
pub(super) fn availability(summary: &Summary) -> String {
    let probes = match summary.prober {
        None => "not measured".to_owned(),
        Some(probes) if probes.sent == 0 => "not measured: no connection was tried".to_owned(),
        Some(probes) => {
            let answered = probes.sent - probes.failed;
            // Rounded down: 99.99 % must never read 100 %.
            let share = (answered as f64 / probes.sent as f64 * 10_000.0).floor() / 100.0;
            format!(
                "{share:.2} % ({} of {} connections failed)",
                probes.failed, probes.sent
            )
        }
    };
    match summary.budget_violations {
        None => probes,
        Some(count) => format!("{probes}, {count} budget violations"),
    }
}
