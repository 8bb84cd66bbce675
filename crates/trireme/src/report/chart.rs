//! The prober's line over the time of a roll, as inline SVG beside the drawings of `trireme_evidence`.

use maud::{Markup, html};
use trireme_evidence::Span;
use trireme_evidence::page::chart::{Axis, PANEL, WIDTH, grid, shaded, stairs};
use trireme_sandbox::witnesses::prober::{Bucket, Measured};

use super::availability::{BUCKET_MS, HOLE_MS};

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
