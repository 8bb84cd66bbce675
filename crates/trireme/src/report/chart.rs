//! Drawings of a roll over time, as inline SVG. All share one axis, so that they can be read one below the other.

use jiff::Timestamp;
use maud::{Markup, html};
use trireme_blueprint::{Evidence, Span};
use trireme_sandbox::witnesses::prober::{Bucket, Measured};

use super::availability::{BUCKET_MS, HOLE_MS};

const WIDTH: f64 = 960.0;
const LEFT: f64 = 150.0;
const RIGHT: f64 = 20.0;
const ROW: f64 = 22.0;
const PANEL: f64 = 90.0;

/// The time that a drawing shows.
#[derive(Clone, Copy)]
pub(super) struct Axis {
    start_ms: i64,
    end_ms: i64,
}

impl Axis {
    /// From a little before the roll to a little after it.
    pub(super) fn around(evidence: &Evidence) -> Self {
        let (start, end) = (
            evidence.started_at.as_millisecond(),
            evidence.finished_at.as_millisecond(),
        );
        let margin = ((end - start) / 50).max(500);
        Self {
            start_ms: start - margin,
            end_ms: end + margin,
        }
    }

    fn x_ms(self, at_ms: i64) -> f64 {
        let span = (self.end_ms - self.start_ms).max(1) as f64;
        let share = (at_ms - self.start_ms) as f64 / span;
        LEFT + share.clamp(0.0, 1.0) * (WIDTH - LEFT - RIGHT)
    }

    fn x(self, at: Timestamp) -> f64 {
        self.x_ms(at.as_millisecond())
    }

    /// Some five labelled instants, in whole seconds since the start.
    fn ticks(self) -> Vec<(f64, String)> {
        let span_s = ((self.end_ms - self.start_ms) / 1000).max(1);
        let step = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1800, 3600, 7200];
        let step = step
            .into_iter()
            .find(|step| span_s / step <= 8)
            .unwrap_or(14_400);
        (0..=span_s / step)
            .map(|number| {
                (
                    self.x_ms(self.start_ms + number * step * 1000),
                    format!("{} s", number * step),
                )
            })
            .collect()
    }
}

/// The nodes, zone by zone: how long each was drained, acted on and waited for.
pub(super) fn nodes(evidence: &Evidence, axis: Axis) -> Markup {
    let mut nodes: Vec<_> = evidence.nodes.iter().collect();
    nodes.sort_by_key(|node| (&node.zone, node.cordoned_at));
    let height = nodes.len() as f64 * ROW + 40.0;
    html! {
        svg viewBox=(format!("0 0 {WIDTH} {height}")) role="img" aria-label="Timeline of the nodes by zone" {
            (grid(axis, height))
            (shaded(evidence.unwatched.as_deref().unwrap_or_default(), "the roll did not watch the budgets", axis, height))
            @for (index, node) in nodes.iter().enumerate() {
                @let y = 10.0 + index as f64 * ROW;
                @let new_zone = index == 0 || nodes[index - 1].zone != node.zone;
                @if new_zone && index > 0 { line class="zone" x1="0" x2=(WIDTH) y1=(y - 3.0) y2=(y - 3.0) {} }
                @if new_zone { text class="strong" x="0" y=(y + 13.0) { (node.zone) } }
                text x="70" y=(y + 13.0) { (node.name) }
                (bar("drain", axis.x(node.cordoned_at), axis.x(node.drained_at), y, "drained"))
                (bar("act", axis.x(node.drained_at), axis.x(node.acted_at), y, "acted on"))
                (bar("wait", axis.x(node.acted_at), axis.x(node.uncordoned_at), y, "back in service"))
            }
        }
    }
}

/// What a budget said at a time.
#[derive(Clone, Copy)]
pub(super) struct Level {
    pub(super) at: Timestamp,
    /// Healthy pods.
    pub(super) current: i32,
    /// How many there must be.
    pub(super) desired: i32,
}

