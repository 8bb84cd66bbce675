//! `report.html` of a roll: one self-contained page, readable without script, dark and light, printable.

pub mod chart;
mod style;

use jiff::Timestamp;
use maud::{DOCTYPE, Markup, PreEscaped, html};

use crate::words::{printable, tenths, watched};
use crate::{Budget, Node, NodeState, Outcome, RollFile};

/// With more nodes the drawing is left out: it would be higher than anyone scrolls. The table has all nodes.
const NODES_DRAWN: usize = 150;
/// So many budgets are drawn: those with the least headroom. The table has all budgets.
const BUDGETS_DRAWN: usize = 12;
/// Nothing is loaded, and no script runs.
const SECURITY: &str = "default-src 'none'; style-src 'unsafe-inline'";

/// A whole page around `body`.
pub fn document(title: &str, body: &Markup) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta http-equiv="Content-Security-Policy" content=(SECURITY);
                title { "Trireme: " (title) }
                style { (PreEscaped(style::STYLE)) }
            }
            body { h1 { (title) } (body) }
        }
    }
}

/// The page of one roll.
pub fn roll_page(roll: &RollFile) -> String {
    let title = printable(&format!("Roll to {}: {}", roll.to, roll.outcome.word()));
    let body = html! {
        p.lead { (instant(roll.started_at)) " to " (instant(roll.ended_at)) " UTC" }
        (ending(roll))
        (cards(roll))
        (timeline(roll))
        (budgets(roll))
        (nodes(roll))
        (images(roll))
        (identity(roll))
    };
    document(&title, &body).into_string()
}

/// Why it did not end well, and what is to do.
fn ending(roll: &RollFile) -> Markup {
    html! {
        @if let Some(reason) = &roll.reason { p.bad { "Reason: " (printable(reason)) } }
        @if !roll.left_cordoned.is_empty() {
            p.bad { "Still cordoned: " (list(&roll.left_cordoned)) "." }
        }
        @if !roll.may_be_cordoned.is_empty() {
            p.bad { "May still be cordoned, because the last update was not confirmed: " (list(&roll.may_be_cordoned)) "." }
        }
        @if roll.outcome != Outcome::Done {
            p { "Run the same " code { "put" } " again: it continues where this roll stopped." }
        }
    }
}

fn cards(roll: &RollFile) -> Markup {
    let tightest = tightest(roll).into_iter().next();
    html! {
        div.cards {
            div.card { b { (printable(&roll.from)) " → " (printable(&roll.to)) } span { "Kubernetes version" } }
            div.card { b { (roll.nodes_done()) " of " (roll.nodes.len()) } span { "nodes done" } }
            div.card { b { (format!("{:.1} s", tenths(roll.span().length()))) }
                span { "from the first cordon to the end" @if roll.runs.len() > 1 { ", in " (roll.runs.len()) " runs" } } }
            @if let Some((headroom, budget)) = tightest {
                div.card { b { (headroom) }
                    span { "least headroom of a budget: healthy pods above what " (printable(&budget.title())) " demands" } }
            }
        }
    }
}

fn timeline(roll: &RollFile) -> Markup {
    let gaps = roll.unwatched.as_deref().unwrap_or_default();
    let always = roll.unwatched.as_ref().is_some_and(Vec::is_empty);
    let begun = roll.nodes.iter().filter(|node| node.cordoned_at.is_some());
    let begun = begun.count();
    html! {
        h2 { "Nodes by zone" }
        @if begun == 0 {
            p { "No node was cordoned." }
        } @else if begun > NODES_DRAWN {
            p.lead { "Not drawn: more than " (NODES_DRAWN) " nodes. The table below has all nodes." }
        } @else {
            p.key { "each bar:" i.drain {} "drained" i.act {} "upgraded" i.wait {} "waited for, until in service"
                @if !gaps.is_empty() { i.unwatched {} "the roll did not watch the budgets" } }
            (chart::nodes(&shown(roll), chart::Axis::around(roll)))
        }
        p class=(if always { "good" } else { "bad" }) { "Watch: " (watched(roll)) "." }
    }
}

/// A copy with names that can be drawn.
fn shown(roll: &RollFile) -> RollFile {
    let mut roll = roll.clone();
    for node in &mut roll.nodes {
        node.name = printable(&node.name);
        node.zone = printable(&node.zone);
    }
    roll
}

