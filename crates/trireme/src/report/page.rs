//! `report.html`: one self-contained page, readable without script, dark and light, printable.

use jiff::Timestamp;
use maud::{DOCTYPE, Markup, PreEscaped, html};
use trireme_blueprint::{BudgetSamples, Evidence};
use trireme_runner::{Idle, JobOutcome, RunReport};

use super::chart::Level;
use super::people::{UNFINISHED, counts, measured, share, watch, when};
use super::{RollEnd, Summary, Witnessed, chart};

const STYLE: &str = "
:root { color-scheme: light dark; --ink: #1b2430; --paper: #fbfbf9; --faint: #d9dde3; --soft: #66707d;
  --drain: #d98e04; --act: #3b6fb6; --wait: #7a9e3f; --good: #2e7d4f; --bad: #c0392b; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6e9ee; --paper: #14181e; --faint: #2c343f; --soft: #98a3b3;
  --drain: #f0b13c; --act: #6fa3ea; --wait: #a3c96a; --good: #58c088; --bad: #f07366; } }
body { margin: 2rem auto; max-width: 62rem; padding: 0 1rem; font: 16px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper); }
h1 { font-size: 1.6rem; margin-bottom: 0; } h2 { font-size: 1.1rem; margin: 2rem 0 .5rem; }
.lead { color: var(--soft); margin-top: .2rem; }
.cards { display: grid; grid-template-columns: repeat(auto-fit, minmax(13rem, 1fr)); gap: 1rem; margin: 1.5rem 0; }
.card { border: 1px solid var(--faint); border-radius: 8px; padding: .8rem 1rem; }
.card b { display: block; font-size: 1.2rem; font-variant-numeric: tabular-nums; } .card span { color: var(--soft); font-size: .85rem; }
table { border-collapse: collapse; width: 100%; font-size: .9rem; } .wide { overflow-x: auto; }
th, td { text-align: left; padding: .3rem .6rem; border-bottom: 1px solid var(--faint); } th { color: var(--soft); font-weight: 600; }
td.number { text-align: right; font-variant-numeric: tabular-nums; } code { font-size: .85em; overflow-wrap: anywhere; }
.good { color: var(--good); } .bad { color: var(--bad); }
svg { width: 100%; height: auto; display: block; } svg text { font-size: 12px; fill: var(--ink); } svg .strong { font-weight: 600; }
svg .label { fill: var(--soft); text-anchor: middle; font-size: 11px; } svg .tick { stroke: var(--faint); } svg .zone { stroke: var(--soft); stroke-dasharray: 2 3; }
.drain { fill: var(--drain); background: var(--drain); } .act { fill: var(--act); background: var(--act); } .wait { fill: var(--wait); background: var(--wait); }
svg .current { fill: none; stroke: var(--act); stroke-width: 2; } svg .desired { fill: none; stroke: var(--bad); stroke-dasharray: 5 4; }
.unwatched { fill: var(--bad); fill-opacity: .2; background: color-mix(in srgb, var(--bad) 20%, var(--paper)); }
svg .failed { fill: var(--bad); } .key i { display: inline-block; width: .8em; height: .8em; border-radius: 2px; margin: 0 .3em 0 1em; }
@media print { :root { color-scheme: light; --ink: #1b2430; --paper: #fff; --faint: #d9dde3; --soft: #66707d;
  --drain: #d98e04; --act: #3b6fb6; --wait: #7a9e3f; --good: #2e7d4f; --bad: #c0392b; } * { print-color-adjust: exact; }
  body { margin: 0; max-width: none; } .cards { grid-template-columns: repeat(4, 1fr); gap: .6rem; } h2 { break-after: avoid; } svg, tr { break-inside: avoid; } }
";

/// The page.
pub(super) fn page(summary: &Summary, report: &RunReport, witnessed: Option<&Witnessed>) -> Markup {
    let title = title(summary, report);
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { "Trireme: " (title) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                h1 { (title) }
                p.lead { (report.started_at.strftime("%Y-%m-%d %H:%M:%S UTC")) ", " (report.took.as_secs()) " s" }
                (cards(summary))
                (troubles(summary))
                (roll(summary, witnessed))
                (images(summary))
                (nodes(summary))
                (jobs(report))
            }
        }
    }
}

/// What came of the run, in a few words. Only a finished roll has evidence.
fn title(summary: &Summary, report: &RunReport) -> String {
    let outcome = match report.exit_code() {
        0 => "succeeded",
        2 => "a job was denied",
        75 => "aborted",
        _ => "a job failed",
    };
    match (&summary.evidence, &summary.release.to) {
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
    match (summary.roll, &summary.evidence) {
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
        p.key { "each bar:" i.drain {} "drained" i.act {} "acted on" i.wait {} "waited for, until in service"
            @if !gaps.is_empty() { i.unwatched {} "the roll did not watch the budgets" } }
        (chart::nodes(evidence, axis))
        p class=(if always { "good" } else { "bad" }) { "Watch: " (watch(evidence)) "." }
        @if let Some(seen) = witnessed {
            h2 { "Availability while the cluster rolled" }
            (chart::prober(&seen.measured, holes, axis))
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
fn budgets(evidence: &Evidence, witnessed: Option<&Witnessed>) -> Vec<(String, Vec<Level>)> {
    let Some(seen) = witnessed else {
        let named = |budget: &BudgetSamples| {
            let samples = budget.samples.iter();
            let levels = samples.map(|one| level(one.at, one.current, one.desired));
            let name = format!("{}/{}", budget.namespace, budget.name);
            (name, levels.collect())
        };
        return evidence.budgets.iter().map(named).collect();
    };
    let budgets = seen.observed.budgets.iter();
    let levels = budgets.map(|(name, samples)| {
        let samples = samples.iter();
        let levels = samples.map(|one| level(one.at, one.current, one.desired));
        (name.clone(), levels.collect())
    });
    levels.collect()
}

fn level(at: Timestamp, current: i32, desired: i32) -> Level {
    Level {
        at,
        current,
        desired,
    }
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
                td { (node.name) } td { (node.zone) } td { (node.from) } td { (node.to) } td.number { (format!("{:.1}", node.seconds)) }
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