/// One budget: what is healthy, above what it demands.
pub(super) fn budget(name: &str, levels: &[Level], axis: Axis) -> Markup {
    // Of what was before the drawing, the last holds at its beginning.
    let before = |level: &&Level| level.at.as_millisecond() < axis.start_ms;
    let shown = &levels[levels.iter().take_while(before).count().saturating_sub(1)..];
    let tops = shown.iter().map(|level| level.current.max(level.desired));
    let top = tops.max().unwrap_or(1).max(1);
    let y = |value: i32| 10.0 + (PANEL - 30.0) * (1.0 - f64::from(value) / f64::from(top));
    let line = |value: fn(&Level) -> i32| {
        let points = shown.iter();
        let points = points.map(|level| (axis.x(level.at), y(value(level))));
        stairs(points, WIDTH - RIGHT)
    };
    html! {
        svg viewBox=(format!("0 0 {WIDTH} {PANEL}")) role="img" aria-label=(format!("Budget {name} over time")) {
            (grid(axis, PANEL))
            text class="strong" x="0" y="20" { (name) }
            text x="0" y="36" { "healthy, 0 to " (top) }
            path class="desired" d=(line(|level| level.desired)) {}
            path class="current" d=(line(|level| level.current)) {}
        }
    }
}

/// The prober's line: answered connections per quarter of a second, failures in red, and when nobody measured.
pub(super) fn prober(measured: &Measured, unmeasured: &[Span], axis: Axis) -> Markup {
    // The last one is cut off by the end of the run: its few answers are no fall.
    let whole = measured.buckets.len().saturating_sub(1);
    let shown: Vec<_> = measured
        .buckets
        .iter()
        .enumerate()
        .filter(|(index, bucket)| *index < whole || bucket.failed > 0)
        .map(|(_, bucket)| bucket)
        .filter(|bucket| (axis.start_ms..=axis.end_ms).contains(&bucket.at_ms))
        .collect();
    let top = shown
        .iter()
        .map(|bucket| bucket.sent)
        .max()
        .unwrap_or(1)
        .max(1) as f64;
    let y = |count: u64| 10.0 + (PANEL - 30.0) * (1.0 - count as f64 / top);
    let line = |stretch: &[&Bucket]| {
        let points = stretch
            .iter()
            .map(|bucket| (axis.x_ms(bucket.at_ms), y(bucket.sent - bucket.failed)));
        let end_ms = stretch
            .last()
            .map_or(axis.start_ms, |last| last.at_ms + BUCKET_MS);
        stairs(points, axis.x_ms(end_ms))
    };
    // Over a hole there is no line: nobody knows.
    let stretches = shown.chunk_by(|one, next| next.at_ms - one.at_ms < HOLE_MS);
    html! {
        svg viewBox=(format!("0 0 {WIDTH} {PANEL}")) role="img" aria-label="Answered connections over time" {
            (grid(axis, PANEL))
            (shaded(unmeasured, "nobody measured", axis, PANEL))
            text class="strong" x="0" y="20" { "prober" }
            text x="0" y="36" { "answers per 250 ms" }
            @for stretch in stretches { path class="current" d=(line(stretch)) {} }
            @for bucket in shown.iter().filter(|bucket| bucket.failed > 0) {
                circle class="failed" cx=(axis.x_ms(bucket.at_ms)) cy=(y(bucket.sent - bucket.failed)) r="3" {
                    title { (bucket.failed) " failed" }
                }
            }
        }
    }
}

fn grid(axis: Axis, height: f64) -> Markup {
    html! {
        @for (x, label) in axis.ticks() {
            line class="tick" x1=(x) x2=(x) y1="4" y2=(height - 18.0) {}
            text class="label" x=(x) y=(height - 4.0) { (label) }
        }
    }
}

/// Times in which something was not seen.
fn shaded(times: &[Span], title: &str, axis: Axis, height: f64) -> Markup {
    html! {
        @for time in times {
            @let (from, until) = (axis.x(time.from), axis.x(time.until));
            rect class="unwatched" x=(format!("{from:.1}")) y="4" width=(format!("{:.1}", (until - from).max(2.0))) height=(height - 22.0) {
                title { (title) }
            }
        }
    }
}

fn bar(class: &str, from: f64, to: f64, y: f64, title: &str) -> Markup {
    html! {
        rect class=(class) x=(format!("{from:.1}")) y=(y) width=(format!("{:.1}", (to - from).max(1.0))) height=(ROW - 6.0) rx="2" {
            title { (title) }
        }
    }
}

/// A line that keeps its height until the next point, and to its end.
fn stairs(points: impl Iterator<Item = (f64, f64)>, end: f64) -> String {
    let mut path = String::new();
    for (x, y) in points {
        if path.is_empty() {
            path = format!("M{x:.1} {y:.1}");
        } else {
            path.push_str(&format!("H{x:.1}V{y:.1}"));
        }
    }
    if !path.is_empty() {
        path.push_str(&format!("H{end:.1}"));
    }
    path
}