/// The budgets with a sample, by their least headroom.
fn tightest(roll: &RollFile) -> Vec<(i64, &Budget)> {
    let headroom = |budget: &Budget| Some(budget.tightest()?.headroom());
    let budgets = roll.budgets.iter();
    let mut found: Vec<_> = budgets
        .filter_map(|budget| Some((headroom(budget)?, budget)))
        .collect();
    found.sort_by_key(|(headroom, _)| *headroom);
    found
}

fn budgets(roll: &RollFile) -> Markup {
    let found = tightest(roll);
    let axis = chart::Axis::around(roll);
    html! {
        h2 { "Disruption budgets" }
        @if found.is_empty() { p { "No budget was seen." } } @else {
            p.lead { "Healthy pods (line) and what the budget demands (dashed), as the roll saw them; the least headroom first." }
            @for (_, budget) in found.iter().take(BUDGETS_DRAWN) {
                @let levels: Vec<_> = budget.samples.iter().map(chart::Level::from).collect();
                (chart::budget(&printable(&budget.title()), &levels, axis))
            }
            div.wide { table {
                thead { tr { th { "budget" } th { "least headroom" } th { "healthy" } th { "demanded" } th { "disruptions allowed" } th { "seen at (UTC)" } } }
                tbody { @for (headroom, budget) in &found { @if let Some(sample) = budget.tightest() { tr {
                    td { (printable(&budget.title())) }
                    td class=(if *headroom < 0 { "number bad" } else { "number" }) { (headroom) }
                    td.number { (sample.current) } td.number { (sample.desired) } td.number { (sample.allowed) }
                    td { (instant(sample.at)) }
                } } } }
            } }
        }
    }
}

fn nodes(roll: &RollFile) -> Markup {
    html! {
        h2 { "Nodes" }
        div.wide { table {
            thead { tr { th { "node" } th { "zone" } th { "from" } th { "to" } th { "state" } th { "cordoned" } th { "drained" }
                th { "upgraded" } th { "Ready" } th { "uncordoned" } th { "seconds" } th { "attempts" } } }
            tbody { @for node in &roll.nodes { tr {
                td { (printable(&node.name)) } td { (printable(&node.zone)) }
                td { (text(node.from.as_deref())) } td { (text(node.to.as_deref())) }
                td class=(if node.state == NodeState::Done { "good" } else { "bad" }) { (state(node.state)) }
                @for time in [node.cordoned_at, node.drained_at, node.acted_at, node.ready_at, node.uncordoned_at] {
                    td { @if let Some(time) = time { (time.strftime("%H:%M:%S")) } }
                }
                td.number { (seconds(node)) }
                td { code { (printable(&node.attempts.join(" "))) } }
            } } }
        } }
        @if roll.nodes.iter().any(|node| node.one_clock == Some(false)) {
            p.lead { "“two clocks”: the times of this node come from two runs on machines whose clocks may differ, so no duration is computed." }
        }
    }
}

fn images(roll: &RollFile) -> Markup {
    html! {
        @if !roll.images.is_empty() {
            h2 { "Images" }
            div.wide { table {
                thead { tr { th { "name" } th { "image" } } }
                tbody { @for (name, image) in &roll.images { tr { td { (printable(name)) } td { code { (printable(image)) } } } } }
            } }
        }
    }
}

fn identity(roll: &RollFile) -> Markup {
    html! {
        h2 { "Identity" }
        div.wide { table { tbody {
            @if let Some(id) = &roll.roll { tr { th { "roll" } td { code { (printable(id)) } } } }
            tr { th { "blueprint" } td { code { (printable(&roll.blueprint)) } } }
            @for run in &roll.runs { tr {
                th { "run, Lease epoch " (run.epoch) }
                td { @match &run.holder { Some(holder) => { (printable(holder)) }, None => { "its holder is not known" } } }
            } }
        } } }
    }
}

fn seconds(node: &Node) -> String {
    match (node.took(), node.one_clock, node.seconds) {
        (Some(took), _, _) => format!("{:.1}", tenths(took)),
        (None, Some(false), _) => "two clocks".to_owned(),
        (None, _, Some(seconds)) => seconds.to_string(),
        (None, _, None) => String::new(),
    }
}

fn state(state: NodeState) -> &'static str {
    match state {
        NodeState::Done => "done",
        NodeState::Begun => "begun, not done",
        NodeState::NotBegun => "not begun",
    }
}

fn text(text: Option<&str>) -> String {
    text.map(printable).unwrap_or_default()
}

fn list(names: &[String]) -> String {
    printable(&names.join(", "))
}

fn instant(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M:%S").to_string()
}
