//! Drawings of a roll over time, as inline SVG. All share one axis, so that they can be read one below the other.

use jiff::Timestamp;
use maud::{Markup, html};

use crate::{Node, RollFile, Sample, Span};

/// The width of a drawing.
pub const WIDTH: f64 = 960.0;
const LEFT: f64 = 150.0;
/// What stays free at the right.
pub const RIGHT: f64 = 20.0;
const ROW: f64 = 22.0;
/// The height of a drawing of one line over time.
pub const PANEL: f64 = 90.0;

/// The time that a drawing shows.
#[derive(Clone, Copy)]
pub struct Axis {
    /// Where it begins, in milliseconds since 1970.
    pub start_ms: i64,
    /// Where it ends.
    pub end_ms: i64,
}

impl Axis {
    /// From a little before the roll to a little after it.
    pub fn around(roll: &RollFile) -> Self {
        let (start, end) = (
            roll.started_at.as_millisecond(),
            roll.ended_at.as_millisecond(),
        );
        let margin = ((end - start) / 50).max(500);
        Self {
            start_ms: start - margin,
            end_ms: end + margin,
        }
    }

    /// Where an instant is, in milliseconds since 1970.
    pub fn x_ms(self, at_ms: i64) -> f64 {
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
        let step = step.into_iter().find(|step| span_s / step <= 8);
        let step = step.unwrap_or(span_s / 8);
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

/// The nodes that were begun, zone by zone: how long each was drained, upgraded and waited for.
pub fn nodes(roll: &RollFile, axis: Axis) -> Markup {
    let begun = roll.nodes.iter().filter(|node| node.cordoned_at.is_some());
    let mut nodes: Vec<&Node> = begun.collect();
    nodes.sort_by_key(|node| (&node.zone, node.cordoned_at));
    let height = nodes.len() as f64 * ROW + 40.0;
    html! {
        svg viewBox=(format!("0 0 {WIDTH} {height}")) role="img" aria-label="Timeline of the nodes by zone" {
            (grid(axis, height))
            (shaded(roll.unwatched.as_deref().unwrap_or_default(), "the roll did not watch the budgets", axis, height))
            @for (index, node) in nodes.iter().enumerate() {
                @let y = 10.0 + index as f64 * ROW;
                @let new_zone = index == 0 || nodes[index - 1].zone != node.zone;
                @if new_zone && index > 0 { line class="zone" x1="0" x2=(WIDTH) y1=(y - 3.0) y2=(y - 3.0) {} }
                @if new_zone { text class="strong" x="0" y=(y + 13.0) { (node.zone) } }
                text x="70" y=(y + 13.0) { (node.name) }
                (bar("drain", node.cordoned_at, node.drained_at, axis, y, "drained"))
                (bar("act", node.drained_at, node.acted_at, axis, y, "upgraded"))
                (bar("wait", node.acted_at, node.uncordoned_at, axis, y, "back in service"))
            }
        }
    }
}

/// What a budget said at a time.
#[derive(Clone, Copy)]
pub struct Level {
    /// When.
    pub at: Timestamp,
    /// Healthy pods.
    pub current: i32,
    /// How many there must be.
    pub desired: i32,
}

impl From<&Sample> for Level {
    fn from(sample: &Sample) -> Self {
        Self {
            at: sample.at,
            current: sample.current,
            desired: sample.desired,
        }
    }
}

/// One budget: how many pods are healthy, and how many it demands.
pub fn budget(name: &str, levels: &[Level], axis: Axis) -> Markup {
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

/// The labelled lines behind a drawing.
pub fn grid(axis: Axis, height: f64) -> Markup {
    html! {
        @for (x, label) in axis.ticks() {
            line class="tick" x1=(x) x2=(x) y1="4" y2=(height - 18.0) {}
            text class="label" x=(x) y=(height - 4.0) { (label) }
        }
    }
}

/// Times in which something was not seen.
pub fn shaded(times: &[Span], title: &str, axis: Axis, height: f64) -> Markup {
    html! {
        @for time in times {
            @let (from, until) = (axis.x(time.from), axis.x(time.until));
            rect class="unwatched" x=(format!("{from:.1}")) y="4" width=(format!("{:.1}", (until - from).max(2.0))) height=(height - 22.0) {
                title { (title) }
            }
        }
    }
}

/// From one time to another. While the second is not known, it is not over; then it lasts to the end of the drawing.
fn bar(
    class: &str,
    from: Option<Timestamp>,
    to: Option<Timestamp>,
    axis: Axis,
    y: f64,
    title: &str,
) -> Markup {
    let Some(from) = from.map(|from| axis.x(from)) else {
        return html! {};
    };
    let to = to.map_or(axis.x_ms(axis.end_ms), |to| axis.x(to));
    html! {
        rect class=(class) x=(format!("{from:.1}")) y=(y) width=(format!("{:.1}", (to - from).max(1.0))) height=(ROW - 6.0) rx="2" {
            title { (title) }
        }
    }
}

/// A line that keeps its height until the next point, and to its end.
pub fn stairs(points: impl Iterator<Item = (f64, f64)>, end: f64) -> String {
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
