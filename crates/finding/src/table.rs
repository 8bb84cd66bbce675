//! The findings as a table for people.

use std::fmt::Write as _;

use crate::{Examined, Finding, Verdict};

/// The verdict as text: what was decided and why, the findings that count, the others, and what was not examined.
pub fn table(verdict: &Verdict) -> String {
    let mut text = format!("{} {}\n", verdict.decision.word(), verdict.digest);
    for reason in &verdict.reasons {
        line(&mut text, format_args!("  because {}", reason.message));
    }
    for examined in &verdict.examined {
        let (platform, digest) = (&examined.platform, &examined.digest);
        let packages = counts(examined);
        line(
            &mut text,
            format_args!("  examined {platform}: {packages} ({digest})"),
        );
    }
    for said in verdict.unsupported() {
        line(&mut text, format_args!("  {said}"));
    }
    section(&mut text, "Findings that count", &verdict.findings);
    section(&mut text, "Suppressed by the policy", &verdict.suppressed);
    if !verdict.not_examined.is_empty() {
        line(&mut text, format_args!("\nNot examined"));
        for part in &verdict.not_examined {
            let (count, what) = (part.count, &part.what);
            let names = printable(&part.examples.join(", "));
            let accepted = if part.accepted {
                "; accepted by the policy"
            } else {
                ""
            };
            line(
                &mut text,
                format_args!("  {count} × {what}: {}{accepted} ({names})", part.reason),
            );
        }
    }
    text
}

/// `5 packages of Debian:12, 130 of Go`.
fn counts(examined: &Examined) -> String {
    let counts = examined.counts();
    let Some(first) = counts.first() else {
        return "no packages".to_owned();
    };
    let noun = if first.packages == 1 {
        "package"
    } else {
        "packages"
    };
    let mut text = format!("{} {noun} of {}", first.packages, first.ecosystem);
    for counted in &counts[1..] {
        text.push_str(&format!(", {} of {}", counted.packages, counted.ecosystem));
    }
    text
}

fn section(text: &mut String, title: &str, findings: &[Finding]) {
    if findings.is_empty() {
        return;
    }
    let mut rows: Vec<_> = findings.iter().collect();
    rows.sort_by_key(|finding| (finding.severity.reading_order(), finding.content()));
    let mut cells =
        vec![["SEVERITY", "ADVISORY", "PACKAGE", "INSTALLED", "FIXED IN"].map(str::to_owned)];
    cells.extend(rows.into_iter().map(row));
    line(text, format_args!("\n{title}"));
    let widths: [usize; 5] = std::array::from_fn(|i| {
        cells
            .iter()
            .map(|row| row[i].chars().count())
            .max()
            .unwrap_or(0)
    });
    for row in cells {
        let padded = row
            .iter()
            .zip(widths)
            .map(|(cell, width)| format!("{cell:width$}"))
            .collect::<Vec<_>>();
        line(text, format_args!("  {}", padded.join("  ").trim_end()));
    }
}

fn row(finding: &Finding) -> [String; 5] {
    let fixed = finding.fixed.as_deref().unwrap_or("no fix yet");
    [
        finding.severity.word(),
        &finding.id,
        &finding.package,
        &finding.version,
        fixed,
    ]
    .map(printable)
}

/// Advisories and package databases are foreign text: a control character must not move the reader's cursor.
fn printable(cell: &str) -> String {
    cell.chars()
        .map(|c| if c.is_control() { '\u{fffd}' } else { c })
        .collect()
}

fn line(text: &mut String, arguments: std::fmt::Arguments<'_>) {
    // Writing to a String cannot fail.
    let _ = writeln!(text, "{arguments}");
}
