//! `report.html`: one self-contained page, readable without script, dark and light, printable.

use maud::{Markup, html};
use trireme_evidence::RollFile;
use trireme_evidence::page::chart::{self, Level};
use trireme_evidence::page::document;
use trireme_evidence::words::watched;
use trireme_runner::{Idle, JobOutcome, RunReport};

use super::chart::prober;
use super::people::{UNFINISHED, counts, measured, share, when};
use super::{RollEnd, Summary, Witnessed};

/// The page.
pub(super) fn page(summary: &Summary, report: &RunReport, witnessed: Option<&Witnessed>) -> Markup {
    let title = title(summary, report);
    let body = html! {
        p.lead { (report.started_at.strftime("%Y-%m-%d %H:%M:%S UTC")) ", " (report.took.as_secs()) " s" }
        (cards(summary))
        (troubles(summary))
        (roll(summary, witnessed))
        (images(summary))
        (nodes(summary))
        (jobs(report))
    };
    document(&title, &body)
}

/// What came of the run, in a few words.
fn title(summary: &Summary, report: &RunReport) -> String {
    let outcome = match report.exit_code() {
        0 => "succeeded",
        2 => "a job was denied",
        75 => "aborted",
        _ => "a job failed",
    };
    match (summary.evidence.as_ref(), &summary.release.to) {
        (Some(evidence), _) if outcome == "succeeded" => format!("Repaired to {}", evidence.to),
        (Some(evidence), _) => format!("Repaired to {}; {outcome}", evidence.to),
        (None, Some(to)) => format!("Release {to}: {outcome}"),
        (None, None) => format!("Run: {outcome}"),
    }
}

fn cards(summary: &Summary) -> Markup {
    let release = [&summary.release.from, &summary.release.to];
    let release: Vec<&str> = release.into_iter().flatten().map(String::as_str).collect();
    let permitted = summary
        .images
        .iter()
        .filter(|image| image.verdict.as_deref() == Some("permit"))
        .count();
    let counts = counts(summary);
    html! {
        div.cards {
            @if !release.is_empty() { div.card { b { (release.join(" → ")) } span { "Kubernetes release" } } }
            div.card { b { (permitted) " of " (summary.images.len()) } span { "images permitted" } }
            div.card { b { (nodes_rolled(summary)) } span { "nodes rolled" } }
            div.card { b { (share(summary).unwrap_or_else(|| "not measured".to_owned())) }
                span { "available " (when(summary)) @if !counts.is_empty() { ": " (counts) } } }
        }
    }
}

/// How many; a roll that did not finish has not said.
fn nodes_rolled(summary: &Summary) -> String {
    match (summary.roll, summary.evidence.as_ref()) {
        (RollEnd::Unfinished, None) => "not known".to_owned(),
        _ => summary.nodes.len().to_string(),
    }
}

fn troubles(summary: &Summary) -> Markup {
    html! {
        @if !summary.troubles.is_empty() {
            h2 { "What stopped" }
            @for trouble in &summary.troubles { p.bad { (trouble.text()) } }
        }
    }
}

fn roll(summary: &Summary, witnessed: Option<&Witnessed>) -> Markup {
    let Some(evidence) = &summary.evidence else {
        return match summary.roll {
            RollEnd::Unfinished => html! { p.bad { "Roll: " (UNFINISHED) "." } },
            _ => html! { p { "No node was rolled in this run." } },
        };
    };
    let axis = chart::Axis::around(evidence);
    let gaps = evidence.unwatched.as_deref().unwrap_or_default();
    let always = evidence.unwatched.is_some() && gaps.is_empty();
    let holes = summary.unmeasured().unwrap_or_default();
    let who = if witnessed.is_some() {
        "an observer with a watch of its own"
    } else {
        "the roll"
    };
    html! {
        h2 { "Nodes by zone" }
        p.key { "each bar:" i.drain {} "drained" i.act {} "upgraded" i.wait {} "waited for, until in service"
            @if !gaps.is_empty() { i.unwatched {} "the roll did not watch the budgets" } }
        (chart::nodes(evidence, axis))
        p class=(if always { "good" } else { "bad" }) { "Watch: " (watched(evidence)) "." }
        @if let Some(seen) = witnessed {
            h2 { "Availability while the cluster rolled" }
            (prober(&seen.measured, holes, axis))
            @if let Some(probes) = &summary.prober {
                p class=(if holes.is_empty() { "good" } else { "bad" }) { "Prober: " (measured(probes, summary.evidence.as_ref())) "." }
            }
        }
        h2 { "Disruption budgets" }
        p.lead { "Healthy pods (line) above what the budget demands (dashed), as " (who) " saw them." }
        @for (name, levels) in budgets(evidence, witnessed) { (chart::budget(&name, &levels, axis)) }
    }
}

/// What the budgets said: to an observer of its own, or else to the roll.
fn budgets(roll: &RollFile, witnessed: Option<&Witnessed>) -> Vec<(String, Vec<Level>)> {
    let Some(seen) = witnessed else {
        let budgets = roll.budgets.iter();
        let levels = budgets.map(|budget| {
            let levels = budget.samples.iter().map(Level::from);
            (budget.title(), levels.collect())
        });
        return levels.collect();
    };
    let budgets = seen.observed.budgets.iter();
    let levels = budgets.map(|(name, samples)| {
        let levels = samples.iter().map(|one| Level {
            at: one.at,
            current: one.current,
            desired: one.desired,
        });
        (name.clone(), levels.collect())
    });
    levels.collect()
}

fn images(summary: &Summary) -> Markup {
    html! {
        h2 { "Images" }
        div.wide { table {
            thead { tr { th { "image" } th { "digest" } th { "verdict" } th { "findings" } th { "signature" } } }
            tbody { @for image in &summary.images { tr {
                td { (image.reference) }
                td { code { (image.digest) } }
                td class=(if image.verdict.as_deref() == Some("permit") { "good" } else { "bad" }) { (image.verdict.as_deref().unwrap_or("not judged")) }
                td.number { @if let Some(count) = image.findings { (count) } }
                td { @if image.signed { span.good { "verified" } } @else { "none" } }
            } } }
        } }
    }
}

fn nodes(summary: &Summary) -> Markup {
    html! {
        h2 { "Nodes" }
        div.wide { table {
            thead { tr { th { "node" } th { "zone" } th { "from" } th { "to" } th { "seconds" } } }
            tbody { @for node in &summary.nodes { tr {
                td { (node.name) } td { (node.zone) } td { (node.from) } td { (node.to) } td.number { @if let Some(seconds) = node.seconds { (format!("{seconds:.1}")) } @else { "two clocks" } }
            } } }
        } }
    }
}

fn jobs(report: &RunReport) -> Markup {
    html! {
        h2 { "Jobs" }
        div.wide { table {
            thead { tr { th { "job" } th { "outcome" } th { "steps" } th { "seconds" } } }
            tbody { @for job in &report.jobs { tr {
                td { (job.name) }
                @match &job.outcome {
                    JobOutcome::Built(builds) => {
                        td { @for build in builds { (build.status) " " } }
                        td.number { (builds.iter().map(|build| build.steps.len()).sum::<usize>()) }
                        td.number { (builds.iter().map(|build| build.took.as_secs()).sum::<u64>()) }
                    }
                    JobOutcome::Idle(Idle::Waiting { input, reason }) => { td { "waits for " (input) ": " (reason) } td {} td {} }
                    JobOutcome::Idle(Idle::NotTriggered) => { td { "not triggered" } td {} td {} }
                    JobOutcome::Idle(Idle::UpToDate) => { td { "nothing to do" } td {} td {} }
                    JobOutcome::Unknown(_) => { td.bad { "a check failed" } td {} td {} }
                }
            } } }
        } }
    }
}
